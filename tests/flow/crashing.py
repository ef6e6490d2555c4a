"""A process of the hub that ends or stops itself at one exact point: `python -m tests.flow.crashing POINT ROLE …`.

The points are injected by subclassing, so the product knows nothing of them. They lie where referrals are decided or
relayed. What stops itself (SIGSTOP) does so once and goes on when it is continued.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import hub.app
import hub.producers.relay as relays
from hub.core.prepared import Prepared
from hub.ledger.feed import Desk, Lease
from hub.ledger.transaction import Ledger, Move, Recorded
from hub.ledger.webhooks import Attempt, Endpoint, Postbox
from hub.producers import webhooks
from hub.schemas.canonical import ReferralClaim

#: A slice of so many records at least is a test's referrals.
MANY = 10


def die() -> NoReturn:
    """As if the power had gone."""
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()
    raise AssertionError("unreachable")


class DiesBeforeCommit(Ledger):
    """Everything is written, nothing is committed."""

    def _attempt(self, batch: Sequence[Prepared], places: Sequence[int], moves: Sequence[Move]) -> Recorded:
        recorded = super()._attempt(batch, places, moves)
        if any(isinstance(m.content, ReferralClaim) for m in batch):
            die()
        return recorded


class DiesAfterCommit(Ledger):
    """Committed, but the process never hears of it."""

    def record(self, batch: Sequence[Prepared], places: Sequence[int], moves: Sequence[Move]) -> Recorded:
        recorded = super().record(batch, places, moves)
        if any(isinstance(m.content, ReferralClaim) for m in batch):
            die()
        return recorded


class StopsBeforeMoving(Ledger):
    """A slice in hand, nothing done yet: what a zombie wakes up with."""

    stopped = False

    def _move(self, connection: Any, moves: Sequence[Move], batch: Sequence[Prepared]) -> Any:
        if not self.stopped and any(move.next - move.remembered >= MANY for move in moves):
            self.stopped = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return super()._move(connection, moves, batch)


class StopsInCopy(Ledger):
    """Half of the entries are on their way, the head is locked."""

    stopped = False

    def _decide(self, *given: Any) -> Recorded:
        if not self.stopped and len(given[1]) >= MANY:
            self.stopped = True
            self.connection.execute("CREATE TEMP TABLE half (n int) ON COMMIT DROP")
            with self.connection.cursor() as cursor, cursor.copy("COPY half (n) FROM STDIN") as stream:
                stream.write(b"1\n" * 100_000)
                os.kill(os.getpid(), signal.SIGSTOP)
        return super()._decide(*given)


class DiesBeforePublishing(relays.Outlet):
    """The page is read, none of it is sent."""

    async def publish(self, page: relays.Rows) -> None:
        del page
        die()


class DiesHalfPublished(relays.Outlet):
    """The first half of the page is acknowledged, the rest was never sent."""

    async def publish(self, page: relays.Rows) -> None:
        await super().publish(page[: (len(page) + 1) // 2])
        die()


class DiesBeforeCursor(Desk):
    """All of the page is acknowledged, the cursor has not moved."""

    def move(self, lease: Lease, position: int) -> None:
        del lease, position
        die()


class DiesAfterCursor(Desk):
    """The cursor has moved; the relay never hears of it."""

    def move(self, lease: Lease, position: int) -> None:
        super().move(lease, position)
        die()


class DiesBeforeSending(webhooks.Egress):
    """A notice is signed, nothing of it was sent."""

    async def post(self, *given: Any) -> NoReturn:
        del given
        die()


class DiesBeforePosition(Postbox):
    """The endpoint has answered, the position has not moved."""

    def settle(self, before: Endpoint, now: Endpoint, tried: Attempt) -> bool:
        del before, now, tried
        die()


POINTS: dict[str, tuple[Any, str, type]] = {
    "before-commit": (hub.app, "Ledger", DiesBeforeCommit),
    "after-commit": (hub.app, "Ledger", DiesAfterCommit),
    "stopped-before-moving": (hub.app, "Ledger", StopsBeforeMoving),
    "stopped-in-copy": (hub.app, "Ledger", StopsInCopy),
    "before-publishing": (relays, "Outlet", DiesBeforePublishing),
    "half-published": (relays, "Outlet", DiesHalfPublished),
    "before-cursor": (relays, "Desk", DiesBeforeCursor),
    "after-cursor": (relays, "Desk", DiesAfterCursor),
    "webhook-before-sending": (webhooks, "Egress", DiesBeforeSending),
    "webhook-before-position": (webhooks, "Postbox", DiesBeforePosition),
}


if __name__ == "__main__":
    module, name, kind = POINTS[sys.argv[1]]
    setattr(module, name, kind)
    sys.exit(hub.app.main(sys.argv[2:]))
