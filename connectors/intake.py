"""`take` for many at once: inputs that arrive together share one commit. Owns the grouping, not the promise.

A fsync a message would bound a busy listener by its disk. What waits while one commit runs is the next commit; each
caller returns when its own events are durable, so an acknowledgment still stands for a commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from connectors.protocol import Event, Full
from connectors.spool import Spool

#: Events of one commit at most, so that nobody waits long.
TOGETHER: Final = 2000
#: What one ask can be to blame for: no room for so much, or a text that has no bytes (half a surrogate).
OWN_FAULT: Final = (Full, TypeError)


class _Ask(msgspec.Struct):
    events: Sequence[Event]
    about: Sequence[str]
    mark: str | None
    done: asyncio.Future[int]


class Intake:
    """`Take` on a spool. All spool work of one process goes through its one thread."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._asked: list[_Ask] = []
        self._working: asyncio.Task[None] | None = None

    async def __call__(self, events: Sequence[Event], *, about: Sequence[str] = (), mark: str | None = None) -> int:
        """See `protocol.Take`."""
        if not events and mark is None:
            return 0
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked.append(_Ask(events, about or [""] * len(events), mark, done))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await asyncio.shield(done)

    def close(self) -> None:
        """No more work."""
        self.thread.shutdown(wait=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._asked:
            group = self._next()
            try:
                counts = await loop.run_in_executor(self.thread, self._put, group)
            except OWN_FAULT as error:
                counts = [error] if len(group) == 1 else await self._each(group)
            except sqlite3.Error as error:  # a broken disk: nobody may wait for an answer that never comes
                counts = [error] * len(group)
            for ask, count in zip(group, counts, strict=True):
                if ask.done.done():
                    continue
                if isinstance(count, BaseException):
                    ask.done.set_exception(count)
                else:
                    ask.done.set_result(count)

    def _next(self) -> list[_Ask]:
        group = [self._asked.pop(0)]
        size = len(group[0].events)
        while self._asked and size + len(self._asked[0].events) <= TOGETHER:
            group.append(self._asked.pop(0))
            size += len(group[-1].events)
        return group

    def _put(self, group: Sequence[_Ask]) -> list[int | BaseException]:
        marks = [ask.mark for ask in group if ask.mark is not None]
        events = [e for ask in group for e in ask.events]
        texts = [t for ask in group for t in ask.about]
        new = self.spool.put(events, texts, marks[-1] if marks else None)
        # Who sent which new one matters to nobody but a test: the first of a group is told of all.
        return [new if n == 0 else 0 for n, _ in enumerate(group)] if len(group) > 1 else [new]

    async def _each(self, group: Sequence[_Ask]) -> list[int | BaseException]:
        """One by one, so that a large ask at the bound, or a broken one, does not refuse those beside it."""
        loop = asyncio.get_running_loop()
        counts: list[int | BaseException] = []
        for ask in group:
            try:
                counts += await loop.run_in_executor(self.thread, self._put, [ask])
            except (*OWN_FAULT, sqlite3.Error) as error:
                counts.append(error)
        return counts
