"""Which records a consumer may decide after seeks, rebalances and fences: every one once, in order, none skipped.

A model of aiokafka's promise (from one seek to the next, records in order, none left out; numbers may be missing) and
of the ledger's (compare-and-set) drives the real `BatchConsumer` through thousands of random moments.
"""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition

import hub.consumers.batch as module
from hub.consumers.batch import BatchConsumer
from hub.errors import Fenced, Halt, Retry
from hub.ledger.cursors import Claim
from hub.ledger.transaction import Move

PLACE = TopicPartition("hub.in.alpha", 0)


class Log:
    """A partition whose offsets have gaps."""

    def __init__(self, chance: random.Random, count: int) -> None:
        self.offsets = sorted(chance.sample(range(count * 2), count))

    def after(self, position: int, limit: int) -> list[int]:
        return [o for o in self.offsets if o >= position][:limit]


class Kafka:
    """aiokafka's consumer, as far as it matters: a position that hand-overs and seeks move, an assignment."""

    def __init__(self, log: Log) -> None:
        self.log, self.at, self.assigned, self.resting = log, 0, False, False

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset([PLACE] if self.assigned else [])

    async def position(self, place: TopicPartition) -> int:
        assert place == PLACE
        return self.at

    def seek(self, place: TopicPartition, offset: int) -> None:
        assert place in self.assignment()
        self.at = offset

    def pause(self, *_: TopicPartition) -> None:
        self.resting = True

    def resume(self, *_: TopicPartition) -> None:
        self.resting = False

    def getmany(self, limit: int) -> tuple[Any, ...]:
        found = [] if self.resting or not self.assigned else self.log.after(self.at, limit)
        if found:
            self.at = found[-1] + 1
        return tuple(ConsumerRecord(PLACE.topic, 0, o, 0, 1, None, b"", None, 0, 0, ()) for o in found)


class Books:
    """The ledger and the cursors: one row, moved by compare-and-set."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.epoch, self.next, self.decided = chance, 0, 0, list[int]()

    def claim(self, places: Any) -> dict[tuple[str, int], Claim]:
        del places
        self.epoch += 1
        return {(PLACE.topic, 0): Claim(1, self.epoch, self.next)}

    def epochs(self) -> dict[tuple[str, int], tuple[int, int]]:
        return {(PLACE.topic, 0): (self.epoch, self.next)}

    def record(self, batch: Any, places: Any, moves: list[Move]) -> Any:
        del places
        (move,) = moves
        luck = self.chance.random()
        if luck < 0.05:
            raise Retry("away")
        if (move.epoch, move.remembered) != (self.epoch, self.next):
            raise Fenced
        self.decided += batch
        self.next = move.next
        if luck < 0.1:
            raise Retry("the answer was lost")
        return SimpleNamespace(held={}, under_lock_s=0.0)

    def rival(self, log: Log) -> None:
        """Another consumer claims the partition and decides some of it."""
        self.epoch += 1
        found = log.after(self.next, self.chance.randint(0, 8))
        self.decided += found
        self.next = found[-1] + 1 if found else self.next


class Simple(BatchConsumer):
    """Decides offsets."""

    def _prepare(self, records: Any) -> Any:
        return [r.offset for r in records]

    def _measure(self, *_: object) -> None:
        """Slices stay as they are."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXPLAINED_WITHIN_S", 0.0)
    monkeypatch.setattr("hub.consumers.patience.RETRY_S", (0.0,))


def made(chance: random.Random, log: Log) -> tuple[Simple, Kafka, Books, list[BaseException]]:
    kafka, books = Kafka(log), Books(chance)
    consumer = Simple(books, books, None, None, dict.fromkeys, None)  # type: ignore[arg-type]
    consumer.subscriber, consumer.slice = SimpleNamespace(consumer=kafka), 3
    failures: list[BaseException] = []
    consumer.stop = failures.append
    return consumer, kafka, books, failures


async def rebalance(consumer: Simple, kafka: Kafka, books: Books, log: Log) -> None:
    await consumer.on_partitions_revoked([PLACE])
    kafka.assigned = False
    await asyncio.sleep(0)
    if books.chance.random() < 0.7:
        books.rival(log)
    kafka.assigned, kafka.resting, kafka.at = True, False, 0  # no offset is committed: earliest
    await consumer.on_partitions_assigned([PLACE])


async def hand_over(consumer: Simple, kafka: Kafka, chance: random.Random) -> None:
    """One turn of FastStream's loop. A rebalance that runs beside it may stand anywhere, before and after."""
    for _ in range(chance.randint(0, 3)):
        await asyncio.sleep(0)
    records = kafka.getmany(chance.randint(1, 10))
    for _ in range(chance.randint(0, 3)):
        await asyncio.sleep(0)
    if records:
        await consumer.handle(records)
    await asyncio.sleep(0)


async def lived(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible
    log = Log(chance, 120)
    consumer, kafka, books, failures = made(chance, log)
    await rebalance(consumer, kafka, books, log)
    while books.next <= log.offsets[-1]:
        moving: asyncio.Task[None] | None = None
        if chance.random() < 0.3:
            moving = asyncio.create_task(rebalance(consumer, kafka, books, log))
        await hand_over(consumer, kafka, chance)
        if chance.random() < 0.1:
            books.rival(log)
        while moving is not None and not moving.done():
            await hand_over(consumer, kafka, chance)
    assert failures == []
    assert books.decided == log.offsets


@pytest.mark.usefixtures("impatient")
async def test_whatever_happens_each_record_is_decided_once_in_order() -> None:
    for seed in range(150):
        await lived(seed)


async def test_a_partition_that_goes_on_before_what_was_decided_stops_the_process() -> None:
    chance = random.Random(1)  # noqa: S311 - reproducible
    consumer, kafka, books, failures = made(chance, Log(chance, 50))
    books.next = 60
    kafka.assigned = True
    await consumer.on_partitions_assigned([PLACE])
    kafka.at = 0  # the log is shorter than what was decided: aiokafka begins at its beginning again
    with pytest.raises(Halt, match="lost records"):
        await consumer.handle(kafka.getmany(10))
    assert len(failures) == 1
