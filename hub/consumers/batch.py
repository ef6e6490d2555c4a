"""The one shape of consuming: prepare outside, record under the lock, seek where the ledger says.

Owns ownership of partitions, pausing while PostgreSQL is away, and cutting batches into slices by time under the
lock. What a crash leaves: nothing recorded twice and nothing lost, since offsets move with the entries.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

from hub.consumers.newcomers import Newcomers
from hub.consumers.patience import Patience, Released
from hub.core.calendar import instant
from hub.core.policy import Policy
from hub.core.prepare import prepare_all
from hub.core.prepared import Arrival, Prepared
from hub.core.vault import DataKeys
from hub.errors import Fenced, Halt, HubError
from hub.ledger.cursors import Claim, Cursors
from hub.ledger.documents import seal_features
from hub.ledger.transaction import Ledger, Move, Recorded
from hub.settings import Settings

log = structlog.get_logger()
TopicIds = Callable[[Iterable[str]], dict[str, str]]
#: How long the group waits for our claims at most: no heartbeat leaves meanwhile. After it they are made beside it.
CLAIM_WITHIN_S = 8.0
#: How long the group waits for the batch in flight: below the rebalance timeout.
BATCH_WITHIN_S = 20.0
#: A fenced consumer waits for the rebalance that explains it; after this long it claims again.
EXPLAINED_WITHIN_S = 5.0
#: Below this the fixed cost of a transaction outweighs its records: on a starved machine slices would only shrink.
SMALLEST = 100
LARGEST = 1000


def arrival_of(record: ConsumerRecord) -> Arrival:
    """A broker's record as the hub sees it: its append time is when the hub heard."""
    heard = instant(datetime.fromtimestamp(record.timestamp / 1000, UTC))
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
        self._patiently = Patience()
        self._newcomers = Newcomers()
        self._owning: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Let the batch in hand be decided if that is possible now; what comes after it is left to the next."""
        self._patiently.closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(BATCH_WITHIN_S), self.busy:
                self.ledger.close()

    # ------------------------------------------------------------- ownership
    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Claim each partition (raising its epoch fences a zombie) and go on where the ledger says."""
        places = sorted(assigned)
        if places:
            self.subscriber.consumer.pause(*places)  # until then it would be read from anywhere
            await asyncio.wait([self._own(places)], timeout=CLAIM_WITHIN_S)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Let the batch in flight end (bounded: the group waits), then forget everything: aiokafka revokes all."""
        del revoked
        if self._owning is not None:
            self._owning.cancel()
        try:
            async with asyncio.timeout(BATCH_WITHIN_S):
                await self.busy.acquire()
                self.busy.release()
        except TimeoutError:
            log.warning("batch_outlived_rebalance")
        self.claims = {}

    def _own(self, places: Sequence[TopicPartition], after_s: float = 0.0) -> asyncio.Task[None]:
        if self._owning is not None:
            self._owning.cancel()
        self._owning = asyncio.create_task(self._claim_and_begin(places, after_s))
        self._owning.add_done_callback(lambda task: task.cancelled() or task.exception())  # told by `stop` already
        return self._owning

    async def _claim_and_begin(self, places: Sequence[TopicPartition], after_s: float) -> None:
        with self._halting(), suppress(Released):
            await asyncio.sleep(after_s)
            found = await self._patiently(partial(self._claim, places))
            for place, claim in found.items():
                self._begin(place, claim)

    def _claim(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, Claim]:
        ids = self.topic_ids({p.topic for p in places})
        claims = self.cursors.claim((p.topic, ids[p.topic], p.partition) for p in places)
        return {place: claims[place.topic, place.partition] for place in places}

    def _begin(self, place: TopicPartition, claim: Claim, *, resting: bool = False) -> None:
        """From here on the partition is ours. Claim and position change in one step of the loop (see `_current`)."""
        if place in self._assigned():
            consumer = self.subscriber.consumer
            consumer.seek(place, claim.next)
            (consumer.pause if resting else consumer.resume)(place)
            self.claims[place] = claim

    # ------------------------------------------------------------- batches
    async def handle(self, records: tuple[ConsumerRecord, ...]) -> None:
        """Decide a batch. Whatever goes wrong ends the process: going on would skip the batch for good."""
        async with self.busy:
            with self._halting(), suppress(Released):
                try:
                    await self._handle(await self._current(records))
                except Fenced:
                    log.warning("batch_fenced", partitions=len(self.claims))
                    await self._fenced()

    async def _current(self, records: Sequence[ConsumerRecord]) -> list[ConsumerRecord]:
        """The records to be decided: those that were read from where the ledger says.

        From one seek to the next aiokafka hands a partition's records over in order and leaves none out (numbers may
        be missing: control records). What was read before a seek and arrives after it is known by the position, which
        is not behind its last record; or else the seek went beyond all of it, and none of its offsets is asked for.
        """
        last = {TopicPartition(r.topic, r.partition): r.offset for r in records}
        places = [p for p in last if p in self.claims and p in self._assigned()]
        at = {place: await self.subscriber.consumer.position(place) for place in places}
        for place, position in at.items():
            if (claim := self.claims.get(place)) and position < claim.next:
                text = f"{place.topic}/{place.partition} goes on at {position}, but was decided up to {claim.next}"
                raise Halt(f"{text}: Kafka lost records, and new ones have the offsets of old ones.")
        wanted = {p: self.claims[p].next for p, offset in last.items() if p in self.claims and at.get(p, -1) > offset}
        places_of = [(TopicPartition(r.topic, r.partition), r) for r in records]
        return [r for place, r in places_of if place in wanted and r.offset >= wanted[place]]

    async def _handle(self, records: Sequence[ConsumerRecord]) -> None:
        owned = dict(self.claims)
        while records and not self._patiently.closing:
            part, records = records[: self.slice], records[self.slice :]
            # In a thread: a long synchronous stretch in the loop would starve the heartbeats.
            prepared = await asyncio.to_thread(self._prepare, part)
            recorded = await self._patiently(partial(self._record, part, prepared, owned))
            resting = self._note(part, recorded, owned)
            if resting:
                # What lies behind a message that was left alone is read again with it.
                records = [r for r in records if TopicPartition(r.topic, r.partition) not in resting]

    def _prepare(self, records: Sequence[ConsumerRecord]) -> list[Prepared]:
        prepared = prepare_all([arrival_of(r) for r in records], self.policy, self.data_keys)
        for message in prepared:
            if message.features is not None and message.record:
                sealed = seal_features(message.data_key, message.record, message.features, message.keys)
                message.features_sealed = sealed
        return prepared

    def _record(
        self, records: Sequence[ConsumerRecord], prepared: Sequence[Prepared], owned: Mapping[TopicPartition, Claim]
    ) -> Recorded:
        """Record a slice under the claims its records were read under, however long PostgreSQL was away since."""
        last = {TopicPartition(r.topic, r.partition): r.offset + 1 for r in records}
        if any(self.claims.get(place) is not owned[place] for place in last):
            raise Released
        moves = [Move(owned[p].partition_id, owned[p].epoch, owned[p].next, end) for p, end in last.items()]
        places = [owned[TopicPartition(r.topic, r.partition)].partition_id for r in records]
        return self.ledger.record(prepared, places, moves)

    def _note(
        self, records: Sequence[ConsumerRecord], recorded: Recorded, owned: Mapping[TopicPartition, Claim]
    ) -> set[TopicPartition]:
        """Remember how far we are. Returns the partitions of paused agencies: they rest, everybody else's go on."""
        resting = set()
        for place, end in {TopicPartition(r.topic, r.partition): r.offset + 1 for r in records}.items():
            claim = owned[place]
            claim.next = recorded.held.get(claim.partition_id, end)
            if claim.partition_id in recorded.held:
                resting.add(place)
                if self.claims.get(place) is claim:
                    self._begin(place, claim, resting=True)
                    log.warning("agency_partition_paused", topic=place.topic, partition=place.partition)
        self.progress += 1
        self._measure(len(records), recorded.under_lock_s)
        return resting

    def _measure(self, count: int, under_lock_s: float) -> None:
        """Slices follow the time they hold the lock: everybody waits for it."""
        self.decided += count
        self.under_lock_s += under_lock_s
        if count >= self.slice // 2:
            target = self.settings.lock_target_ms / 1000
            fitting = int(self.slice * min(1.5, max(0.5, target / max(under_lock_s, 0.001))))
            self.slice = max(SMALLEST, min(LARGEST, fitting))

    async def look_after_paused(self) -> None:
        """Let partitions of agencies that were resumed go on, within a second."""
        while True:
            await asyncio.sleep(1.0)
            await self._newcomers.look(self.subscriber.consumer, partial(self._patiently, self.cursors.offsets))
            consumer = self.subscriber.consumer
            if consumer is not None and consumer.paused():
                active = await self._patiently(self.cursors.active_topics)
                for place in consumer.paused():
                    if place.topic in active and place in self.claims:
                        self._begin(place, self.claims[place])

    # ------------------------------------------------------------- trouble
    async def _fenced(self) -> None:
        """Forget and re-read. Where our epoch still stands, a commit whose answer was lost had happened after all.

        Where another's epoch stands, a rebalance is on its way to us; if none comes, we ask again. We wait for it
        beside the batch, not in it: the rebalance waits for the batch.
        """
        before, self.claims = self.claims, {}
        found = await self._patiently(self.cursors.epochs)
        missing = []
        for place in sorted(self._assigned()):
            claim, (epoch, next_offset) = before.get(place), found.get((place.topic, place.partition), (-1, 0))
            if place in self.claims:
                continue
            if claim is not None and claim.epoch == epoch:
                self._begin(place, Claim(claim.partition_id, epoch, next_offset))
            else:
                missing.append(place)
        if missing:
            self.subscriber.consumer.pause(*missing)
            self._own(missing, EXPLAINED_WITHIN_S)

    def _assigned(self) -> frozenset[TopicPartition]:
        return self.subscriber.consumer.assignment() if self.subscriber.consumer else frozenset()

    @contextmanager
    def _halting(self) -> Iterator[None]:
        """End the process with whatever comes up: aiokafka and FastStream would log it and go on without us."""
        try:
            yield
        except BaseException as error:
            # The one place that catches everything.
            if not isinstance(error, asyncio.CancelledError):
                log.critical("consumer_halted", error=type(error).__name__, reason=_reason(error))
                self.stop(error)
            raise


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
