"""`GET /log/checkpoint` and `/log/tile/…`: the log as C2SP tlog-tiles, for accounts. Owns who may fetch which.

Hash tiles are for every account. Entry bundles are for purpose `audit` alone: an entry names no one, yet agency, case
and code together are personal data.
"""

from __future__ import annotations

from typing import Final

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.core.tiles import Tile
from hub.web.deps import WebDeps
from hub.web.door import caller_of
from hub.web.feed import AUDIT
from hub.web.problems import ProblemError, not_found

#: A tile never changes; only the fetching account's own cache may keep it.
FOR_EVER: Final = {"Cache-Control": "private, max-age=31536000, immutable"}
SHORT: Final = {"Cache-Control": "private, max-age=1"}


class Log:
    """Serves the published tree."""

    def __init__(self, deps: WebDeps) -> None:
        self._log = deps.log

    def routes(self, router: APIRouter) -> None:
        """Add the addresses."""
        router.add_api_route("/log/checkpoint", self.checkpoint, methods=["GET"], tags=["log"])
        router.add_api_route("/log/tile/{path:path}", self.tile, methods=["GET"], tags=["log"])

    async def checkpoint(self) -> Response:
        """The newest signed checkpoint (C2SP tlog-checkpoint)."""
        published = await to_thread.run_sync(self._log.checkpoint)
        if published is None:
            raise not_found()
        return Response(published.note, media_type="text/plain; charset=utf-8", headers=SHORT)

    async def tile(self, request: Request, path: str) -> Response:
        """A tile: `<L>/<N>[.p/<W>]` holds hashes, `entries/<N>[.p/<W>]` holds entries (purpose audit)."""
        tile = Tile.parse(f"tile/{path}")
        if tile is None:
            raise not_found()
        if tile.level is None and AUDIT not in caller_of(request).agency.purposes:
            raise ProblemError("forbidden", "Entries are for accounts with purpose audit.")
        content = await to_thread.run_sync(self._log.tile, tile)
        if content is None:
            raise not_found()
        return Response(content, media_type="application/octet-stream", headers=FOR_EVER)
