"""How answers are written, and what the API's description says of bodies FastAPI does not read itself. No logic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from pydantic import BaseModel
from starlette.responses import Response

from hub.schemas.envelope import Envelope
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


def reason_body(model: type[BaseModel], more: Mapping[str, str]) -> dict[str, Any]:
    """The description of a body read as `model`: a reason, free text, and further members with what they are."""
    schema = model.model_json_schema()
    about = {"text": "In one's own words; stays encrypted.", **more}
    for name, text in about.items():
        schema["properties"][name]["description"] = text
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": bool(schema.get("required")), "content": content}}


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
