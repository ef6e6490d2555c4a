"""What a review would otherwise have to remember: contracts, the one factory of subscribers, one broad except."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FACTORY = ROOT / "hub/consumers/subscriber.py"
#: The usual handler is measured against, in all its plainness.
BENCH = ROOT / "hub/bench"
#: Only the door asks the clock (bench and the terminal measure how long something took).
CLOCKS = {"hub/app.py"}


def trees() -> list[tuple[Path, ast.Module]]:
    paths = sorted(p for room in ("hub", "connectors") for p in (ROOT / room).rglob("*.py"))
    return [(p, ast.parse(p.read_text(encoding="utf-8"))) for p in paths]


def calls(tree: ast.Module) -> list[ast.Call]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]


def test_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_no_bare_faststream_subscriber_exists() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, tree in trees()
        if path != FACTORY and BENCH not in path.parents
        for call in calls(tree)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "subscriber"
    ]
    assert bare == []


def test_the_factory_acknowledges_nothing_and_reads_raw_batches() -> None:
    text = FACTORY.read_text(encoding="utf-8")
    for needed in ("ack_policy=AckPolicy.MANUAL", "batch=True", "parser=leave_alone", "decoder=hand_over"):
        assert needed in text


def test_everything_is_caught_in_one_place() -> None:
    broad = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
                # Cleaning up and raising again catches nothing.
                reraises = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
                if not reraises or path.name == "batch.py":
                    broad.append(str(path.relative_to(ROOT)))
    assert broad == ["hub/consumers/batch.py"]


def _is_broad(type_: ast.expr | None) -> bool:
    return type_ is None or (isinstance(type_, ast.Name) and type_.id in {"Exception", "BaseException"})


def test_only_the_door_asks_the_clock_or_draws_ids() -> None:
    asked = []
    for path, tree in trees():
        inside = str(path.relative_to(ROOT))
        if inside.startswith(("hub/bench", "hub/cli", "connectors")) or inside in CLOCKS:
            continue
        for call in calls(tree):
            name = ast.unparse(call.func)
            if name in {"datetime.now", "time.time", "uuid.uuid4", "random.random", "secrets.token_hex"}:
                asked.append(f"{inside}:{call.lineno}")
    assert asked == []


def test_types_are_checked_strictly() -> None:
    program = Path(sys.executable).with_name("mypy")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_code_is_linted() -> None:
    program = Path(sys.executable).with_name("ruff")
    done = subprocess.run([program, "check", "."], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
