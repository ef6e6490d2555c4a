"""A worker that slept while its partitions moved on wakes up with a slice in hand: it is fenced, and joins again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.schemas.topics import inbound
from tests.flow import people
from tests.flow.people import SOURCES, refer
from tests.flow.proof import prove
from tests.flow.site import Site


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Site]:
    with people.town(tmp_path, inbound_partitions=1) as site:
        yield site


@pytest.mark.faults  # the group waits for a silent member for 15 seconds
def test_a_zombie_decides_nothing_and_becomes_a_worker_again(town: Site) -> None:
    usual, town.program = town.program, ("-m", "tests.flow.crashing", "stopped-before-moving")
    town.start("consumer 0")
    town.program = usual
    town.start("consumer 1")
    wanted = {inbound(agency) for agency in SOURCES}
    town.until(lambda: len([m for m in town.members().values() if m & wanted]) == 2, 60, "each has a source's topic")
    refer(town, range(80))
    town.until(lambda: town.frozen("consumer 0"), 30, "stopped with a slice in hand")
    town.settle(90)  # by the other
    before = town.one("SELECT size FROM head")
    town.send_signal("consumer 0", signal.SIGCONT)
    town.until(lambda: "batch_fenced" in town.log.read_text(), 30, "fenced")
    town.until(lambda: len([m for m in town.members().values() if m & wanted]) == 2, 60, "both share the topics again")
    assert town.one("SELECT size FROM head") == before
    refer(town, range(80, 160))
    town.start("relay")
    town.settle()
    town.until(town.relayed, 60, "all relayed")
    assert prove(town).seen == 0
