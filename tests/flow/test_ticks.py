"""Time and answers: a backlog of answers, six hours of ticks, an agency whose partition stands still.

Ticks are made by hand (their time is in their data) and say through which offsets they were made, as the ticker's do.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest

from hub.core.decide import PAUSE_LEAST
from hub.producers.ticker import STUCK_TICKS, Ticker, tick
from hub.schemas.topics import CLOCK, RULES, Formats, Types, inbound
from tests.flow import people
from tests.flow.people import answer, refer, referral
from tests.flow.proof import prove
from tests.flow.site import Site, envelope

CONSUMERS = ("consumer 0", "consumer 1")
HOURS = 6
UNANSWERED, LATE = 260, 30  # more than a tick may expire at once
RECORDED = "SELECT count(*) FROM entries WHERE kind = 'referral.recorded'"
QUIET = "SELECT count(*) FROM messages WHERE verdict = 'no-op'"
OFFERED = "SELECT id::text, receiver, due FROM referrals WHERE state = 'offered'"
CLOCK_ROW = "SELECT epoch, next_offset FROM partitions WHERE topic = 'hub.sys.clock'"
#: In so long an impatient clock decides hundreds of ticks.
HASTE_S = 2.0
Offer = tuple[str, str, str]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with people.town(tmp_path_factory.mktemp("town"), lock_target_ms=200, blocker_after_s=30.0) as site:
        yield site


# ------------------------------------------------------------------ a backlog of answers
def offers(site: Site, persons: range) -> list[Offer]:
    """Refer them and have them offered: (referral, receiver, due)."""
    before = site.sql(OFFERED)
    refer(site, persons)
    site.start(*CONSUMERS)
    site.settle(600)
    site.stop()
    found = sorted(set(site.sql(OFFERED)) - set(before))
    assert len(found) == len(persons)
    return found


def ends(site: Site) -> dict[tuple[str, int], int]:
    """The end of every partition that holds anything, as a ticker would read it."""
    found: dict[tuple[str, int], int] = {}
    for topic, partition, offset, _ in site.acknowledged:
        if topic != CLOCK:
            found[topic, partition] = max(found.get((topic, partition), 0), offset + 1)
    return found


def six_hours(site: Site, answered: list[Offer], step: timedelta) -> None:
    """Answers trickle in for three hours before the first is due; ticks go on for three hours behind it."""
    at = datetime.fromisoformat(min(due for _, _, due in answered)) - timedelta(hours=HOURS / 2)
    ticks = int(timedelta(hours=HOURS / 2) / step)
    known = ends(site)
    for number in range(2 * ticks):
        if number < ticks:
            for id_, receiver, _ in answered[number::ticks]:
                site.publish(inbound(receiver), [answer(receiver, id_)], wait=False)
            site.flush()
            known = ends(site) if number % 20 == 0 else _newer(site, known)
        site.publish(CLOCK, [tick(at + number * step, known, [])], wait=False)
    site.flush()


def _newer(site: Site, known: dict[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    """Ends after the last few acknowledgments."""
    newer = dict(known)
    for topic, partition, offset, _ in site.acknowledged[-2000:]:
        if topic != CLOCK:
            newer[topic, partition] = max(newer.get((topic, partition), 0), offset + 1)
    return newer


def of_referrals(site: Site, *kinds: str) -> dict[str, list[dict[str, Any]]]:
    """Facts of entries of these kinds, with their kind and position, by referral."""
    rows = site.sql("SELECT position, kind, entry FROM entries WHERE kind = ANY(%s) ORDER BY position", list(kinds))
    found: dict[str, list[dict[str, Any]]] = {}
    for position, kind, entry in rows:
        facts = orjson.loads(entry)["facts"] | {"kind": kind, "position": position}
        found.setdefault(facts["referral"], []).append(facts)
    return found


@contextlib.contextmanager
def answers_held_up(site: Site) -> Iterator[None]:
    """Nobody can claim an agency's partition meanwhile."""
    with psycopg.connect(site.settings.database_url) as connection:
        connection.execute("SELECT 1 FROM partitions WHERE topic LIKE 'hub.in.%' FOR UPDATE")
        yield


