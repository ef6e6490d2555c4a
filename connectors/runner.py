"""Runs one connector: hears, spools, drains upstream in order, asks for verdicts, tells the partner.

Owns the three loops and what `status` shows. Each loop goes on where the spool says, so a crash at any point repeats
work and loses none. Logs counts, codes and places, never content.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
import structlog

from connectors.intake import Intake
from connectors.protocol import Connector, Full, Receipt
from connectors.spool import Figures, Spool
from connectors.upstream import Backoff, Sleep, Upstream

log = structlog.get_logger()
T = TypeVar("T")
#: Events of one way up.
SLICE: Final = 500
IDLE_S: Final = 0.05
#: How often verdicts are asked for while some are open, and the outbox looked into.
LOOK_S: Final = 0.5
PAUSED: Final = "paused"
POSITION: Final = "outbox"


class Status(msgspec.Struct, frozen=True):
    """What `hub connector status` shows of a running connector."""

    connector: str
    agency: str
    paused: bool
    taken: int
    sent: int
    refused: int
    told: int
    spool: Figures


class Runner:
    """One connector with its spool and its way up."""

    def __init__(
        self, connector: Connector, agency: str, spool: Spool, upstream: Upstream, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.connector, self.agency, self.spool, self.upstream = connector, agency, spool, upstream
        self.intake = Intake(spool)
        self._sleep = sleep
        self.taken = self.sent = self.refused = self.told = 0
        self._asking, self._telling = asyncio.Lock(), asyncio.Lock()
        #: Undecided ones that were asked about in this turn, and still are.
        self._passed = 0

    async def run(self) -> None:
        """Run until canceled, or until the connector or the hub says that somebody must look (`Usage`)."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.connector.run(self.take), name="hear")
                group.create_task(self._forever(self.drain, IDLE_S), name="drain")
                group.create_task(self._forever(self.ask, LOOK_S), name="ask")
                group.create_task(self._forever(self.tell, LOOK_S), name="tell")
                group.create_task(self._forever(self.follow, LOOK_S), name="follow")
        except* asyncio.CancelledError:
            raise asyncio.CancelledError from None

    async def take(
        self, events: Sequence[dict[str, Any]], *, about: Sequence[str] = (), mark: str | None = None
    ) -> int:
        """See `protocol.Take`."""
        new = await self.intake(events, about=about, mark=mark)
        self.taken += new
        return new

    # ------------------------------------------------------------- the loops, one step each; True: there may be more
    async def drain(self) -> bool:
        """Send the oldest events that wait."""
        if await self._spooled(lambda: self.spool.mark(PAUSED)):
            return False
        waiting = await self._spooled(lambda: self.spool.head(SLICE))
        if not waiting:
            return False
        receipts = await self.upstream.send([w.event for w in waiting])
        await self._spooled(lambda: self.spool.receive(receipts))
        self.sent += len(receipts)
        refused = sum(r.status == "refused" for r in receipts)
        self.refused += refused
        log.info("sent", events=len(receipts), refused=refused)
        return True

    async def ask(self) -> bool:
        """Ask for verdicts on what the hub has taken, some at a time in turn: one of its partitions may stand still."""
        async with self._asking:
            open_ = await self._spooled(lambda: self.spool.undecided(SLICE, self._passed))
            decided = await self.upstream.receipts(open_) if open_ else []
            self._passed = self._passed + SLICE - len(decided) if len(open_) == SLICE else 0
            if decided:
                self.refused += sum(r.status == "refused" for r in decided)
                await self._spooled(lambda: self.spool.receive(decided))
            return len(decided) == SLICE

    async def tell(self) -> bool:
        """Tell the partner what became of its events."""
        async with self._telling:
            receipts = await self._spooled(lambda: self.spool.untold(SLICE))
            if not receipts:
                return False
            await self.connector.tell(receipts)
            await self._spooled(lambda: self.spool.told(receipts))
            self.told += len(receipts)
            return len(receipts) == SLICE

    async def follow(self) -> bool:
        """Tell the partner what happened to its referrals since, behind every receipt that is older.

        So nobody has to keep a change until its referral is known: a receipt that comes later tells how the referral
        stands by then, which holds the change already.
        """
        after = await self._spooled(lambda: self.spool.mark(POSITION))
        changes, next_ = await self.upstream.changes(after)
        if changes:
            async with self._asking:
                pass  # what was asked before the changes were fetched is in the spool now
            while await self.tell():
                pass
            await self.connector.follow(changes)
        if next_ != after:
            await self._spooled(lambda: self.spool.set_mark(POSITION, next_))
        return next_ != after

    async def pause(self, *, paused: bool) -> None:
        """Stop sending, or go on. Input is still taken."""
        await self._spooled(lambda: self.spool.set_mark(PAUSED, "1" if paused else ""))

    async def status(self) -> Status:
        """Figures of now."""
        paused = bool(await self._spooled(lambda: self.spool.mark(PAUSED)))
        figures = await self._spooled(self.spool.figures)
        counts = (self.taken, self.sent, self.refused, self.told)
        return Status(self.connector.name, self.agency, paused, *counts, figures)

    async def close(self) -> None:
        """Let go of everything; what is spooled stays."""
        self.intake.close()
        self.spool.close()
        await self.upstream.close()

    async def _forever(self, step: Callable[[], Any], idle_s: float) -> None:
        backoff = Backoff(self._sleep)
        while True:
            try:
                more = await step()
            except Full as error:
                # The disk is full, or somebody took the room: what is here stays here, and the step is done again.
                log.warning("spool_full", step=step.__name__, reason=str(error))
                await backoff.wait()
                continue
            backoff = Backoff(self._sleep)
            if not more:
                await self._sleep(idle_s)

    async def _spooled(self, work: Callable[[], T]) -> T:
        """Spool work, in the spool's own thread: a commit must not hold up those who listen."""
        return await asyncio.get_running_loop().run_in_executor(self.intake.thread, work)


def receipts_by_about(receipts: Sequence[Receipt]) -> dict[str, list[Receipt]]:
    """Receipts by what was kept beside their events."""
    found: dict[str, list[Receipt]] = {}
    for receipt in receipts:
        found.setdefault(receipt.about, []).append(receipt)
    return found
