"""How answers are written, and what the API's description says of bodies FastAPI does not read itself. No logic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.responses import Response

from hub.schemas.envelope import Envelope
from hub.schemas.native.answer import ReasonCode
from hub.web.intake import BATCH, STRUCTURED
from hub.web.problems import MEDIA_TYPE

#: What people read of people stays out of every cache between them and the hub.
PRIVATE: Final = {"Cache-Control": "no-store"}

_EVENT: Final = Envelope.model_json_schema()
ENVELOPE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            STRUCTURED: {"schema": _EVENT},
            BATCH: {"schema": {"type": "array", "items": _EVENT}},
            "*/*": {"schema": {"description": "Binary mode: the attributes as ce- headers, the data as the body."}},
        },
    }
}


def reason_body(reasons: Sequence[str], more: Mapping[str, str]) -> dict[str, Any]:
    """The description of a body: a reason code, free text, and further members with what they are."""
    members: dict[str, Any] = {
        "reason": {"type": "string", "enum": list(reasons)},
        "text": {"type": "string", "description": "In one's own words; stays encrypted."},
    }
    members |= {name: {"type": "string", "description": about} for name, about in more.items()}
    if "records" in members:
        members["records"] |= {"type": "array", "items": {"type": "string"}}
    schema = {"type": "object", "additionalProperties": False, "properties": members}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


CHANGE_BODY: Final = reason_body(
    list(ReasonCode.__args__),  # type: ignore[attr-defined]
    {"on_behalf": "The agency a worker speaks for."},
)
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
            },
        },
    },
}
#: Every operation can be refused in the same form.
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
    for status, text in (("4XX", "Refused (RFC 9457)."), ("5XX", "The hub cannot answer now (RFC 9457)."))
}


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(value), status, headers=PRIVATE | (headers or {}), media_type="application/json")
