"""A worker stopped in the middle of a COPY holds the ledger's head: the others end its backend and go on."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.schemas.topics import inbound
from tests.flow import people
from tests.flow.people import SOURCES, refer
from tests.flow.proof import prove
from tests.flow.site import Site

AFTER_S = 3.0
PERSONS = range(80)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Site]:
    with people.town(tmp_path, inbound_partitions=1, blocker_after_s=AFTER_S) as site:
        yield site


def test_who_stops_in_the_middle_of_a_copy_is_ended_and_loses_nothing(town: Site) -> None:
    usual, town.program = town.program, ("-m", "tests.flow.crashing", "stopped-in-copy")
    town.start("consumer 0")
    town.program = usual
    town.start("consumer 1")
    wanted = {inbound(agency) for agency in SOURCES}
    town.until(lambda: len([m for m in town.members().values() if m & wanted]) == 2, 60, "each has a source's topic")
    first, later = PERSONS[: len(PERSONS) // 2], PERSONS[len(PERSONS) // 2 :]
    refer(town, first)
    town.until(lambda: town.frozen("consumer 0"), 30, "stopped in a COPY")
    refer(town, later)  # the other may have been done before: now it has to wait
    began = time.monotonic()
    town.until(lambda: "blocker_ended" in town.tail(), AFTER_S * 4, "the blocker ended")
    town.until(lambda: decided(town) == len(PERSONS) / 2, 20, "the other goes on")
    assert AFTER_S * 0.5 < time.monotonic() - began < AFTER_S * 4
    town.send_signal("consumer 0", signal.SIGCONT)
    town.start("relay")
    town.settle()
    town.until(town.relayed, 60, "all relayed")
    assert prove(town).seen == 0
    assert decided(town) == len(PERSONS)


def decided(site: Site) -> int:
    """Referrals in the ledger."""
    return int(site.one("SELECT count(*) FROM entries WHERE kind = 'referral.recorded'"))
