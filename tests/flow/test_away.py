"""Servers go away and come back: nobody crashes, nobody gives up, everything goes on; SIGTERM is obeyed meanwhile."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from tests.flow import people
from tests.flow.people import refer
from tests.flow.proof import prove
from tests.flow.site import Site

ROLES = ("consumer 0", "consumer 1", "relay")
PROMPTLY_S = 8.0


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with people.town(tmp_path_factory.mktemp("town")) as site:
        site.start(*ROLES)
        site.settle()
        site.until(site.relayed, 60, "all relayed")
        yield site


def pids(site: Site) -> dict[str, int]:
    """Who runs; a restart would show."""
    assert all(process.poll() is None for process in site.processes.values()), site.tail()
    return {role: process.pid for role, process in site.processes.items()}


def goes_on(site: Site, before: dict[str, int]) -> None:
    """The same processes decide and relay what came meanwhile."""
    site.settle()
    site.until(site.relayed, 60, "all relayed")
    assert pids(site) == before
    prove(site)


def waiting(site: Site, since: int, *words: str) -> None:
    """Wait until the processes say that they wait."""
    site.until(lambda: all(word in site.log.read_text()[since:] for word in words), 30, f"{words} are logged")


def test_postgres_away_is_waited_for(town: Site) -> None:
    before, since = pids(town), len(town.log.read_text())
    town.servers.signal_postgres(signal.SIGQUIT)  # immediately, as in a crash
    refer(town, range(40))
    waiting(town, since, "dependency_away", "relay_waited")
    town.servers.restart_postgres()
    goes_on(town, before)


def test_kafka_away_is_waited_for(town: Site) -> None:
    before = pids(town)
    town.servers.kill_kafka()
    refer(town, range(40, 80), wait=False)
    time.sleep(3)  # nothing tells that aiokafka waits
    assert pids(town) == before
    town.servers.start_kafka()
    town.flush()
    goes_on(town, before)


def test_sigterm_is_obeyed_under_load_and_without_postgres(town: Site) -> None:
    refer(town, range(80, 480), wait=False)
    before = town.one("SELECT size FROM head")
    town.until(lambda: town.one("SELECT size FROM head") > before, 30, "it decides")
    assert terminated(town, "consumer 1") < PROMPTLY_S
    town.flush()
    town.start("consumer 1")
    town.settle()
    since = len(town.log.read_text())
    town.servers.signal_postgres(signal.SIGQUIT)
    refer(town, range(480, 500))
    waiting(town, since, "dependency_away")
    assert terminated(town, "consumer 0") < PROMPTLY_S
    town.servers.restart_postgres()
    town.start("consumer 0")
    goes_on(town, pids(town))


def terminated(site: Site, role: str) -> float:
    """How long a process takes to end cleanly."""
    began, process = time.monotonic(), site.processes[role]
    process.terminate()
    assert process.wait(30) == 0, site.tail()
    del site.processes[role]
    return time.monotonic() - began


def test_a_consumer_started_without_kafka_waits_for_it(town: Site) -> None:
    town.stop("consumer 0")
    town.servers.kill_kafka()
    town.start("consumer 0", "consumer 2")
    time.sleep(3)  # nothing tells that they wait before they gave up once, after 15 s
    town.processes["consumer 2"].terminate()
    town.processes.pop("consumer 2").wait(PROMPTLY_S)
    before = pids(town)
    town.servers.start_kafka()
    refer(town, range(500, 540))
    goes_on(town, before)
