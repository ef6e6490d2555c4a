"""A ledger written by hand, and a relay that publishes it: what tests of the relay begin with. Owns no assertion."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import psycopg
from confluent_kafka import Consumer, TopicPartition

from hub.producers.relay import Relay
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


def read_partition(site: Site, topic: str, partition: int) -> list[Raw]:
    consumer = Consumer(site.client(**{"group.id": "test-console", "enable.auto.commit": False}))
    place = TopicPartition(topic, partition, 0)
    _, high = consumer.get_watermark_offsets(place, timeout=10)
    consumer.assign([place])
    found = [orjson.loads(m.value() or b"") for m in consumer.consume(high, timeout=10)] if high else []
    consumer.close()
    return found
