"""`POST /v1/receipts`: what became of many messages of one's own, and their referrals as they stand. Owns the address.

A receipt opens nothing, so that asking again and again is no read of personal data: what would make it one (the code
of a health or a secret need) is withheld here and stands behind `GET /v1/referrals/{id}`, where the read is recorded.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import orjson
from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import Field, ValidationError
from starlette.responses import Response

from hub.core import views
from hub.core.directory import Agency
from hub.core.sealing import cause_digest
from hub.ledger.receipts import Told
from hub.schemas.native.wire import Own, refusal_of
from hub.web.answers import json_answer
from hub.web.courier import outcome
from hub.web.deps import WebDeps
from hub.web.door import caller_of
from hub.web.problems import ProblemError, refused
from hub.web.reading import read_body

MOST: Final = 500
BODY: Final = 512 * 1024


class Named(Own):
    """A message by what makes it one."""

    source: Annotated[str, Field(max_length=256)]
    id: Annotated[str, Field(max_length=256)]


class Asked(Own):
    """The body."""

    messages: Annotated[list[Named], Field(max_length=MOST)]


DESCRIBED: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["messages"],
                    "properties": {
                        "messages": {
                            "type": "array",
                            "maxItems": MOST,
                            "items": {
                                "type": "object",
                                "required": ["source", "id"],
                                "additionalProperties": False,
                                "properties": {name: {"type": "string", "maxLength": 256} for name in ("source", "id")},
                            },
                        }
                    },
                }
            }
        },
    }
}


class Receipts:
    """Hands out receipts in bulk."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._health = frozenset(code for code, need in deps.rules.needs.items() if need.health)

    def routes(self, router: APIRouter) -> None:
        """Add the address."""
        router.add_api_route(
            "/v1/receipts",
            self.post,
            methods=["POST"],
            tags=["events"],
            summary="What became of many messages",
            openapi_extra=DESCRIBED,
        )

    async def post(self, request: Request) -> Response:
        """Receipts of up to 500 messages of one's own, in the order asked: status, position, reasons, referrals.

        A message that is not decided yet, that was never sent or that is somebody else's is `pending`: who asks for
        a stranger's learns nothing.
        """
        agency = caller_of(request).agency
        asked = await self._asked(request)
        mine = f"//agency/{agency.code}/"
        pepper = self._deps.keys.pepper
        causes = {(m.source, m.id): cause_digest(pepper, m.source, m.id) for m in asked if m.source.startswith(mine)}
        told = await to_thread.run_sync(self._deps.reads.receipts, sorted(causes.values()))
        found = [self._receipt(m, told.get(causes.get((m.source, m.id), b"")), agency) for m in asked]
        return json_answer({"receipts": found})

    async def _asked(self, request: Request) -> list[Named]:
        body = await read_body(request, BODY, self._deps.limits.body_s)
        try:
            return Asked.model_validate(orjson.loads(body)).messages
        except orjson.JSONDecodeError:
            raise ProblemError("invalid", "The body is not JSON (RFC 8259) in UTF-8.") from None
        except ValidationError as error:
            raise refused(refusal_of(error).reasons) from None

    def _receipt(self, named: Named, told: Told | None, agency: Agency) -> dict[str, Any]:
        value = {"id": named.id, "source": named.source}
        found = outcome(told.verdict if told else None)
        value |= {"status": found["verdict"]} | found
        if told is None:
            return value
        shown = [views.receipt_view(r, agency, self._health) for r in told.referrals]
        return value | {"referrals": [view for view in shown if view is not None]}
