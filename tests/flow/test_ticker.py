"""Time: what a tick names, who is called stuck, that one ticker ticks at a time, and what ends by itself."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import orjson

from hub.core.calendar import instant
from hub.ledger.fhir import FhirResources, Held
from hub.ledger.keyfile import load_keys
from hub.ledger.reads import Pool
from hub.producers.drafts import Drafts
from hub.producers.ticker import STUCK_TICKS, Stillness, Ticker, tick
from hub.schemas.envelope import Envelope, parse
from hub.schemas.topics import CLOCK, CONSOLE, HUB, inbound
from tests.flow.site import Site

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
PLACE = (inbound("jeil"), 0)


# ------------------------------------------------------------------ what a tick says
def test_a_tick_passes_the_door_and_names_the_end_of_every_partition() -> None:
    seoul = START.astimezone(timezone(timedelta(hours=9)))
    envelope = parse(tick(seoul, {PLACE: 7, (CONSOLE, 1): 0}, ["lh"]), HUB)
    assert isinstance(envelope, Envelope)
    assert envelope.id == "tick-2026-11-22T03:00:00.000Z"
    assert envelope.data == {
        "at": "2026-11-22T03:00:00.000Z",
        "through": {"hub.in.jeil/0": 7, "hub.sys.console/1": 0},
        "stuck": ["lh"],
    }


# ------------------------------------------------------------------ stuck
def test_a_partition_that_waits_for_ten_ticks_is_named_in_the_next() -> None:
    stillness = Stillness()
    named = [stillness.stuck({PLACE: 5 + n}, {PLACE: 3}) for n in range(STUCK_TICKS + 2)]
    assert named == [[]] * STUCK_TICKS + [["jeil"]] * 2


def test_a_partition_that_moves_or_has_nothing_to_do_is_not_stuck() -> None:
    stillness = Stillness()
    for n in range(3 * STUCK_TICKS):
        assert stillness.stuck({PLACE: 1000, (inbound("lh"), 0): 5}, {PLACE: n, (inbound("lh"), 0): 5}) == []


def test_a_partition_nobody_ever_decided_is_stuck_too() -> None:
    stillness = Stillness()
    assert [stillness.stuck({PLACE: 1}, {}) for _ in range(STUCK_TICKS + 1)][-1] == ["jeil"]


def test_one_move_starts_the_count_again() -> None:
    stillness = Stillness()
    decided = [3] * STUCK_TICKS + [4] * STUCK_TICKS
    assert all(stillness.stuck({PLACE: 9}, {PLACE: at}) == [] for at in decided)


def test_when_the_hubs_own_topics_stand_still_nobody_is_named() -> None:
    stillness = Stillness()
    assert all(stillness.stuck({(CONSOLE, 0): 9}, {}) == [] for _ in range(3 * STUCK_TICKS))


# ------------------------------------------------------------------ on real servers
def clock() -> Callable[[], datetime]:
    seconds = itertools.count()
    return lambda: START + timedelta(seconds=next(seconds))


@contextlib.asynccontextmanager
async def running(ticker: Ticker) -> AsyncIterator[Ticker]:
    task = asyncio.create_task(ticker.run())
    try:
        yield ticker
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def ticked(ticker: Ticker, ticks: int) -> None:
    async with asyncio.timeout(20):
        while ticker.ticks < ticks:  # noqa: ASYNC110 - the ticker tells nobody
            await asyncio.sleep(0.02)


def through(message: dict[str, Any]) -> dict[str, int]:
    ends: dict[str, int] = message["data"]["through"]
    return ends


async def test_what_arrived_before_a_tick_lies_before_its_ends_and_one_ticker_ticks(site: Site) -> None:
    settings = replace(site.settings, tick_interval_s=0.1)
    site.administration.add_agency("jeil", "test-password")
    first, second = (Ticker(settings, site.administration, clock()) for _ in range(2))
    async with running(first):
        await ticked(first, 1)
        async with running(second):
            await asyncio.to_thread(site.publish, inbound("jeil"), [orjson.dumps(n) for n in range(20)])
            await ticked(first, first.ticks + 2)
            assert not second.on_duty
    messages = site.read(CLOCK)
    assert [m["data"]["at"] for m in messages] == sorted({m["data"]["at"] for m in messages})
    assert sum(end for place, end in through(messages[0]).items() if place.startswith("hub.in.")) == 0
    assert sum(end for place, end in through(messages[-1]).items() if place.startswith("hub.in.")) == 20
    assert len(through(messages[-1])) == settings.inbound_partitions + 4


# ------------------------------------------------------------------ hospitals' drafts, whose time it is too
async def test_a_draft_ends_with_its_time_though_nobody_writes(site: Site) -> None:
    keys = load_keys(site.settings.keys_file)
    kept = FhirResources(pool := Pool(site.settings.database_url), keys)
    soon, late = instant(START + timedelta(days=30)), instant(START + timedelta(days=31))
    patient = Held("Patient", "p-1", instant(START), soon, (), {"resourceType": "Patient"})
    asked = Held("ServiceRequest", "r-1", instant(START), soon, (), {"resourceType": "ServiceRequest"}, b"n" * 32)
    other = msgspec.structs.replace(patient, id="p-2", expires=late)
    kept.put("jeil", [(one, bytes([place]) * 32) for place, one in enumerate((patient, asked, other))])
    clock = [START + timedelta(days=30, seconds=-1)]
    sweeping = asyncio.create_task(Drafts(site.settings, keys, lambda: clock[0]).run(every_s=0.01))
    try:
        await asyncio.sleep(0.1)
        assert kept.get("jeil", "Patient", "p-1") == patient
        clock[0] = START + timedelta(days=30)
        async with asyncio.timeout(20):
            while kept.get("jeil", "Patient", "p-1") is not None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
    finally:
        sweeping.cancel()
        await asyncio.wait([sweeping])
    left = kept.get("jeil", "ServiceRequest", "r-1")
    assert left == msgspec.structs.replace(asked, value=None)  # the way to the referral stays, not what was written
    assert kept.get("jeil", "Patient", "p-2") == other
    pool.close()
