"""For those who run the hub: alive, ready, counted. Owns no data: nothing here names an account, an id or a person."""

from __future__ import annotations

import asyncio
from typing import Final

from anyio import to_thread
from fastapi import APIRouter
from starlette.responses import Response

from hub.errors import Retry
from hub.web.answers import json_answer
from hub.web.deps import WebDeps
from hub.web.metrics import CONTENT_TYPE, Metrics

#: A dependency that says nothing for this long is away.
PATIENCE_S: Final = 2.0
OK: Final = "ok"


class Operations:
    """Health and metrics, without an account."""

    def __init__(self, deps: WebDeps, metrics: Metrics) -> None:
        self._deps, self._metrics = deps, metrics

    def routes(self, router: APIRouter) -> None:
        """Add the addresses."""
        for path, endpoint in (("/healthz", self.alive), ("/readyz", self.ready), ("/metrics", self.metrics)):
            router.add_api_route(path, endpoint, methods=["GET"], tags=["operations"])

    async def alive(self) -> Response:
        """Whether this process answers. A dependency that is away does not make it sick."""
        return json_answer({"status": OK})

    async def ready(self) -> Response:
        """Whether everything the hub needs is there; 503 names what is not."""
        kafka, postgresql = await asyncio.gather(self._kafka(), self._postgresql())
        status = 200 if kafka == postgresql == OK else 503
        return json_answer({"kafka": kafka, "postgresql": postgresql, "release": self._deps.release}, status)

    async def metrics(self) -> Response:
        """Prometheus exposition."""
        return Response(self._metrics.text(), media_type=CONTENT_TYPE)

    async def _kafka(self) -> str:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._deps.kafka_away() or OK
        except TimeoutError:
            return "silent"

    async def _postgresql(self) -> str:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await to_thread.run_sync(self._deps.reads.head, abandon_on_cancel=True)
        except TimeoutError:
            return "silent"
        except Retry:
            return "away"
        return OK
