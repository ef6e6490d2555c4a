"""Ticks, decided once every inbound partition has passed the tick's `through`; then the pages a tick left.

An answer sent in time is thus never overtaken by the tick that would expire it. Owns the waiting, no rule of time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from aiokafka import ConsumerRecord

from hub.consumers.batch import BatchConsumer
from hub.core.prepare import prepare
from hub.core.prepared import Arrival, Prepared
from hub.ledger.continuations import CONTINUATIONS, next_page
from hub.ledger.cursors import Claim
from hub.ledger.transaction import Move
from hub.schemas.canonical import TickClaim

WAIT_S = 0.05


class ClockConsumer(BatchConsumer):
    """Decides one tick at a time."""

    pages: Claim | None = None

    async def _handle(self, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            prepared = await asyncio.to_thread(self._prepare, [record])
            await self._passed(prepared[0])
            await self._patiently(partial(self._record, [record], prepared))
            self.progress += 1
            await self._drain()

    async def _passed(self, tick: Prepared) -> None:
        """Wait until every cursor stands behind what had been sent when the tick was made."""
        if not isinstance(tick.content, TickClaim):
            return
        stuck = set(tick.content.stuck)
        while True:
            offsets: dict[tuple[str, int], int] = {}
            await self._patiently(partial(self._offsets, offsets))
            if all(passed(offsets, place, end, stuck) for place, end in tick.content.through.items()):
                return
            await asyncio.sleep(WAIT_S)

    def _offsets(self, found: dict[tuple[str, int], int]) -> None:
        found.update(self.cursors.offsets())

    async def _drain(self) -> None:
        """Pages left by this tick, each a message of its own in a transaction of its own."""
        while True:
            page: list[Prepared] = []
            await self._patiently(partial(self._next, page))
            if not page:
                return
            await self._patiently(partial(self._record_page, page[0]))

    def _next(self, page: list[Prepared]) -> None:
        if self.pages is None:
            self.pages = self.cursors.claim([(CONTINUATIONS, "internal", 0)])[CONTINUATIONS, 0]
        found = next_page(self.ledger.connection, self.pages.next)
        self.ledger.connection.rollback()
        if found:
            id_, message, heard = found
            page.append(prepare(Arrival(CONTINUATIONS, 0, id_, heard, message), self.policy, self.data_keys))

    def _record_page(self, page: Prepared) -> None:
        assert self.pages is not None  # noqa: S101 - set by _next
        move = Move(self.pages.partition_id, self.pages.epoch, self.pages.next, page.arrival.offset + 1)
        self.ledger.record([page], [self.pages.partition_id], [move])
        self.pages.next = move.next


def passed(offsets: dict[tuple[str, int], int], place: str, end: int, stuck: set[str]) -> bool:
    """Whether the ledger stands at or behind `end` of 'topic/partition'; agencies named stuck are not waited for."""
    topic, _, partition = place.rpartition("/")
    if end == 0 or topic.removeprefix("hub.in.") in stuck:
        return True
    return offsets.get((topic, int(partition)), 0) >= end
