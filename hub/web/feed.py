"""`GET /v1/feed`: the ledger as it grows, as JSON pages or as a stream of events. Owns paging and resuming.

What an entry looks like to whom is `core.feedview`'s to say: over HTTP a reader gets the very messages Kafka carries.
The city sees every position, sealed where it may not know; an agency only the positions that concern it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from functools import partial
from typing import Annotated, Final

import msgspec
import orjson
from anyio import to_thread
from fastapi import APIRouter, Header, Request
from starlette.responses import Response, StreamingResponse

from hub.core import feedview
from hub.core.directory import Agency
from hub.core.feedview import CITY_KIND, Stamp
from hub.core.privacy import concerns
from hub.errors import Retry
from hub.ledger.reads import Head, Posted
from hub.web.answers import PRIVATE, json_answer
from hub.web.deps import WebDeps
from hub.web.door import Caller, Door, caller_of
from hub.web.fresh import Fresh
from hub.web.metrics import Metrics
from hub.web.parameters import After, LastEventId, Limit
from hub.web.problems import ProblemError

STREAM: Final = "text/event-stream"
AUDIT: Final = "audit"
#: Entries looked at for one page of an agency. A page may be empty: `next` is behind what was looked at.
SCAN: Final = 50_000
#: Events written to a stream at a time.
RUN: Final = 1000
#: How long a client waits before it connects again, in milliseconds.
RECONNECT_MS: Final = 2000
#: A proxy that collects an answer before it passes it on would hold back a stream for ever.
STREAM_HEADERS: Final = PRIVATE | {"X-Accel-Buffering": "no"}


class Item(msgspec.Struct, frozen=True):
    """One position as its reader sees it: a CloudEvents message."""

    position: int
    value: bytes


class Page(msgspec.Struct, frozen=True):
    """Some positions, and the one to go on behind."""

    items: list[Item]
    next: int


def sees_all(agency: Agency) -> bool:
    """Whether this account's feed has every position (the city's, and an auditor's, each by its purposes)."""
    return agency.kind == CITY_KIND or AUDIT in agency.purposes


def shown(posted: Iterable[Posted], stamp: Stamp, agency: Agency) -> list[Item]:
    """These entries as this account sees them."""
    items = []
    for one in posted:
        entry = feedview.read(one.entry)
        if sees_all(agency):
            items.append(Item(one.position, feedview.feed_message(entry, one.position, stamp, agency).value))
        elif concerns(entry.facts["audience"], agency.code):
            items.append(Item(one.position, feedview.outbox_message(entry, one.position, stamp).value))
    return items


class Feed:
    """Pages and streams of the ledger."""

    def __init__(self, deps: WebDeps, door: Door, metrics: Metrics) -> None:
        self._deps, self._door, self._metrics, self._limits = deps, door, metrics, deps.limits
        read = partial(to_thread.run_sync, deps.reads.head)
        # However many listen, the head is read once in `follow_s`.
        self._head = Fresh(read, deps.clock, self._limits.follow_s / 2, self._limits.stale_s)

    def routes(self, router: APIRouter) -> None:
        """Add the address."""
        router.add_api_route("/v1/feed", self.get, methods=["GET"], tags=["feed"], summary="The feed")

    async def get(
        self,
        request: Request,
        after: After = 0,
        limit: Limit = 100,
        last_event_id: LastEventId = None,
        accept: Annotated[str, Header()] = "",
    ) -> Response:
        """The positions of the account's view behind `after`, in order; `next` is what to ask for then.

        With `Accept: text/event-stream` a stream: `id:` is the position, `Last-Event-ID` resumes behind it, comments
        are heartbeats.
        """
        caller = caller_of(request)
        if STREAM in accept:
            start = after if last_event_id is None else last_event_id
            return StreamingResponse(self.stream(caller, start), media_type=STREAM, headers=STREAM_HEADERS)
        page = await self._page(caller.agency, after, limit, await to_thread.run_sync(self._deps.reads.head))
        return json_answer({"entries": [orjson.Fragment(i.value) for i in page.items], "next": page.next})

    async def stream(self, caller: Caller, after: int) -> AsyncIterator[bytes]:
        """Events without end: until the client leaves, the account is suspended, or PostgreSQL stays away."""
        self._metrics.listeners.inc()
        try:
            yield b"retry: %d\n\n" % RECONNECT_MS
            async for chunk in self._follow(caller, after):
                yield chunk
        except (ProblemError, Retry):
            return  # the client connects again, and is then told why
        finally:
            self._metrics.listeners.dec()

    async def _follow(self, caller: Caller, after: int) -> AsyncIterator[bytes]:
        spoke = self._deps.clock()
        while True:
            page = await self._page(await self._door.admit(caller.token), after, RUN, await self._head.get())
            after_page = page.next
            if page.items:
                yield b"".join(b"id: %d\ndata: %s\n\n" % (i.position, i.value) for i in page.items)
                spoke = self._deps.clock()
            elif self._deps.clock() - spoke >= self._limits.heartbeat_s:
                yield b": heartbeat\n\n"
                spoke = self._deps.clock()
            if after_page == after:
                await asyncio.sleep(self._limits.follow_s)
            after = after_page

    async def _page(self, agency: Agency, after: int, limit: int, head: Head) -> Page:
        if after >= head.size:
            return Page([], after)
        return await to_thread.run_sync(self._scan, agency, after, limit, head)

    def _scan(self, agency: Agency, after: int, limit: int, head: Head) -> Page:
        """One page: for the city whatever comes next, for an agency its own among the next `SCAN`."""
        stamp, upto = Stamp(head.origin, head.epoch), min(head.size, after + SCAN)
        if sees_all(agency):
            posted = self._deps.reads.entries(after, limit)
            return Page(shown(posted, stamp, agency), posted[-1].position if posted else after)
        posted = self._deps.reads.entries_of(agency.code, after, upto, limit)
        return Page(shown(posted, stamp, agency), posted[-1].position if len(posted) == limit else upto)
