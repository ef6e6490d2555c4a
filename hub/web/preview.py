"""`POST /v1/preview`: what the hub would make of events, before anything is sent. Owns this address; stores nothing.

Pure normalization of the caller's own input: nothing is published, no ledger is asked, nobody else's data can appear.
What only the ledger knows (who it is, whether it is a duplicate, who receives it) is not part of a preview.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.core.directory import Agency
from hub.core.normalize import normalize
from hub.schemas.canonical import Refusal
from hub.web import intake
from hub.web.answers import ENVELOPE_BODY, json_answer
from hub.web.deps import WebDeps
from hub.web.door import Door, caller_of
from hub.web.intake import BATCH, STRUCTURED, media_type
from hub.web.problems import ProblemError, error_of, refused
from hub.web.reading import read_body

#: Events of one preview: people look at them.
MOST: Final = 100


class Preview:
    """Shows what would be understood."""

    def __init__(self, deps: WebDeps, door: Door) -> None:
        self._deps, self._door = deps, door

    def routes(self, router: APIRouter) -> None:
        """Add the address."""
        router.add_api_route(
            "/v1/preview",
            self.post,
            methods=["POST"],
            tags=["events"],
            summary="What the hub would make of events",
            openapi_extra=ENVELOPE_BODY,
        )

    async def post(self, request: Request) -> Response:
        """Per event, in its order: the claim the hub would read (fields, flags, repairs), or why it would be refused.

        Structured events, or a batch of at most 100, of one's own agency. Nothing is stored and nothing is sent on.
        """
        agency = caller_of(request).agency
        kind, _ = media_type(request.headers.get("content-type", ""))
        if kind not in {STRUCTURED, BATCH}:
            raise ProblemError("media_type", f"{STRUCTURED} or {BATCH}.")
        limits = self._deps.limits
        body = await read_body(request, limits.batch if kind == BATCH else limits.single, limits.body_s)
        parts = intake.slices(body) if kind == BATCH else [body]
        if isinstance(parts, Refusal):
            raise refused(parts.reasons)
        if len(parts) > MOST:
            raise ProblemError("too_large", f"A preview has at most {MOST} events.")
        self._door.spend(agency, len(parts))
        return json_answer({"previews": await to_thread.run_sync(self._all, parts, agency)})

    def _all(self, parts: list[bytes], agency: Agency) -> list[dict[str, Any]]:
        return [self._one(part, agency) for part in parts]

    def _one(self, raw: bytes, agency: Agency) -> dict[str, Any]:
        message = intake.one(raw, agency.code)
        if isinstance(message, Refusal):
            return _refused("", message)
        claim = normalize(message.envelope, self._deps.policy.mapping)
        if isinstance(claim, Refusal):
            return _refused(message.envelope.id, claim)
        fields = msgspec.to_builtins(claim)
        kind, flags, repairs = fields.pop("type"), fields.pop("flags", ()), fields.pop("repairs", ())
        verdict = {"id": message.envelope.id, "verdict": "acceptable", "kind": kind}
        return verdict | {"claim": fields, "flags": list(flags), "repairs": list(repairs)}


def _refused(id_: str, refusal: Refusal) -> dict[str, Any]:
    reasons = [{"path": e.pop("pointer"), "text": e.pop("detail")} | e for e in map(error_of, refusal.reasons)]
    return {"id": id_, "verdict": "refused", "reasons": reasons}
