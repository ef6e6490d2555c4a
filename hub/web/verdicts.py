"""Waiting for the ledger's verdict: one poller for all requests that wait. Owns when to ask; decides nothing.

Started by the first who waits, gone with the last. While PostgreSQL is away it goes on asking: whoever waits is
answered 202 in the end, and its message is on Kafka all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import msgspec
from anyio import to_thread

from hub.core.prepare import kept_digest
from hub.core.sealing import cause_digest, keyed_digest
from hub.errors import Retry
from hub.ledger.reads import Verdict
from hub.schemas.envelope import Envelope

Read = Callable[[Collection[bytes]], Mapping[bytes, Verdict]]
#: Between two attempts while PostgreSQL is away.
AWAY_S: Final = 0.25


class Ticket(msgspec.Struct, frozen=True):
    """What the ledger calls a message: by its id, and by its data should the id be taken (as `decide.conflicting`)."""

    cause: bytes
    conflict: bytes
    digest: bytes

    @classmethod
    def of(cls, envelope: Envelope, pepper: bytes) -> Ticket:
        """The ticket of one message."""
        cause, digest = cause_digest(pepper, envelope.source, envelope.id), kept_digest(pepper, envelope)
        return cls(cause, keyed_digest(pepper, cause, digest), digest)

    def verdict(self, found: Mapping[bytes, Verdict]) -> Verdict | None:
        """The verdict on this very message: never that on another one of the same id."""
        first = found.get(self.cause)
        return first if first is not None and first.data_digest == self.digest else found.get(self.conflict)


class _Waiter:
    def __init__(self, tickets: Iterable[Ticket]) -> None:
        self.open = set(tickets)
        self.found: dict[Ticket, Verdict] = {}
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def offer(self, found: Mapping[bytes, Verdict]) -> None:
        for ticket in list(self.open):
            verdict = ticket.verdict(found)
            if verdict is not None:
                self.open.discard(ticket)
                self.found[ticket] = verdict
        if not self.open and not self.done.done():
            self.done.set_result(None)


class Verdicts:
    """Asks for verdicts, once or until they are there."""

    def __init__(self, read: Read, pause_s: float) -> None:
        self._read, self._pause_s = read, pause_s
        self._waiters: set[_Waiter] = set()
        self._task: asyncio.Task[None] | None = None

    async def known(self, tickets: Collection[Ticket]) -> dict[Ticket, Verdict]:
        """The verdicts there are by now. Raises `Retry` while PostgreSQL is away."""
        found = await to_thread.run_sync(self._read, _causes(tickets))
        return {t: verdict for t in tickets if (verdict := t.verdict(found)) is not None}

    async def wait(self, tickets: Collection[Ticket], seconds: float) -> dict[Ticket, Verdict]:
        """The verdicts there are after at most `seconds`; returns as soon as all are."""
        waiter = _Waiter(tickets)
        self._waiters.add(waiter)
        self._poll()
        try:
            async with asyncio.timeout(seconds):
                await waiter.done
        except TimeoutError:
            pass
        finally:
            self._waiters.discard(waiter)
        return waiter.found

    def _poll(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask())
            self._task.add_done_callback(self._ended)

    async def _ask(self) -> None:
        while self._waiters:
            pause_s = self._pause_s
            try:
                found = await to_thread.run_sync(self._read, _causes(t for w in self._waiters for t in w.open))
            except Retry:
                found, pause_s = {}, AWAY_S
            for waiter in list(self._waiters):
                waiter.offer(found)
            await asyncio.sleep(pause_s)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A poller that broke tells those who wait; otherwise they would wait for nobody."""
        error = None if task.cancelled() else task.exception()
        for waiter in self._waiters:
            if error is not None and not waiter.done.done():
                waiter.done.set_exception(error)


def _causes(tickets: Iterable[Ticket]) -> list[bytes]:
    return sorted({cause for t in tickets for cause in (t.cause, t.conflict)})
