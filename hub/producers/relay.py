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
from collections.abc import Callable, Iterable, Sequence
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
#: How often a relay that is not on duty asks whether the other is gone.
STANDBY_S: Final = 0.5
#: Acknowledgments that take longer mean that Kafka or a topic is gone: a new producer finds out which.
PATIENCE_S: Final = 20.0
#: A topic that was missing is looked for again after this many pages.
LOOK_AGAIN_PAGES: Final = 200

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
        self._looked = 0
        self._pages = 0
        #: Messages that had no outbox to go to. The ledger has them, the agency's API shows them.
        self.undeliverable = 0

    async def publish(self, page: Rows) -> None:
        """Publish a page, then what its publication causes. Raises `Retry` when Kafka does not acknowledge it."""
        batches, delivered = self._pack(page)
        self._pages += 1
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
        if self._topics.issuperset(topics) or (self._looked and self._pages - self._looked < LOOK_AGAIN_PAGES):
            return
        cluster = await self._producer.client.fetch_all_metadata()
        self._topics = frozenset(cluster.topics())
        self._looked = self._pages

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
