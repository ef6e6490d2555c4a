"""A worker's word on who is who and who lives with whom, sent to the ledger: merge, unmerge, reviews, split, join.

Owns these answers. The word is published like any other message and decided by the ledger alone; what is unknown
and what must not be known take the same way and get the same answer. `time` is left to the envelope, so that a repeat
under the same Idempotency-Key carries the same data and gets the first verdict. Free text stays encrypted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, NoReturn

import orjson
from anyio import to_thread
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from hub.core import feedview
from hub.core.directory import Agency
from hub.core.privacy import may_know
from hub.ledger.reads import Verdict
from hub.schemas.native.identity import IdentityReason
from hub.schemas.native.wire import Own, Text, Token
from hub.schemas.topics import Formats, Types
from hub.web.answers import json_answer, reason_body
from hub.web.asked import Asked, Call, errors_of, message
from hub.web.courier import Courier, Sent, outcome, receipt_path
from hub.web.deps import WebDeps
from hub.web.door import Door
from hub.web.parameters import known_id
from hub.web.problems import ProblemError, not_found

DECISIONS: Final = frozenset({"same", "apart"})
#: Refusals that say: not as things stand. The rest is the request's own fault.
NOT_NOW: Final = frozenset(
    {"already_one", "nothing_left", "nobody_left", "records_missing", "unknown_record", "too_many"}
)
UNKNOWN: Final = frozenset({"unknown_person", "unknown_review", "unknown_case"})
#: Entries one word can cause: two persons of many mentions each, their households and duplicates.
MOST_ENTRIES: Final = 1000


class Judged(Own):
    """Why somebody is sure, and in which words."""

    reason: IdentityReason
    text: Text = ""


class Merged(Judged):
    """A merge: with whom."""

    other: Token


class Unmerged(Judged):
    """An unmerge: the mentions that are somebody else's; none where one merge made by hand is taken back."""

    records: Annotated[tuple[Token, ...], Field(max_length=100)] = ()


class Parted(Judged):
    """A split: who lives on their own."""

    persons: Annotated[tuple[Token, ...], Field(min_length=1, max_length=100)]


class Joined(Judged):
    """A join: the other case."""

    other: Token


