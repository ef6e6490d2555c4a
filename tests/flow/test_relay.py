"""The relay on real servers: every position once and in order; a crash repeats, loses nothing, invents nothing."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from hub.errors import Fenced
from hub.ledger.feed import RELAY_LOCK, Desk
from hub.producers import relay as relay_module
from hub.producers.relay import Relay
from hub.schemas.topics import CONSOLE, FEED, outbound
from tests.flow.site import Site

HEARD = "2026-11-22T11:41:59.123Z"
Raw = dict[str, Any]


def entry(position: int, kind: str, case: str = "", **facts: Any) -> Raw:
    return {"id": f"entry-{position}", "kind": kind, "case": case, "heard": HEARD, "facts": facts, "seq_in_case": 9}


class Book:
    """The ledger, written by hand: entries go in as fabricated, the head follows."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @property
    def size(self) -> int:
        size: int = self.site.one("SELECT size FROM head")
        return size

    def write(self, *entries: Raw) -> int:
        """Append, one transaction, as the consumers do. Returns the size after."""
        with psycopg.connect(self.site.settings.database_url) as connection:
            first = connection.execute("SELECT size FROM head FOR UPDATE").fetchone()[0] + 1  # type: ignore[index]
            with connection.cursor().copy(
                "COPY entries (position, cause, ordinal, kind, leaf, entry) FROM STDIN"
            ) as rows:
                for position, one in enumerate(entries, first):
                    cause = hashlib.sha256(b"%d" % position).digest()
                    rows.write_row((position, cause, 0, one["kind"], cause, orjson.dumps(one)))
            connection.execute("UPDATE head SET size = %s", (first - 1 + len(entries),))
        return first - 1 + len(entries)

    def enroll(self, code: str, kind: str = "hospital", *, topics: bool = True) -> None:
        if topics:
            self.site.administration.add_agency(code, "test-password")
        facts = {"agency": code, "agency_kind": kind, "areas": [], "legal_basis": "other_law", "name": code}
        audience = [f"a:{code}", "p:welfare"]
        self.write(entry(self.size + 1, "agency.registered", audience=audience, purposes=["welfare"], **facts))

    def fill(self, count: int) -> int:
        """Referrals from jeil; every fifth offered to lh, every seventh known inside victim support only."""
        first, made = self.size + 1, []
        for n in range(first, first + count):
            purpose = "p:victim_support" if n % 7 == 0 else "p:welfare"
            if n % 5 == 0:
                made.append(entry(n, "referral.offered", f"case-{n}", audience=["a:jeil", "a:lh", purpose], to="lh"))
            else:
                made.append(entry(n, "referral.recorded", f"case-{n}", audience=["a:jeil", purpose], agency="jeil"))
        return self.write(*made)

    def positions(self, topic: str, after: int = 0) -> list[int]:
        return [m["position"] for m in self.site.read(topic) if m["position"] > after]


@pytest.fixture(scope="module")
def book(site: Site) -> Book:
    made = Book(site)
    made.enroll("city", "city_desk")
    made.enroll("jeil")
    made.enroll("lh")
    return made


