"""Ticks, decided once every inbound partition has passed the tick's `through`; then the pages a tick left.

An answer sent in time is thus never overtaken by the tick that would expire it. Owns the waiting, no rule of time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec
from aiokafka import ConsumerRecord, TopicPartition

from hub.consumers.batch import BatchConsumer
from hub.core.prepare import prepare
from hub.core.prepared import Arrival, Prepared
from hub.ledger.continuations import CONTINUATIONS
from hub.ledger.cursors import Claim
from hub.ledger.transaction import Move
from hub.schemas import topics
from hub.schemas.canonical import TickClaim

WAIT_S = 0.25
#: How long one tick is waited for before the ticks behind it are looked at again.
LOOK_AGAIN_S = 1.0


class ClockConsumer(BatchConsumer):
    """Decides one tick at a time."""

    pages: Claim | None = None
    #: How far every partition was decided when that was last asked: it only grows.
    decided_to: dict[tuple[str, int], int] = {}  # noqa: RUF012 - replaced, never changed

    async def _handle(self, records: Sequence[ConsumerRecord]) -> None:
        owned = dict(self.claims)
        ticks = await asyncio.to_thread(self._prepare, records)
        for at, (record, tick) in enumerate(zip(records, ticks, strict=True)):
            ready = await self._awaited(tick, ticks[at + 1 :])
            if ready is None:
                place = TopicPartition(record.topic, record.partition)
                if self.claims.get(place) is owned[place]:
                    self._begin(place, owned[place])
                return
            recorded = await self._patiently(partial(self._record, [record], [ready], owned))
            self._note([record], recorded, owned)
            await self._drain()

    async def _awaited(self, tick: Prepared, later: Sequence[Prepared]) -> Prepared | None:
        """The tick, once every cursor stands behind what had been sent when it was made; None: it has to wait.

        A tick made before its agency was called stuck would wait for it as long as that lasts, and all ticks behind
        it: once a later one names the agency, that one says all that this one would. This one then says nothing.
        """
        if not isinstance(tick.content, TickClaim):
            return tick
        through, stuck = tick.content.through, set(tick.content.stuck)
        for _ in range(int(LOOK_AGAIN_S / WAIT_S)):
            if not _behind(self.decided_to, through, stuck):
                return tick
            self.decided_to = await self._patiently(self.cursors.offsets)
            behind = _behind(self.decided_to, through, stuck)
            if not behind:
                return tick
            if any(isinstance(t.content, TickClaim) and behind <= set(t.content.stuck) for t in later):
                return msgspec.structs.replace(tick, content=TickClaim(at=""))
            if self._patiently.closing:
                return None
            await asyncio.sleep(WAIT_S)
        return None

    async def _fenced(self) -> None:
        self.pages = None  # claimed again with the next page: their cursor may have moved as well
        await super()._fenced()

    async def _drain(self) -> None:
        """Pages left by this tick, each a message of its own in a transaction of its own."""
        while (page := await self._patiently(self._next)) and not self._patiently.closing:
            await self._patiently(partial(self._record_page, page))

    def _next(self) -> Prepared | None:
        if self.pages is None:
            self.pages = self.cursors.claim([(CONTINUATIONS, "internal", 0)])[CONTINUATIONS, 0]
        found = self.ledger.next_page(self.pages.next)
        if found is None:
            return None
        id_, message, heard = found
        return prepare(Arrival(CONTINUATIONS, 0, id_, heard, message), self.policy, self.data_keys)

    def _record_page(self, page: Prepared) -> None:
        assert self.pages is not None  # noqa: S101 - set by _next
        move = Move(self.pages.partition_id, self.pages.epoch, self.pages.next, page.arrival.offset + 1)
        self.ledger.record([page], [self.pages.partition_id], [move])
        self.pages.next = move.next


def passed(offsets: dict[tuple[str, int], int], place: str, end: int, stuck: set[str]) -> bool:
    """Whether the ledger stands at or behind `end` of 'topic/partition'; agencies named stuck are not waited for."""
    topic, _, partition = place.rpartition("/")
    if end == 0 or agency_of(place) in stuck:
        return True
    return offsets.get((topic, int(partition)), 0) >= end


def _behind(offsets: dict[tuple[str, int], int], through: dict[str, int], stuck: set[str]) -> set[str]:
    return {agency_of(place) for place, end in through.items() if not passed(offsets, place, end, stuck)}


def agency_of(place: str) -> str:
    """The agency of 'topic/partition'; the hub for its own topics, which no tick ever calls stuck."""
    return topics.agency_of(place.rpartition("/")[0])
