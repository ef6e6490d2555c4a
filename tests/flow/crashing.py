"""A process of the hub that ends itself by SIGKILL at one exact point: `python -m tests.flow.crashing POINT ROLE …`.

The points are injected by subclassing, so the product knows nothing of them. Each happens once the ledger holds more
than the accounts, i.e. while referrals are decided or relayed.
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
from hub.schemas.canonical import ReferralClaim


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


POINTS: dict[str, tuple[Any, str, type]] = {
    "before-commit": (hub.app, "Ledger", DiesBeforeCommit),
    "after-commit": (hub.app, "Ledger", DiesAfterCommit),
    "before-publishing": (relays, "Outlet", DiesBeforePublishing),
    "half-published": (relays, "Outlet", DiesHalfPublished),
    "before-cursor": (relays, "Desk", DiesBeforeCursor),
    "after-cursor": (relays, "Desk", DiesAfterCursor),
}


if __name__ == "__main__":
    module, name, kind = POINTS[sys.argv[1]]
    setattr(module, name, kind)
    sys.exit(hub.app.main(sys.argv[2:]))
