"""What a request to the façade brings along: its body, what it prefers, and the trace of what it reads.

Owns content types and the record of reads: nothing personal is answered before the ledger's topic holds who read it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote_plus

from fastapi import Request

from hub.core.directory import Agency
from hub.schemas.canonical import AccessClaim
from hub.web.courier import Courier
from hub.web.deps import Limits, WebDeps
from hub.web.fhir.finding import Found
from hub.web.fhir.outcome import MEDIA_TYPE
from hub.web.fhir.resources import parsed
from hub.web.intake import media_type
from hub.web.metrics import Metrics
from hub.web.problems import ProblemError
from hub.web.reading import read_body

#: Content types taken as FHIR JSON, and what an Accept header may name to get it.
JSON: Final = frozenset({MEDIA_TYPE, "application/json", "text/json"})
ACCEPTED: Final = JSON | {"*/*", "application/*", "", "json"}
_RETURNS: Final = frozenset({"minimal", "representation", "OperationOutcome"})


async def body_of(request: Request, limits: Limits, root: str) -> dict[str, Any]:
    """The resource in a request's body. Raises the problem that names what is wrong with it."""
    kind, charset = media_type(request.headers.get("content-type", ""))
    if kind not in JSON or charset not in {"utf-8", "utf8"}:
        raise ProblemError("media_type", f"Resources are sent as {MEDIA_TYPE} in UTF-8.")
    try:
        raw = await read_body(request, limits.single, limits.body_s)
    except ProblemError as problem:
        problem.errors = [{"expression": root, "code": problem.code, "detail": problem.detail or "Not received."}]
        raise
    return parsed(raw, root)


def preferred(request: Request) -> str:
    """What to answer a change with ('' is the representation). Raises 406 for a form there is not."""
    accept = request.headers.get("accept", "")
    asked = [request.query_params["_format"]] if "_format" in request.query_params else accept.split(",")
    if not any(recorded(one).partition(";")[0].strip().lower() in ACCEPTED for one in asked):
        raise ProblemError("not_acceptable", f"Answers are {MEDIA_TYPE}.")
    for preference in request.headers.get("prefer", "").split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "return" and value.strip() in _RETURNS:
            return value.strip()
    return ""


def recorded(text: str) -> str:
    """A value of an address or header as it was before it was encoded; a plus sign is one in a media type."""
    return unquote_plus(text.replace("+", "%2B"), errors="replace")


class Asked:
    """Keeps who read what."""

    def __init__(self, deps: WebDeps, courier: Courier, metrics: Metrics) -> None:
        self._deps, self._courier, self._metrics = deps, courier, metrics

    async def record(self, agency: Agency, found: Iterable[Found]) -> None:
        """Tell the ledger of every read of personal data. Raises `Retry` when Kafka is away: then nobody reads."""
        opened = [one for one in found if one.opened]
        purpose = next(iter(agency.purposes), "")
        if opened and not purpose:
            raise ProblemError("forbidden", "The purpose of a read is one of the account's own.")
        now = self._deps.now()
        claims = [AccessClaim(agency.code, one.what, one.id, one.opened, purpose, now, one.case) for one in opened]
        await asyncio.gather(*(self._courier.accessed(claim) for claim in claims))
        self._metrics.reads.inc(len(claims))
