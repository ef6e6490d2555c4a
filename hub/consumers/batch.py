"""The one shape of consuming: prepare outside, record under the lock, seek where the ledger says.

Owns ownership of partitions, pausing while PostgreSQL is away, and cutting batches into slices by time under the
lock. What a crash leaves: nothing recorded twice and nothing lost, since offsets move with the entries.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

from hub.core.policy import Policy
from hub.core.prepare import prepare
from hub.core.prepared import Arrival, Prepared
from hub.core.vault import DataKeys
from hub.errors import Fenced, HubError, Retry
from hub.ledger.cursors import Claim, Cursors
from hub.ledger.documents import seal_features
from hub.ledger.transaction import Ledger, Move
from hub.settings import Settings

log = structlog.get_logger()
TopicIds = Callable[[Iterable[str]], dict[str, str]]
#: Seconds a fenced consumer waits for the rebalance that explains it.
FENCED_WAITS = 5
RETRY_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)


def arrival_of(record: ConsumerRecord) -> Arrival:
    """A broker's record as the hub sees it: its append time is when the hub heard."""
    heard = datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
    return Arrival(record.topic, record.partition, record.offset, heard, record.value or b"")


class BatchConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """One consumer process's work. `record_slice` runs in a thread, so heartbeats go on while PostgreSQL works."""

    def __init__(
        self,
        ledger: Ledger,
        cursors: Cursors,
        policy: Policy,
        settings: Settings,
        topic_ids: TopicIds,
        data_keys: DataKeys,
    ) -> None:
        self.ledger, self.cursors, self.policy, self.settings = ledger, cursors, policy, settings
        self.topic_ids, self.data_keys = topic_ids, data_keys
        #: Told of what ends this process; `hub.app` listens.
        self.stop: Callable[[BaseException], None] = _ignore
        self.subscriber: Any = None
        self.claims: dict[TopicPartition, Claim] = {}
        self.slice = 250
        self.busy = asyncio.Lock()
        self.progress = 0
        self.decided = 0
        self.under_lock_s = 0.0
        self.ready = False

    # ------------------------------------------------------------- ownership
    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Claim each partition (raising its epoch fences a zombie) and seek to what the ledger says."""
        if assigned:
            await self._patiently(lambda: self._claim(assigned))
            for place in assigned:
                self.subscriber.consumer.seek(place, self.claims[place].next)
        self.ready = True

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Let the batch in flight end (bounded: the group waits), then forget."""
        try:
            async with asyncio.timeout(20):
                await self.busy.acquire()
                self.busy.release()
        except TimeoutError:
            log.warning("batch_outlived_rebalance")
        for place in revoked:
            self.claims.pop(place, None)

    def _claim(self, assigned: Sequence[TopicPartition]) -> None:
        ids = self.topic_ids({p.topic for p in assigned})
        claims = self.cursors.claim((p.topic, ids[p.topic], p.partition) for p in assigned)
        for place in assigned:
            self.claims[place] = claims[place.topic, place.partition]

    # ------------------------------------------------------------- batches
    async def handle(self, records: tuple[ConsumerRecord, ...]) -> None:
        """Decide a batch. Never raises: an exception out of a handler would skip the batch for good."""
        async with self.busy:
            try:
                await self._handle([r for r in records if self._wanted(r)])
            except Fenced:
                log.warning("batch_fenced", partitions=len(self.claims))
                await self._fenced()
            except BaseException as error:
                # The one place that catches everything: whatever this is, going on would skip the batch.
                if not isinstance(error, asyncio.CancelledError):
                    log.critical("consumer_halted", error=type(error).__name__, reason=_reason(error))
                    self.stop(error)
                raise

    def _wanted(self, record: ConsumerRecord) -> bool:
        claim = self.claims.get(TopicPartition(record.topic, record.partition))
        return claim is not None and record.offset >= claim.next

    async def _handle(self, records: Sequence[ConsumerRecord]) -> None:
        start = 0
        while start < len(records):
            part = records[start : start + self.slice]
            # In a thread: a long synchronous stretch in the loop would starve the heartbeats.
            prepared = await asyncio.to_thread(self._prepare, part)
            await self._patiently(partial(self._record, part, prepared))
            start += len(part)
            self.progress += 1

    def _prepare(self, records: Sequence[ConsumerRecord]) -> list[Prepared]:
        prepared = [prepare(arrival_of(r), self.policy, self.data_keys) for r in records]
        for message in prepared:
            if message.features is not None and message.record:
                sealed = seal_features(message.data_key, message.record, message.features, message.keys)
                message.features_sealed = sealed
        return prepared

    def _record(self, records: Sequence[ConsumerRecord], prepared: Sequence[Prepared]) -> None:
        last: dict[TopicPartition, int] = {}
        for record in records:
            last[TopicPartition(record.topic, record.partition)] = record.offset + 1
        moves = [
            Move(self.claims[p].partition_id, self.claims[p].epoch, self.claims[p].next, n) for p, n in last.items()
        ]
        places = [self.claims[TopicPartition(r.topic, r.partition)].partition_id for r in records]
        recorded = self.ledger.record(prepared, places, moves)
        for place, next_offset in last.items():
            claim = self.claims[place]
            claim.next = recorded.held.get(claim.partition_id, next_offset)
            if claim.partition_id in recorded.held:
                self._pause(place, claim.next)
        self._measure(len(records), recorded.under_lock_s)

    def _measure(self, count: int, under_lock_s: float) -> None:
        """Slices follow the time they hold the lock: everybody waits for it."""
        self.decided += count
        self.under_lock_s += under_lock_s
        if count >= self.slice // 2:
            target = self.settings.lock_target_ms / 1000
            self.slice = max(20, min(1000, int(self.slice * min(1.5, max(0.5, target / max(under_lock_s, 0.001))))))

    def _pause(self, place: TopicPartition, offset: int) -> None:
        """An agency past its refusal ratio: its partitions rest, everybody else's go on."""
        self.subscriber.consumer.pause(place)
        self.subscriber.consumer.seek(place, offset)
        log.warning("agency_partition_paused", topic=place.topic, partition=place.partition)

    async def resume_paused(self, active: Callable[[str], bool]) -> None:
        """Let partitions of agencies that were resumed go on."""
        consumer = self.subscriber.consumer
        for place in consumer.paused() if consumer else ():
            if active(place.topic) and place in self.claims:
                consumer.seek(place, self.claims[place].next)
                consumer.resume(place)

    # ------------------------------------------------------------- trouble
    async def _fenced(self) -> None:
        """Forget, re-read, seek. Where our epoch still stands, a commit whose answer was lost had happened after all.

        Where another's epoch stands, a rebalance is on its way to us; if none comes, we ask again.
        """
        before = dict(self.claims)
        self.claims.clear()
        for attempt in range(FENCED_WAITS):
            found: dict[tuple[str, int], tuple[int, int]] = {}
            await self._patiently(partial(self._epochs, found))
            for place, claim in before.items():
                epoch, next_offset = found.get((place.topic, place.partition), (-1, 0))
                if epoch == claim.epoch and place not in self.claims:
                    self.claims[place] = Claim(claim.partition_id, epoch, next_offset)
            if all(p in self.claims for p in self._assigned()) or attempt == FENCED_WAITS - 1:
                break
            await asyncio.sleep(1.0)
        missing = [p for p in self._assigned() if p not in self.claims]
        if missing:
            await self._patiently(lambda: self._claim(missing))
        for place in self._assigned():
            self.subscriber.consumer.seek(place, self.claims[place].next)

    def _epochs(self, found: dict[tuple[str, int], tuple[int, int]]) -> None:
        found.update(self.cursors.epochs())

    def _assigned(self) -> list[TopicPartition]:
        return sorted(self.subscriber.consumer.assignment()) if self.subscriber.consumer else []

    async def _patiently(self, step: Callable[[], None]) -> None:
        """Run a step in a thread; while a dependency is away, pause everything, wait, and run it again."""
        attempt = 0
        while True:
            try:
                await asyncio.to_thread(step)
                break
            except Retry as error:
                self.ready = False
                log.warning("dependency_away", reason=str(error), attempt=attempt)
                await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
                attempt += 1
        self.ready = True


def _reason(error: BaseException) -> str:
    """What may be logged of an error: our own words, else only where it happened (its text may quote a person)."""
    if isinstance(error, HubError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(place.filename).name}:{place.lineno} in {place.name}"


def _ignore(error: BaseException) -> None:
    """Nobody listens: a consumer under test."""
    del error


def random_keys(key_id: str) -> bytes:
    """Fresh data keys, for the live hub. Replay takes the kept ones instead."""
    del key_id
    return os.urandom(32)
