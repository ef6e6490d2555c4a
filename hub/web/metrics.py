"""What the web counts, in a registry of its own. Owns the names. No label ever holds an id, an account or an address.

Routes are labeled by their template (`/v1/cases/{id}`), so nothing a client sends can become a label.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
UNKNOWN: Final = "unknown"
METHODS: Final = frozenset({"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Counters of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "hub_web_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "hub_web_request_seconds", "Until the answer's end.", ("route",), registry=self.registry
        )
        self.events = Counter("hub_web_events", "Events acknowledged by Kafka.", registry=self.registry)
        self.reads = Counter(
            "hub_web_personal_reads", "Reads of personal data recorded before the answer.", registry=self.registry
        )
        self.listeners = Gauge("hub_web_feed_listeners", "Open event streams.", registry=self.registry)

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self.registry)


class Measured:
    """ASGI middleware: counts each request under its route's template."""

    def __init__(self, app: ASGIApp, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._app, self._metrics, self._clock = app, metrics, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count it when its answer has ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = self._clock(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._count(scope, status, self._clock() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        name = route.path if isinstance(route, Route) else UNKNOWN
        method = scope["method"] if scope["method"] in METHODS else UNKNOWN
        self._metrics.requests.labels(name, method, str(status)).inc()
        self._metrics.seconds.labels(name).observe(seconds)
