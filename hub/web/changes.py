"""`POST /v1/referrals/{id}/<change>`: somebody moves a referral. Owns the answer to each verdict, never the verdict.

The change is published like any other message and decided by the ledger alone; what is unknown and what must not be
known take the same way and get the same answer. `at` is left to the envelope, so that a repeat under the same
Idempotency-Key carries the same data and gets the first verdict.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

from fastapi import APIRouter
from starlette.responses import Response

from hub.core.directory import Agency
from hub.schemas.native.answer import ReasonCode
from hub.schemas.native.wire import Own, Text, Word
from hub.schemas.topics import Formats, Types
from hub.web.answers import json_answer, reason_body
from hub.web.asked import Asked, errors_of, message
from hub.web.courier import Courier, Sent, outcome, receipt_path
from hub.web.deps import WebDeps
from hub.web.door import Door
from hub.web.intake import Message
from hub.web.parameters import known_id
from hub.web.problems import ProblemError, not_found

CHANGES: Final = frozenset(
    {"accept", "decline", "start", "hold", "resume", "deliver", "fail", "refer-on", "withdraw"}
)  # fmt: skip


class Why(Own):
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
        body = reason_body(Why, {"on_behalf": "The agency a worker speaks for."})
        router.add_api_route(path, self.post, methods=["POST"], tags=["referrals"], summary=about, openapi_extra=body)

    async def post(self, id: str, change: str, call: Asked) -> Response:  # noqa: A002 - the address's name
        """Change a referral: accept, decline, start, hold, resume, deliver, fail, refer-on, withdraw.

        200 with the new state; 409 with the current state and the changes allowed; 404 if there is no such referral;
        422 if a reason code is needed; 202 with the receipt when the ledger did not answer in time.
        """
        referral = known_id(id)
        if change not in CHANGES:
            raise not_found()
        why = await call.body(Why, self._deps.limits)
        self._door.spend(call.agency, 1)
        asked, id_ = why.model_dump(exclude_defaults=True), call.id(self._deps.draw)
        message = answer_message(call.agency, referral, change, asked, id_, self._deps.now())
        (sent,) = await self._courier.submit(call.agency, [message], call.wait_s(self._deps.limits))
        return _answer(sent, referral, change)


def answer_message(
    agency: Agency, referral: str, change: str, asked: dict[str, Any], id_: str, now: str, system: str = "web"
) -> Message:
    """The message that asks for a change. `asked`: reason, text, on_behalf; `now`: RFC 3339, left out of the data."""
    data = {"referral": referral, "change": change} | asked
    return message(agency, Types.ANSWER, Formats.ANSWER, referral, data, id_=id_, now=now, system=system)


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
    errors = errors_of(reasons)
    if code in {"illegal_change", "reason_missing"}:
        members: dict[str, Any] = {"state": first.get("state", ""), "allowed": first.get("allowed", [])}
        raise ProblemError(code, errors=errors, members=members)
    raise ProblemError("id_conflict" if code == "id_conflict" else "invalid", errors=errors)
