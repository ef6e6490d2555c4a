"""A crashed process is started again, a halted one stops everything, and nothing outlives its supervisor."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.cli.running import alive, started
from hub.cli.supervisor import Role, RunningHub, roles, start_hub
from hub.errors import Usage
from hub.settings import Settings

SLEEP = ("-c", "import time; time.sleep(60)")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return dataclasses.replace(Settings(), state_dir=tmp_path)


@pytest.fixture
def run(settings: Settings) -> Iterator[Callable[[tuple[str, ...]], RunningHub]]:
    hubs = []

    def start(program: tuple[str, ...]) -> RunningHub:
        hub = RunningHub(settings, [Role("consumer-0", ("a",)), Role("relay", ("b",))], program)
        hub.start()
        hubs.append(hub)
        return hub

    yield start
    for hub in hubs:
        hub.stop()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_each_part_is_a_process_of_its_own() -> None:
    assert [r.name for r in roles("all", 2)] == ["consumer-0", "consumer-1", "relay", "web"]
    assert [r.name for r in roles("web", 2)] == ["web"]


def test_what_runs_is_remembered_and_forgotten_at_the_end(
    settings: Settings, run: Callable[[tuple[str, ...]], RunningHub]
) -> None:
    hub = run(SLEEP)
    until(lambda: len(alive(settings.state_dir)) == 2)
    assert {one.name: one.pid for one in alive(settings.state_dir)} == hub.pids
    assert oct((settings.state_dir / "processes.json").stat().st_mode & 0o777) == "0o600"
    pids = list(hub.pids.values())
    hub.stop()
    assert not any(started(pid) for pid in pids)
    assert not (settings.state_dir / "processes.json").exists()


def test_a_killed_process_is_started_again(
    settings: Settings, run: Callable[[tuple[str, ...]], RunningHub], capsys: pytest.CaptureFixture[str]
) -> None:
    hub = run(SLEEP)
    until(lambda: len(hub.pids) == 2)
    before = hub.pids
    os.kill(before["relay"], signal.SIGKILL)
    until(lambda: hub.pids.get("relay", before["relay"]) != before["relay"])
    assert hub.pids["consumer-0"] == before["consumer-0"]
    until(lambda: {one.pid for one in alive(settings.state_dir)} == set(hub.pids.values()))
    assert "relay ended with status -9" in capsys.readouterr().err


def test_a_process_that_halted_stops_everything_and_says_why(run: Callable[[tuple[str, ...]], RunningHub]) -> None:
    halting = (
        "import sys, time\n"
        "if sys.argv[1] == 'b':\n"
        """    print('{"event": "process_halted", "reason": "the tree contradicts itself"}')\n"""
        "    sys.exit(70)\n"
        "time.sleep(60)"
    )
    hub = run(("-c", halting))
    assert hub.wait(30)
    assert hub.failure == "relay halted: the tree contradicts itself"
    assert hub.pids == {}


def test_a_process_that_cannot_start_is_given_up(
    run: Callable[[tuple[str, ...]], RunningHub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.cli.supervisor.BACKOFF_S", (0.01,))
    hub = run(("-c", "import sys; print('no such setting'); sys.exit(2)"))
    assert hub.wait(30)
    assert "cannot start: no such setting" in hub.failure


def test_the_same_process_is_not_started_twice(
    settings: Settings, run: Callable[[tuple[str, ...]], RunningHub]
) -> None:
    run(SLEEP)
    until(lambda: len(alive(settings.state_dir)) == 2)
    with pytest.raises(Usage, match=r"consumer-0 \(pid \d+\)"):
        start_hub(settings, 1, part="consumers")


def test_children_end_with_a_killed_supervisor(tmp_path: Path) -> None:
    program = f"""
import dataclasses, json, time
from pathlib import Path
from hub.cli.supervisor import Role, RunningHub
from hub.settings import Settings
settings = dataclasses.replace(Settings(), state_dir=Path({str(tmp_path)!r}))
hub = RunningHub(settings, [Role("relay", ())], {SLEEP!r})
hub.start()
while not hub.pids:
    time.sleep(0.02)
time.sleep(0.5)
print(json.dumps(hub.pids), flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = json.loads(parent.stdout.readline())["relay"]
        assert started(pid)
        parent.kill()
    until(lambda: not started(pid))
