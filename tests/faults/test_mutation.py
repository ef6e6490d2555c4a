"""The suite is worth something only if it turns red when the protection is taken out: it is taken out, in a child."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from hub.ledger import sql
from tests.flow import people
from tests.flow.test_ticks import six_hours_of_backlog

ROOT = Path(__file__).parents[2]
MUTATED = {
    "epoch": sql.MOVE.replace("p.epoch = m.epoch AND ", ""),
    "offset": sql.MOVE.replace(" AND p.next_offset = m.remembered", ""),
}
PROGRAM = """
import sys
from hub.ledger import sql
sql.MOVE = sys.argv[1]
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""


def run(statement: str, *tests: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, statement, *tests]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)


@pytest.mark.faults
def test_the_directed_tests_are_green_as_it_is() -> None:
    done = run(sql.MOVE, "tests/flow/test_fencing.py")
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.faults
@pytest.mark.parametrize(
    ("predicate", "red"),
    [("epoch", "test_a_stale_claim_decides_nothing"), ("offset", "test_a_place_that_was_decided")],
)
def test_without_a_predicate_the_directed_tests_turn_red(predicate: str, red: str) -> None:
    assert MUTATED[predicate] != sql.MOVE
    done = run(MUTATED[predicate], "tests/flow/test_fencing.py")
    assert done.returncode == 1
    assert f"{red}" in done.stdout


# ------------------------------------------------------------------ time that waits for nobody
IMPATIENT = """
import sys
import hub.consumers.clock as clock
clock.passed = lambda *_: True
import hub.app
sys.exit(hub.app.main(sys.argv[1:]))
"""


@pytest.mark.faults
def test_without_waiting_for_what_was_sent_earlier_the_ticks_turn_red(tmp_path: Path) -> None:
    with people.town(tmp_path, lock_target_ms=200, blocker_after_s=30.0) as site:
        site.program = ("-c", IMPATIENT)
        with pytest.raises(AssertionError, match="ticks were decided before"):
            six_hours_of_backlog(site, 0, 400, timedelta(seconds=120))
