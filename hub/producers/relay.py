"""The relay: publishes what the ledger recorded, every position in order, and remembers how far it got.

Owns the order publish → acknowledged → cursor, and that one relay at a time does it (a PostgreSQL advisory lock held
by its session, and a lease number that fences whoever lost it unknowingly). Never decides who may know or what is
said: `core.feedview` does. Never opens a body.

What a crash leaves: before the acknowledgments, nothing or a part of a page, published again; after them and before
the cursor moved, a whole page published again. Repeats have the same ids, positions and bytes, so a reader that
remembers its position ignores them. Nothing is left out: the cursor moves last.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from hub.core.feedview import (
    Entry,
    Message,
    Readers,
    Stamp,
    addressees,
    closing,
    feed_message,
    is_delivered,
    outbox_message,
    read,
)
from hub.errors import Fenced, Retry
from hub.ledger.feed import RELAY_LOCK, Desk, Lease
from hub.producers.kafka import abandon, open_producer
from hub.schemas.topics import CONSOLE, FEED, outbound
from hub.settings import Settings

log = structlog.get_logger()

#: Entries published before the cursor moves: what a crash repeats at most.
PAGE: Final = 2000
#: A page that was not full is followed by a rest as long as it took, this at most: what came meanwhile goes together.
REST_S: Final = 0.02
#: How often a relay that is not on duty asks whether the other is gone.
STANDBY_S: Final = 0.5
#: Acknowledgments that take longer mean that Kafka or a topic is gone: a new producer finds out which.
PATIENCE_S: Final = 20.0
#: A relay that has work and did not move for this many looks of another is ended: longer than its own patience.
FROZEN_LOOKS: Final = 60
#: A topic that was missing is looked for again after this long: a new agency's outbox may just be being made.
LOOK_AGAIN_S: Final = 1.0

Rows = Sequence[tuple[int, bytes]]


class Batches:
    """One page's messages, packed per topic in the order they were added. All outgoing topics have one partition."""

    def __init__(self, create: Callable[[], BatchBuilder]) -> None:
        self._create = create
        self._open: dict[str, BatchBuilder] = {}
        self.of: dict[str, list[BatchBuilder]] = {}

    def add(self, topic: str, message: Message) -> None:
        """Append to the topic's last batch, or to a new one when it is full."""
        batch = self._open.get(topic)
        if batch is not None and batch.append(timestamp=None, key=message.key, value=message.value) is not None:
            return
        batch = self._open[topic] = self._create()
        batch.append(timestamp=None, key=message.key, value=message.value)
        self.of.setdefault(topic, []).append(batch)


class Outlet:
    """Kafka as the relay sees it: publishes a page and returns when all of it is acknowledged."""

    def __init__(self, producer: AIOKafkaProducer, stamp: Stamp, readers: Readers) -> None:
        self._producer, self._stamp, self._readers = producer, stamp, readers
        self._topics: frozenset[str] = frozenset()
        self._missing: set[str] = set()
        self._look_again = 0.0
        #: Messages that had no outbox to go to. The ledger has them, the agency's API shows them.
        self.undeliverable = 0

    async def publish(self, page: Rows) -> None:
        """Publish a page, then what its publication causes. Raises `Retry` when Kafka does not acknowledge it."""
        batches, delivered = self._pack(page)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._find(batches.of)
                await self._send(batches)
                # A crash here repeats the page; the closing requests below were never made without their delivery.
                await self._close(delivered)
        except TimeoutError as error:
            raise Retry("Kafka did not acknowledge in time") from error
        except KafkaError as error:
            raise Retry(f"Kafka refused a page ({type(error).__name__})") from error

    def _pack(self, page: Rows) -> tuple[Batches, list[tuple[int, Entry]]]:
        """The page as batches, and the deliveries in it."""
        readers, stamp = self._readers, self._stamp
        batches, delivered = Batches(self._producer.create_batch), []
        for position, raw in page:
            entry = read(raw)
            readers.follow(entry)
            batches.add(FEED, feed_message(entry, position, stamp, readers.city))
            codes = addressees(entry, readers.accounts)
            if codes:
                message = outbox_message(entry, position, stamp)
                for code in codes:
                    batches.add(outbound(code), message)
            if is_delivered(entry):
                delivered.append((position, entry))
        return batches, delivered

    async def _find(self, topics: Iterable[str]) -> None:
        """Learn which topics exist. Sending to one that does not would wait for it, and everything behind it too."""
        missing = set(topics) - self._topics
        now = asyncio.get_running_loop().time()
        if not missing or (missing <= self._missing and now < self._look_again):
            return
        cluster = await self._producer.client.fetch_all_metadata()
        self._topics = frozenset(cluster.topics())
        self._missing = missing - self._topics
        self._look_again = now + LOOK_AGAIN_S

    async def _send(self, batches: Batches) -> None:
        """All topics at once, each in order; returns when every batch is acknowledged."""
        sends = []
        for topic, packed in batches.of.items():
            if topic in self._topics:
                sends.append(self._send_topic(topic, packed))
            elif topic == FEED:
                raise Retry(f"topic {FEED} does not exist")
            else:
                self._count(topic, packed)
        await _all(sends)

    async def _send_topic(self, topic: str, packed: list[BatchBuilder]) -> None:
        sent = []
        for batch in packed:
            batch.close()  # an open batch would linger
            sent.append(await self._producer.send_batch(batch, topic, partition=0))
        await _all(sent)

    def _count(self, topic: str, packed: list[BatchBuilder]) -> None:
        count = sum(batch.record_count() for batch in packed)
        self.undeliverable += count
        log.error("outbox_missing", topic=topic, messages=count)

    async def _close(self, delivered: list[tuple[int, Entry]]) -> None:
        """Ask for each delivered referral to be closed, if every agency it concerns has its notice."""
        sent = []
        for position, entry in delivered:
            if all(outbound(code) in self._topics for code in addressees(entry, self._readers.accounts)):
                message = closing(entry, position)
                sent.append(await self._producer.send(CONSOLE, message.value, key=message.key))
        await _all(sent)


