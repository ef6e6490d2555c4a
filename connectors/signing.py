"""Signs what goes up, whichever way it goes, where the agency has a signing key. Owns nothing else of the way.

Here and not in the spool: what waits there outlives a key, and is signed with the one of today.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.protocol import Change, Event, Receipt
from connectors.upstream import Upstream
from hub.schemas.signature import Signer


class Signed:
    """`Upstream` through another one, every event signed (`hub.schemas.signature`)."""

    def __init__(self, upstream: Upstream, signer: Signer) -> None:
        self._upstream, self._signer = upstream, signer

    async def send(self, events: Sequence[Event]) -> list[Receipt]:
        """See `Upstream`."""
        return await self._upstream.send([self._signer.sign(event) for event in events])

    async def receipts(self, waiting: Sequence[Receipt]) -> list[Receipt]:
        """See `Upstream`."""
        return await self._upstream.receipts(waiting)

    async def changes(self, after: str) -> tuple[list[Change], str]:
        """See `Upstream`."""
        return await self._upstream.changes(after)

    async def close(self) -> None:
        """See `Upstream`."""
        await self._upstream.close()
