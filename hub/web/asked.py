"""A request for something only the ledger decides: its body, how long it waits, under which id. Owns reading it.

What may be asked, and what the verdict is answered by, is for `changes` and `judgments` to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Header, Request
from pydantic import ValidationError

from hub.core.directory import Agency
from hub.schemas.canonical import Refusal
from hub.schemas.native.wire import Own, refusal_of
from hub.web import intake
from hub.web.deps import Limits
from hub.web.door import caller_of
from hub.web.intake import Message
from hub.web.parameters import Wait
from hub.web.problems import ProblemError, refused
from hub.web.reading import read_body

#: A message id that needs no encoding anywhere.
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
Body = TypeVar("Body", bound=Own)


class Call:
    """One request, as an endpoint's parameter of type `Asked`."""

    def __init__(self, request: Request, wait: float | None, key: str | None) -> None:
        self._request, self._wait, self._key = request, wait, key

    @property
    def agency(self) -> Agency:
        """Who asks."""
        return caller_of(self._request).agency

    def id(self, draw: Callable[[int], bytes]) -> str:
        """The message's id: the caller's own, so that a repeat is the same message, or a new one."""
        return self._key or draw(16).hex()

    def wait_s(self, limits: Limits) -> float:
        """Seconds to wait for the verdict."""
        return limits.wait_s if self._wait is None else self._wait

    async def body(self, model: type[Body], limits: Limits) -> Body:
        """The body; an empty one holds nothing, and null is nothing said. Raises `ProblemError`."""
        body = await read_body(self._request, limits.form, limits.body_s)
        try:
            value = orjson.loads(body) if body.strip() else {}
        except orjson.JSONDecodeError:
            raise ProblemError("invalid", "The body is not JSON (RFC 8259) in UTF-8.") from None
        if isinstance(value, dict):
            value = {name: held for name, held in value.items() if held is not None}
        try:
            return model.model_validate(value)
        except ValidationError as error:
            raise refused(refusal_of(error).reasons) from None


async def _call(request: Request, wait: Wait | None = None, idempotency_key: IdempotencyKey = None) -> Call:
    """Not a thread's work, which a plain function or class would be."""
    return Call(request, wait, idempotency_key)


Asked = Annotated[Call, Depends(_call)]


def message(
    agency: Agency, type_: str, schema: str, key: str, data: dict[str, Any], *, id_: str, now: str, system: str = "web"
) -> Message:
    """A worker's word as a message. key: what stays in order; now: RFC 3339."""
    value = {
        "specversion": "1.0",
        "id": id_,
        "source": f"//agency/{agency.code}/{system}",
        "type": type_,
        "time": now,
        "dataschema": schema,
        "partitionkey": key,
        "data": data,
    }
    made = intake.one(orjson.dumps(value), agency.code)
    if isinstance(made, Refusal):
        raise refused(made.reasons)
    return made


def errors_of(reasons: list[dict[str, Any]]) -> list[dict[str, str]]:
    """A verdict's reasons as a problem document has them: pointers begin at the body."""
    return [{"pointer": r["path"].removeprefix("/data"), "code": r["code"], "detail": r["text"]} for r in reasons]