class Relay:
    """One process's relay: waits until no other is on duty, then publishes until canceled.

    `position`: everything up to it is published and acknowledged. `on_duty`: whether this relay is the one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._desk = Desk(settings.database_url, name="hub-relay")
        self.on_duty = False
        self.position = 0
        self.published = 0
        self.undeliverable = 0

    async def run(self) -> None:
        """Relay until canceled. Waits while PostgreSQL or Kafka is away; raises `Halt` when the ledger is broken."""
        while True:
            try:
                await self._serve()
            except Fenced:
                log.warning("relay_fenced", position=self.position)
            except Retry as error:
                log.warning("relay_waited", position=self.position, reason=str(error))
            finally:
                # The duty ends with the session, in whatever way this ended: the next relay need not wait for us.
                self.on_duty = False
                await asyncio.to_thread(self._desk.close)
            await asyncio.sleep(STANDBY_S)

    async def _serve(self) -> None:
        await self._stand_by()
        producer = await open_producer(self._settings, name="hub-relay")
        try:
            await self._relay(producer)
        finally:
            await abandon(producer)

    async def _stand_by(self) -> None:
        """Wait until no other is on duty; end another that has work and stands still (a stopped process)."""
        seen, looks = (0, 0), 0
        while not await asyncio.to_thread(self._desk.claim, RELAY_LOCK):
            position, size = await asyncio.to_thread(self._desk.lag)
            looks = looks + 1 if position == seen[0] and position < seen[1] else 0
            seen = position, size
            if looks >= FROZEN_LOOKS:
                looks = 0
                ended = await asyncio.to_thread(self._desk.end_holder, RELAY_LOCK)
                log.warning("frozen_relay_ended", position=position, size=size, ended=ended)
            await asyncio.sleep(STANDBY_S)

    async def _relay(self, producer: AIOKafkaProducer) -> None:
        lease = await asyncio.to_thread(self._desk.take_over)
        outlet = await self._outlet(producer, lease)
        self.position, self.on_duty = lease.position, True
        log.info("relay_started", position=lease.position, lease=lease.number)
        ahead = asyncio.create_task(self._page(lease.position))
        try:
            while True:
                page = await ahead
                began, last = time.monotonic(), page[-1][0]
                if full := len(page) == PAGE:  # we are behind: read on while this is published
                    ahead = asyncio.create_task(self._page(last))
                await outlet.publish(page)
                # All of it is acknowledged. A crash here publishes the page again; the cursor moves last.
                await asyncio.to_thread(self._desk.move, lease, last)
                self._note(last, len(page), outlet)
                if not full:
                    # Half of a page's cost is its own, however little is in it: resting halves what a busy hub pays.
                    await asyncio.sleep(min(REST_S, time.monotonic() - began))
                    ahead = asyncio.create_task(self._page(last))
        finally:
            ahead.cancel()

    async def _outlet(self, producer: AIOKafkaProducer, lease: Lease) -> Outlet:
        head = await asyncio.to_thread(self._desk.head)
        readers = Readers()
        for raw in await asyncio.to_thread(self._desk.registrations, lease.position):
            readers.follow(read(raw))
        return Outlet(producer, Stamp(head.origin, head.epoch), readers)

    async def _page(self, after: int) -> Rows:
        """The next entries, waiting for some."""
        poll_s = self._settings.poll_ms / 1000
        while True:
            if rows := await asyncio.to_thread(self._desk.await_after, after, PAGE, poll_s=poll_s):
                return rows

    def _note(self, position: int, count: int, outlet: Outlet) -> None:
        self.position = position
        self.published += count
        self.undeliverable += outlet.undeliverable
        outlet.undeliverable = 0


async def _all(sent: Iterable[Awaitable[object]]) -> None:
    """Wait for every one, then raise the first error: none is left running behind the caller's back."""
    for result in await asyncio.gather(*sent, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
