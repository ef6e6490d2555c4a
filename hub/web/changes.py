"""`POST /v1/referrals/{id}/<change>`: somebody moves a referral. Owns the answer to each verdict, never the verdict.

The change is published like any other message and decided by the ledger alone; what is unknown and what must not be
known take the same way and get the same answer. `at` is left to the envelope, so that a repeat under the same
Idempotency-Key carries the same data and gets the first verdict.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, NoReturn

import orjson
from fastapi import APIRouter, Header, Request
from pydantic import ValidationError
from starlette.responses import Response

from hub.core.directory import Agency
from hub.schemas.canonical import Refusal
from hub.schemas.native.answer import ReasonCode
from hub.schemas.native.wire import Own, Text, Word, refusal_of
from hub.schemas.topics import Formats, Types
from hub.web import intake
from hub.web.answers import CHANGE_BODY, json_answer
from hub.web.courier import Courier, Sent, outcome, receipt_path
from hub.web.deps import WebDeps
from hub.web.door import Door, caller_of
from hub.web.intake import Message
from hub.web.parameters import Wait, known_id
from hub.web.problems import ProblemError, not_found, refused
from hub.web.reading import read_body

CHANGES: Final = frozenset(
    {"accept", "decline", "start", "hold", "resume", "deliver", "fail", "refer-on", "withdraw"}
)  # fmt: skip
#: A message id that needs no encoding anywhere.
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


class Asked(Own):
    """The body: why, in which words, for whom."""

    reason: ReasonCode = ""
    text: Text = ""
    on_behalf: Word = ""


class Changes:
    """Asks the ledger for changes and waits for its word."""

    def __init__(self, deps: WebDeps, door: Door, courier: Courier) -> None:
        self._deps, self._door, self._courier = deps, door, courier

    def routes(self, router: APIRouter) -> None:
        """Add the address."""
        path, about = "/v1/referrals/{id}/{change}", "Change a referral"
        router.add_api_route(
            path, self.post, methods=["POST"], tags=["referrals"], summary=about, openapi_extra=CHANGE_BODY
        )

    async def post(
        self,
        request: Request,
        id: str,  # noqa: A002 - the address's name
        change: str,
        wait: Wait | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Change a referral: accept, decline, start, hold, resume, deliver, fail, refer-on, withdraw.

        200 with the new state; 409 with the current state and the changes allowed; 404 if there is no such referral;
        422 if a reason code is needed; 202 with the receipt when the ledger did not answer in time.
        """
        agency = caller_of(request).agency
        referral = known_id(id)
        if change not in CHANGES:
            raise not_found()
        asked = await self._asked(request)
        self._door.spend(agency, 1)
        id_ = idempotency_key or self._deps.draw(16).hex()
        message = answer_message(
            agency, referral, change, asked.model_dump(exclude_defaults=True), id_, self._deps.now()
        )
        wait_s = self._deps.limits.wait_s if wait is None else wait
        sent = await self._courier.submit(agency, [message], wait_s)
        return _answer(sent[0], referral, change)

    async def _asked(self, request: Request) -> Asked:
        body = await read_body(request, self._deps.limits.form, self._deps.limits.body_s)
        try:
            value = orjson.loads(body) if body.strip() else {}
        except orjson.JSONDecodeError:
            raise ProblemError("invalid", "The body is not JSON (RFC 8259) in UTF-8.") from None
        if isinstance(value, dict):
            value = {name: held for name, held in value.items() if held is not None}
        try:
            return Asked.model_validate(value)
        except ValidationError as error:
            raise refused(refusal_of(error).reasons) from None


def answer_message(
    agency: Agency, referral: str, change: str, asked: dict[str, Any], id_: str, now: str, system: str = "web"
) -> Message:
    """The message that asks for a change. `asked`: reason, text, on_behalf; `now`: RFC 3339, left out of the data."""
    value = {
        "specversion": "1.0",
        "id": id_,
        "source": f"//agency/{agency.code}/{system}",
        "type": Types.ANSWER,
        "time": now,
        "dataschema": Formats.ANSWER,
        "partitionkey": referral,
        "data": {"referral": referral, "change": change} | asked,
    }
    message = intake.one(orjson.dumps(value), agency.code)
    if isinstance(message, Refusal):
        raise refused(message.reasons)
    return message


def _answer(sent: Sent, referral: str, change: str) -> Response:
    """The verdict as an answer. A repeat gets the first one: its new state then, not the state of now."""
    verdict, receipt = sent.verdict, receipt_path(sent.envelope.source, sent.envelope.id)
    value: dict[str, Any] = {"referral": referral, "change": change, "id": sent.envelope.id, "receipt": receipt}
    if verdict is None:
        return json_answer(value | outcome(None), 202, {"Location": receipt})
    if verdict.verdict == "refused":
        _refuse(verdict.facts.get("reasons", []))
    return json_answer(value | {"state": verdict.facts.get("to", "")} | outcome(verdict))


def _refuse(reasons: list[dict[str, Any]]) -> NoReturn:
    """The refusal under its own status: the first reason says which."""
    first = reasons[0] if reasons else {"code": ""}
    code = str(first["code"])
    if code == "unknown_referral":
        raise not_found()
    errors = [{"pointer": r["path"].removeprefix("/data"), "code": r["code"], "detail": r["text"]} for r in reasons]
    if code in {"illegal_change", "reason_missing"}:
        members: dict[str, Any] = {"state": first.get("state", ""), "allowed": first.get("allowed", [])}
        raise ProblemError(code, errors=errors, members=members)
    raise ProblemError("id_conflict" if code == "id_conflict" else "invalid", errors=errors)