def six_hours_of_backlog(site: Site, first: int, count: int, step: timedelta) -> None:
    all_ = offers(site, range(first, first + count + UNANSWERED))
    answered, unanswered = all_[:count], all_[count:]
    six_hours(site, answered, step)
    for id_, receiver, _ in unanswered[:LATE]:
        site.publish(inbound(receiver), [answer(receiver, id_)], wait=False)
    site.flush()
    with answers_held_up(site):
        epoch, before = site.sql(CLOCK_ROW)[0]
        site.start(*CONSUMERS)
        site.until(lambda: site.sql(CLOCK_ROW)[0][0] > epoch, 60, "the clock is claimed")
        time.sleep(HASTE_S)  # nothing tells that the clock waits
        assert site.sql(CLOCK_ROW)[0][1] == before, "ticks were decided before answers sent earlier"
    site.settle(1200)
    story = of_referrals(site, "referral.offered", "referral.changed", "offer.expired", "referral.unplaced")
    in_time = [[e["kind"] for e in story[id_]] for id_, _, _ in answered]
    assert in_time == [["referral.offered", "referral.changed"]] * count
    for id_, receiver, _ in unanswered[LATE:]:
        first, expired, then = story[id_][:3]
        assert (first["to"], expired["kind"], expired["to"]) == (receiver, "offer.expired", receiver)
        assert then["kind"] == "referral.unplaced" or then["to"] != receiver
    # Who answers late answers what is no longer theirs, or was offered to them again; never an offer that expired.
    for id_, _, _ in unanswered[:LATE]:
        assert story[id_][1]["kind"] in {"offer.expired", "referral.changed"}
    prove(site, feed=False)
    site.stop()


def test_no_answer_sent_in_time_is_decided_after_the_tick_that_would_expire_it(town: Site) -> None:
    six_hours_of_backlog(town, 0, 1000, timedelta(seconds=60))


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_twenty_thousand_answers_and_six_hours_of_ticks(town: Site) -> None:
    six_hours_of_backlog(town, 5000, 20_000, timedelta(seconds=10))


# ------------------------------------------------------------------ an agency that stands still
def refused(agency: str, number: int) -> dict[str, Any]:
    """A row whose date is impossible."""
    event = referral(agency, number, serial="x")
    event["data"]["cells"][8] = "2026-13-45"
    return event


def resumed(agency: str) -> dict[str, Any]:
    data = {"code": agency, "action": "resume"}
    return envelope("hub", f"resume-{agency}", Types.AGENCY_STATE, Formats.SYSTEM, data)


class Hours:
    """A clock that runs ahead: ten minutes a look."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=10)
        return self.now


async def ticking(site: Site, clock: Hours, done: Any) -> None:
    """The real ticker, fast, until `done()`."""
    ticker = Ticker(replace(site.settings, tick_interval_s=0.2), site.administration, clock)
    task = asyncio.create_task(ticker.run())
    try:
        async with asyncio.timeout(90):
            while not await asyncio.to_thread(done):  # noqa: ASYNC110 - the ledger has no event to wait for
                await asyncio.sleep(0.2)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_an_agency_that_stands_still_keeps_its_offers_and_holds_nobody_up(town: Site) -> None:
    before = town.one(RECORDED)
    refer(town, range(30_000, 30_060))
    town.start(*CONSUMERS)
    town.settle()
    town.publish(inbound("gamma"), [refused("gamma", 29_000 + n) for n in range(PAUSE_LEAST)])
    town.settle()
    assert town.one("SELECT doc->>'state' FROM agencies WHERE code = 'gamma'") == "paused"
    held = [referral("gamma", 31_000 + n) for n in range(40)]
    town.publish(inbound("gamma"), held)

    offered = dict(town.sql("SELECT receiver, count(*) FROM referrals WHERE state = 'offered' GROUP BY 1"))
    waiting = {row[0] for row in town.sql("SELECT id::text FROM referrals WHERE state = 'offered'")}

    def expired(*receivers: str) -> int:
        story = of_referrals(town, "offer.expired")
        return sum(entry["to"] in receivers for id_ in waiting & story.keys() for entry in story[id_])

    others = {a: n for a, n in offered.items() if a != "gamma"}
    clock, silent = Hours(), town.one(QUIET)
    await ticking(town, clock, lambda: expired(*others) >= sum(others.values()))
    assert expired("gamma") == 0
    assert not town.settled()  # its messages still wait
    quiet = town.one(QUIET) - silent
    assert quiet >= STUCK_TICKS - 1  # what was made before it was called stuck said nothing
    town.publish(RULES, [resumed("gamma")])
    await ticking(town, clock, lambda: expired("gamma") >= offered["gamma"])
    town.settle()
    proof = prove(town, feed=False)
    assert proof.lost == 0
    assert town.one(RECORDED) == before + 60 + len(held)
    town.stop()
