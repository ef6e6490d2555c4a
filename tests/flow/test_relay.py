"""The relay on real servers: every position once and in order; a crash repeats, loses nothing, invents nothing."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest
from confluent_kafka.admin import AdminClient

from hub.errors import Fenced
from hub.ledger.feed import RELAY_LOCK, Desk
from hub.producers import relay as relay_module
from hub.producers.relay import Relay
from hub.schemas.topics import CONSOLE, FEED, outbound
from tests.flow.relaying import HEARD, Book, Raw, entry, reaches, read_partition, relayed, running
from tests.flow.site import Site


@pytest.fixture(scope="module")
def book(site: Site) -> Book:
    made = Book(site)
    made.enroll("city", "city_desk")
    made.enroll("jeil")
    made.enroll("lh")
    return made


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
    asked = [m for p in range(2) for m in read_partition(book.site, CONSOLE, p)]
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