@contextlib.asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[Relay]:
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def reaches(relay: Relay, position: int, within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while relay.position < position or not relay.on_duty:  # noqa: ASYNC110 - the relay tells nobody
            await asyncio.sleep(0.01)


async def relayed(book: Book) -> int:
    """Publish all there is, with a relay of its own."""
    async with running(Relay(book.site.settings)) as relay:
        await reaches(relay, book.size)
    return book.size


def same_when_repeated(messages: Sequence[Raw]) -> bool:
    first: dict[int, Raw] = {}
    return all(first.setdefault(m["position"], m) == m for m in messages)


# ------------------------------------------------------------------ in order, to whom it concerns
async def test_every_position_is_published_once_and_in_order(book: Book) -> None:
    size = book.fill(5000)
    await relayed(book)
    assert book.positions(FEED) == list(range(1, size + 1))


async def test_the_feed_seals_what_the_city_may_not_know(book: Book) -> None:
    before = await relayed(book)
    size = book.fill(70)
    await relayed(book)
    messages = {m["position"]: m for m in book.site.read(FEED) if m["position"] > before}
    sealed = {p for p, m in messages.items() if m["data"] == {"position": p, "sealed": True}}
    assert sealed == {p for p in range(before + 1, size + 1) if p % 7 == 0}
    assert all("time" not in messages[p] and "partitionkey" not in messages[p] for p in sealed)


async def test_an_outbox_holds_what_concerns_its_agency_and_nothing_else(book: Book) -> None:
    before = await relayed(book)
    size = book.fill(50)
    await relayed(book)
    assert book.positions(outbound("jeil"), before) == list(range(before + 1, size + 1))
    assert book.positions(outbound("lh"), before) == [p for p in range(before + 1, size + 1) if p % 5 == 0]
    assert all("audience" not in m["data"]["facts"] for m in book.site.read(outbound("lh")))


async def test_an_outbox_that_is_missing_is_counted_and_stops_nothing(book: Book) -> None:
    book.enroll("ghost", topics=False)
    size = book.write(entry(book.size + 1, "referral.offered", audience=["a:ghost", "a:jeil"], to="ghost"))
    async with running(Relay(book.site.settings)) as relay:
        await reaches(relay, size)
        assert relay.undeliverable == 2  # its registration, and the offer
    assert book.positions(outbound("jeil"))[-1] == size


async def test_an_outbox_that_vanishes_while_the_relay_runs_holds_it_up_for_its_patience_only(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "PATIENCE_S", 2.0)
    book.enroll("shortlived")
    before = book.size
    async with running(Relay(book.site.settings)) as relay:
        await reaches(relay, before)
        admin = AdminClient(book.site.client())
        await asyncio.to_thread(admin.delete_topics([outbound("shortlived")])[outbound("shortlived")].result)
        size = book.write(entry(before + 1, "referral.offered", audience=["a:jeil", "a:shortlived"], to="shortlived"))
        await reaches(relay, size)
        assert relay.undeliverable == 1
    assert set(book.positions(outbound("jeil"), before)) == {size}


async def test_an_agency_added_while_the_relay_runs_has_its_outbox_at_once(book: Book) -> None:
    async with running(Relay(book.site.settings)) as relay:
        await reaches(relay, book.size)
        await asyncio.to_thread(book.enroll, "sangbong", "dong_center")
        size = book.write(entry(book.size + 1, "referral.offered", audience=["a:sangbong"], to="sangbong"))
        await reaches(relay, size)
    assert book.positions(outbound("sangbong")) == [size - 1, size]


async def test_a_delivery_asks_once_its_source_was_told_for_the_referral_to_be_closed(book: Book) -> None:
    facts = {"audience": ["a:jeil", "a:lh", "p:welfare"], "by": "lh", "change": "deliver", "referral": "r-1"}
    size = book.write(entry(book.size + 1, "referral.changed", "case-1", to="delivered", **facts))
    await relayed(book)
    asked = [m for p in range(2) for m in _read_partition(book.site, CONSOLE, p)]
    assert [m["id"] for m in asked] == [f"close-r-1-{size}"]
    assert asked[0]["data"] == {"referral": "r-1", "change": "close", "at": HEARD}
    assert asked[0]["source"] == "//agency/hub/relay"


# ------------------------------------------------------------------ crashes
KILLED = """
import asyncio, os, signal, sys
from hub.ledger.feed import Desk
from hub.producers.relay import Relay
from hub.settings import load

moves = iter(range(int(sys.argv[1])))
move = Desk.move

def dying(self, lease, position):
    if next(moves, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)  # acknowledged, and the cursor has not moved
    move(self, lease, position)

Desk.move = dying
asyncio.run(Relay(load()).run())
"""


@pytest.mark.parametrize("pages", [0, 1, 2], ids=["on the first page", "on the second page", "on the third page"])
async def test_killed_between_publication_and_cursor_it_repeats_that_page_and_loses_nothing(
    book: Book, pages: int
) -> None:
    before = await relayed(book)
    size = book.fill(7000)
    program = [sys.executable, "-c", KILLED, str(pages)]
    died = await asyncio.to_thread(
        subprocess.run, program, env=book.site.environment(), capture_output=True, timeout=60, check=False
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    await relayed(book)
    messages = [m for m in book.site.read(FEED, 40) if m["position"] > before]
    assert len(messages) == size - before + relay_module.PAGE
    assert same_when_repeated(messages)
    assert sorted({m["position"] for m in messages}) == list(range(before + 1, size + 1))


async def test_a_reader_that_remembers_its_position_sees_each_once_and_in_order_whatever_was_repeated(
    book: Book,
) -> None:
    size = await relayed(book)
    last, seen = 0, []
    for position in book.positions(FEED):
        if position > last:
            seen.append(position)
            last = position
    assert seen == list(range(1, size + 1))


async def test_a_lost_session_is_opened_again_and_nothing_is_lost(book: Book) -> None:
    before = await relayed(book)
    async with running(Relay(book.site.settings)) as relay:
        await reaches(relay, before)
        book.site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hub-relay'")
        size = book.fill(300)
        await reaches(relay, size)
    assert set(book.positions(FEED, before)) == set(range(before + 1, size + 1))


async def test_while_kafka_is_away_the_relay_waits_and_loses_nothing(book: Book) -> None:
    before = await relayed(book)
    async with running(Relay(book.site.settings)) as relay:
        await reaches(relay, before)
        await asyncio.to_thread(book.site.servers.kill_kafka)
        size = book.fill(300)
        await asyncio.sleep(1)
        assert relay.position == before
        book.site.servers.start_kafka()  # from the main thread: servers end with the thread that starts them
        await reaches(relay, size, 60)
    assert set(book.positions(FEED, before)) == set(range(before + 1, size + 1))


# ------------------------------------------------------------------ one relay
async def test_of_two_relays_one_publishes_and_the_other_takes_over(book: Book) -> None:
    before = await relayed(book)
    first, second = Relay(book.site.settings), Relay(book.site.settings)
    async with running(first):
        await reaches(first, before)
        async with running(second):
            middle = book.fill(500)
            await reaches(first, middle)
            await asyncio.sleep(2 * relay_module.STANDBY_S)
            assert not second.on_duty
            assert book.positions(FEED, before) == list(range(before + 1, middle + 1))
            book.site.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
            size = book.fill(500)
            async with asyncio.timeout(30):
                while max(first.position, second.position) < size:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert first.on_duty != second.on_duty
    assert set(book.positions(FEED, before)) == set(range(before + 1, size + 1))


async def test_a_relay_that_stands_still_with_work_to_do_is_ended(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await relayed(book)
    monkeypatch.setattr(relay_module, "STANDBY_S", 0.05)
    monkeypatch.setattr(relay_module, "FROZEN_LOOKS", 3)
    stopped = Desk(book.site.settings.database_url, name="stopped")
    assert stopped.claim(RELAY_LOCK)
    size = book.fill(10)
    async with running(Relay(book.site.settings)) as relay:
        await reaches(relay, size)
    assert book.positions(FEED, before) == list(range(before + 1, size + 1))
    stopped.close()


def test_whoever_lost_the_lease_cannot_move_the_cursor(book: Book) -> None:
    desk, other = (Desk(book.site.settings.database_url, name=name) for name in ("one", "other"))
    try:
        assert desk.claim(RELAY_LOCK)
        assert not other.claim(RELAY_LOCK)
        lease, newer = desk.take_over(), other.take_over()
        with pytest.raises(Fenced):
            desk.move(lease, lease.position + 1)
        other.move(newer, newer.position)
    finally:
        desk.close()
        other.close()


def _read_partition(site: Site, topic: str, partition: int) -> list[Raw]:
    consumer = Consumer(site.client(**{"group.id": "test-console", "enable.auto.commit": False}))
    place = TopicPartition(topic, partition, 0)
    _, high = consumer.get_watermark_offsets(place, timeout=10)
    consumer.assign([place])
    found = [orjson.loads(m.value() or b"") for m in consumer.consume(high, timeout=10)] if high else []
    consumer.close()
    return found
