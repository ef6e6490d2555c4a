"""`GET /v1/directory` and `/v1/directory/{id}`: organizations as agencies' directories publish them.

Owns what a listing shows. Only what the caller's purposes or its own directory let it know; the rest is absent without
trace. People named as contacts are counted, never shown: no read here opens anything personal, so none is recorded.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.core.listings import Listing
from hub.core.privacy import listeners
from hub.web.answers import json_answer
from hub.web.deps import WebDeps
from hub.web.door import caller_of
from hub.web.parameters import After, Limit, known_id
from hub.web.problems import not_found

Told = dict[str, Any]
#: Where a body was erased.
SEALED: Final = "sealed"


class Directory:
    """The published directory."""

    def __init__(self, deps: WebDeps) -> None:
        self._reads = deps.reads

    def routes(self, router: APIRouter) -> None:
        """Add the addresses."""
        router.add_api_route("/v1/directory", self.page, methods=["GET"], tags=["directory"])
        router.add_api_route("/v1/directory/{id}", self.one, methods=["GET"], tags=["directory"])

    async def page(self, request: Request, after: After = 0, limit: Limit = 100) -> Response:
        """Organizations in the order in which they were last listed. `after=next` goes on, and later brings changes."""
        read = partial(self._reads.listings, listeners(caller_of(request).agency), after, limit)
        found = await to_thread.run_sync(read)
        return json_answer({"listings": [_row(one) for one in found], "next": found[-1].position if found else after})

    async def one(self, request: Request, id: str) -> Response:  # noqa: A002 - the address's
        """One organization as published, in HSDS 3: services, places, areas, eligibility, capacity, hours, terms."""
        read = partial(self._reads.listing, known_id(id), listeners(caller_of(request).agency))
        found = await to_thread.run_sync(read)
        if found is None:
            raise not_found()
        return json_answer(_row(found) | {"organization": found.doc.content or SEALED})


def _row(one: Listing) -> Told:
    doc = one.doc
    return {
        "listing": one.id,
        "name": doc.content["name"] if doc.content else SEALED,
        "agency": one.agency,
        "position": one.position,
        "heard": one.heard,
        "modified": one.modified,
        "services": doc.services,
        "locations": doc.locations,
        "contacts_withheld": doc.contacts,
        "dongs": list(doc.dongs),
        "flags": list(doc.flags),
    }
