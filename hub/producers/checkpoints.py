"""Runs the signer: a checkpoint within a second of new entries. Owns the loop, not the decision to sign."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from hub.errors import Retry
from hub.ledger.leaves import Leaves
from hub.producers.signer import Signed, Signer

log = structlog.get_logger()


class Published:
    """The checkpoint table as the signer's store."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves

    def latest(self) -> Signed | None:
        """The checkpoint of the largest size."""
        row = self._leaves.latest()
        return Signed(row[0], row[1], row[2].encode(), row[3]) if row else None

    def save(self, checkpoint: Signed) -> None:
        """Keep it, durably."""
        self._leaves.save(checkpoint.size, checkpoint.root, checkpoint.note.decode(), checkpoint.frontier)


class Source:
    """The ledger as the signer's source."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves

    def head(self) -> tuple[int, bytes]:
        """Size and root."""
        return self._leaves.head()

    def leaves(self, after: int, upto: int) -> Iterable[bytes]:
        """Leaf hashes."""
        return self._leaves.leaves(after, upto)


async def sign_forever(signer: Signer, interval_s: float) -> None:
    """Sign whenever the tree has grown. A `Halt` ends the process: the tree contradicts what was signed."""
    while True:
        try:
            await asyncio.to_thread(signer.sign_once)
        except Retry as error:
            log.warning("signing_waited", reason=str(error))
        await asyncio.sleep(interval_s)
