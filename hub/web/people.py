"""`GET /v1/persons/{id}/why`, `…/why-not/{other}`, `…/how`: who is who, and why. Owns the order: gather, tell, record.

Only those who may decide about persons read this, and only about mentions they may know of; all else is the 404 of
nonsense. An explanation names no value, yet it tells that two mentions are one person: the read is recorded before it
is answered, under the class `matching`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.core import how, mentions, why
from hub.core.directory import Agency
from hub.core.mentions import Happened, Mention
from hub.web.answers import json_answer
from hub.web.deps import WebDeps
from hub.web.door import caller_of
from hub.web.opened import Opened
from hub.web.parameters import Purpose, known_id
from hub.web.problems import not_found

Told = dict[str, Any]
PERSON: Final = "person"


class Persons:
    """Explanations of persons."""

    def __init__(self, deps: WebDeps, opened: Opened) -> None:
        self._gather, self._opened = Gather(deps), opened

    def routes(self, router: APIRouter) -> None:
        """Add the addresses."""
        for path, endpoint in (
            ("/v1/persons/{id}/why", self.why),
            ("/v1/persons/{id}/why-not/{other}", self.why_not),
            ("/v1/persons/{id}/how", self.how),
        ):
            router.add_api_route(path, endpoint, methods=["GET"], tags=["persons"])

    async def why(self, request: Request, id: str, purpose: Purpose = "") -> Response:  # noqa: A002 - the address's
        """Why each mention belongs to this person, in words and bits, and who else it may be."""
        agency = caller_of(request).agency
        return await self._answer(agency, partial(self._gather.why, known_id(id), agency), purpose)

    async def why_not(self, request: Request, id: str, other: str, purpose: Purpose = "") -> Response:  # noqa: A002
        """Why two persons are two: their likeliest mentions compared now, and what keeps them apart."""
        agency = caller_of(request).agency
        read = partial(self._gather.why_not, known_id(id), known_id(other), agency)
        return await self._answer(agency, read, purpose)

    async def how(self, request: Request, id: str, purpose: Purpose = "") -> Response:  # noqa: A002
        """How this person came to be: mentions, merges, splits and workers' words, in the order of the ledger."""
        agency = caller_of(request).agency
        return await self._answer(agency, partial(self._gather.how, known_id(id), agency), purpose)

    async def _answer(self, agency: Agency, read: Callable[[], Told | None], purpose: str) -> Response:
        told = await to_thread.run_sync(read)
        if told is None:
            raise not_found()
        ids = [told["person"], *([told["other"]] if told.get("other") else [])]
        await self._opened.record(agency, PERSON, ids, purpose)
        return json_answer(told)


class Gather:
    """Blocking reads, and what is told of them. One call, one thread."""

    def __init__(self, deps: WebDeps) -> None:
        self._people, self._reads, self._model = deps.people, deps.reads, deps.policy.model

    def why(self, id_: str, agency: Agency) -> Told | None:
        """Why a person is one; of a mention's id, only what concerns that mention."""
        mine = self._mine(id_, agency)
        if not mine:
            return None
        others = self.known(self._people.around(mine), agency)
        happened = self._decided([*mine, *others], agency)
        told = why.person(mine[0].person, mine, others, self._model, happened)
        return _of_mention(told, id_) if any(m.id == id_ for m in mine) else told

    def why_not(self, id_: str, other: str, agency: Agency) -> Told | None:
        """Why two persons, or two mentions, are not one."""
        left, right = self._side(id_, agency), self._side(other, agency)
        if not left or not right:
            return None
        return why.two(left, right, self._model, self._decided([*left, *right], agency))

    def how(self, id_: str, agency: Agency) -> Told | None:
        """How a person came to be."""
        mine = self._mine(id_, agency)
        if not mine:
            return None
        person = mine[0].person
        recorded = self._people.recorded(m.position for m in mine)
        happened = mentions.may_tell([*recorded, *self._named(person, mine)], agency)
        happened.sort(key=lambda h: h.position)
        explanations = self._people.explanations(m.id for m in mine)
        named = {r for h in happened for side in ("records", "left", "right") for r in h.facts.get(side, ())}
        named |= {m.id for m in mine} | {c.record for e in explanations.values() for c in e.candidates}
        known = {m.id: m for m in self.known(self._people.mentions(named), agency)}
        likest = {m.id: how.met(m, explanations.get(m.id), known, self._model) for m in mine}
        return how.steps(person, mine, happened, likest, known, agency)

    def pair(self, record: str, other: str, agency: Agency) -> tuple[Told, dict[str, Mention]] | None:
        """Two mentions compared, and why their persons are two; None where one of them must not be known."""
        both = {m.id: m for m in self.known(self._people.mentions((record, other)), agency)}
        if {record, other} - both.keys():
            return None
        left, right = (self._mine(both[id_].person, agency) for id_ in (record, other))
        happened = self._decided([*left, *right], agency)
        comparison = why.comparison(why.pair(both[record], both[other], self._model, happened), self._model)
        two = why.two(left, right, self._model, happened)
        return {"comparison": comparison, **{n: two[n] for n in ("because", "because_words", "stopped")}}, both

    def known(self, found: Iterable[Mention], agency: Agency) -> list[Mention]:
        """Those of these mentions that the account may know of."""
        every = list(found)
        return mentions.known(every, self._reads.cases(m.case for m in every), agency)

    def _mine(self, id_: str, agency: Agency) -> list[Mention]:
        """A person's mentions, as far as they may be known; none where only what is hidden answers to this id."""
        mine = self.known(self._people.person(id_), agency)
        return mine if mine and mentions.answers_to(id_, mine[0].person, mine) else []

    def _side(self, id_: str, agency: Agency) -> list[Mention]:
        """A whole person; of a mention's id, that mention."""
        mine = self._mine(id_, agency)
        return [m for m in mine if m.id == id_] or mine

    def _named(self, person: str, mine: Sequence[Mention]) -> list[Happened]:
        return self._people.decided(mentions.names_of(person, mine), min(m.position for m in mine))

    def _decided(self, about: Sequence[Mention], agency: Agency) -> list[Happened]:
        """What workers said of these mentions, as far as this account may know of it."""
        judged = [m for m in about if m.same or m.apart]
        if not judged:
            return []
        found = self._people.decided({m.id for m in judged}, min(m.position for m in judged))
        return mentions.may_tell(found, agency)


def _of_mention(told: Told, record: str) -> Told:
    """Only what ties this mention to others."""
    rows = told["records"]
    near = [
        r for r in rows if r["record"] == record or (r["link"] and record in (r["link"]["record"], r["link"]["other"]))
    ]
    possibly = [p for p in told["possibly"] if p["record"] == record]
    return told | {"records": near, "possibly": possibly}