class Judgments:
    """Asks the ledger and waits for its word."""

    def __init__(self, deps: WebDeps, door: Door, courier: Courier) -> None:
        self._deps, self._door, self._courier = deps, door, courier

    def routes(self, router: APIRouter) -> None:
        """Add the addresses."""
        for path, endpoint, tag, model, more in (
            ("/v1/persons/{id}/merge", self.merge, "persons", Merged, {"other": "The person that is the same."}),
            ("/v1/persons/{id}/unmerge", self.unmerge, "persons", Unmerged, {"records": "Mentions of somebody else."}),
            ("/v1/reviews/{id}/{decision}", self.review, "reviews", Judged, {}),
            ("/v1/cases/{id}/split", self.split, "cases", Parted, {"persons": "Members who live on their own."}),
            ("/v1/cases/{id}/join", self.join, "cases", Joined, {"other": "The case whose household is the same."}),
        ):
            router.add_api_route(path, endpoint, methods=["POST"], tags=[tag], openapi_extra=reason_body(model, more))

    async def merge(self, id: str, call: Asked) -> Response:  # noqa: A002 - the address's name
        """Two persons are one: every mention of the one and of the other, whatever arrives later.

        200 with what followed; 404 if there is no such person; 409 if it is not possible as things stand; 202 with the
        receipt when the ledger did not answer in time.
        """
        person, said = known_id(id), await call.body(Merged, self._deps.limits)
        return await self._judge(call, person, {"decision": "same", "persons": [person, known_id(said.other)]}, said)

    async def unmerge(self, id: str, call: Asked) -> Response:  # noqa: A002
        """One person is two: the named mentions are somebody else's. Answers as a merge does."""
        person, said = known_id(id), await call.body(Unmerged, self._deps.limits)
        records = [known_id(record) for record in said.records]
        about = {"decision": "apart", "persons": [person]} | ({"records": records} if records else {})
        return await self._judge(call, person, about, said)

    async def review(self, id: str, decision: str, call: Asked) -> Response:  # noqa: A002
        """Answer a review: `same` or `apart`. Answers as a merge does."""
        review = known_id(id)
        if decision not in DECISIONS:
            raise not_found()
        said = await call.body(Judged, self._deps.limits)
        return await self._judge(call, review, {"decision": decision, "review": review}, said)

    async def split(self, id: str, call: Asked) -> Response:  # noqa: A002
        """Members of a case are a household of their own, for as long as they live there. Answers as a merge does."""
        case, said = known_id(id), await call.body(Parted, self._deps.limits)
        persons = [known_id(person) for person in said.persons]
        return await self._judge(call, case, {"decision": "split", "case": case, "persons": persons}, said)

    async def join(self, id: str, call: Asked) -> Response:  # noqa: A002
        """The household of another case is this one. Answers as a merge does."""
        case, said = known_id(id), await call.body(Joined, self._deps.limits)
        return await self._judge(call, case, {"decision": "join", "case": case, "other": known_id(said.other)}, said)

    async def _judge(self, call: Call, key: str, about: dict[str, Any], said: Judged) -> Response:
        self._door.spend(call.agency, 1)
        data = about | {"reason": said.reason} | ({"text": said.text} if said.text else {})
        household = "case" in about
        type_ = Types.HOUSEHOLD if household else Types.IDENTITY
        schema = Formats.HOUSEHOLD if household else Formats.IDENTITY
        id_, now = call.id(self._deps.draw), self._deps.now()
        asked = message(call.agency, type_, schema, key, data, id_=id_, now=now)
        (sent,) = await self._courier.submit(call.agency, [asked], call.wait_s(self._deps.limits))
        return await self._answer(sent, call.agency, about["decision"])

    async def _answer(self, sent: Sent, agency: Agency, decision: str) -> Response:
        """The verdict, and what followed from it. A repeat gets the first one."""
        verdict, receipt = sent.verdict, receipt_path(sent.envelope.source, sent.envelope.id)
        value: dict[str, Any] = {"decision": decision, "id": sent.envelope.id, "receipt": receipt}
        if verdict is None:
            return json_answer(value | outcome(None), 202, {"Location": receipt})
        if verdict.verdict == "refused":
            _refuse(verdict.facts.get("reasons", []))
        followed = await to_thread.run_sync(self._followed, verdict, agency)
        return json_answer(value | outcome(verdict) | {"followed": followed})

    def _followed(self, verdict: Verdict, agency: Agency) -> list[dict[str, Any]]:
        """The entries this word caused, as far as the account may know of them; the word itself stands first."""
        return list(_told(self._deps.reads.entries(verdict.position - 1, MOST_ENTRIES), agency))


def _told(posted: list[Any], agency: Agency) -> Iterator[dict[str, Any]]:
    cause: object = None
    for one in posted:
        digest = orjson.loads(one.entry).get("cause")
        if cause is not None and digest != cause:
            return
        cause = digest
        entry = feedview.read(one.entry)
        if may_know(entry.facts["audience"], agency):
            facts = {n: entry.facts[n] for n in feedview.OUTBOX_FACTS.get(entry.kind, ()) if n in entry.facts}
            yield {"position": one.position, "kind": entry.kind, "facts": facts}


def _refuse(reasons: list[dict[str, Any]]) -> NoReturn:
    """The refusal under its own status: the first reason says which."""
    code = str(reasons[0]["code"]) if reasons else ""
    if code in UNKNOWN:
        raise not_found()
    if code == "not_allowed":
        raise ProblemError("forbidden", "Only a city desk, a dong center or victim support decides who is who.")
    errors = errors_of(reasons)
    if code in NOT_NOW:
        raise ProblemError("illegal_change", errors=errors)
    raise ProblemError("id_conflict" if code == "id_conflict" else "invalid", errors=errors)
