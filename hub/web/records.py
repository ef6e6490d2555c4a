"""`GET` of cases, timelines, referrals and persons. Owns the order: gather, decide what may be seen, record, answer.

What an account may see is `core.views`'s to say. A view that gives away anything personal is answered only after the
access message is acknowledged: nobody reads without leaving a trace, even if the answer never arrives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.core import feedview, views
from hub.core.directory import Agency
from hub.core.privacy import sees_referral
from hub.core.state import Case
from hub.core.views import View
from hub.schemas.canonical import AccessClaim
from hub.web.answers import json_answer
from hub.web.courier import Courier
from hub.web.deps import Reader, WebDeps
from hub.web.door import caller_of
from hub.web.metrics import Metrics
from hub.web.parameters import After, Limit, Purpose, known_id
from hub.web.problems import ProblemError, not_found

T = TypeVar("T")
#: Entries of a case read at a time: most are its reader's to know.
SCAN: Final = 500


class Records:
    """Reads of cases, referrals and persons by purpose."""

    def __init__(self, deps: WebDeps, courier: Courier, metrics: Metrics) -> None:
        self._deps, self._courier, self._metrics = deps, courier, metrics
        self._gather = Gather(deps.reads, frozenset(c for c, need in deps.rules.needs.items() if need.health))

    def routes(self, router: APIRouter) -> None:
        """Add the addresses."""
        for path, endpoint, tag in (
            ("/v1/cases/{id}", self.case, "cases"),
            ("/v1/cases/{id}/timeline", self.timeline, "cases"),
            ("/v1/referrals/{id}", self.referral, "referrals"),
            ("/v1/persons/{id}", self.person, "persons"),
        ):
            router.add_api_route(path, endpoint, methods=["GET"], tags=[tag])

    async def case(self, request: Request, id: str, purpose: Purpose = "") -> Response:  # noqa: A002 - the address's
        """A case as far as the account may know of it; withheld fields are named as withheld."""
        agency = caller_of(request).agency
        view = await to_thread.run_sync(self._gather.case, known_id(id), agency)
        return await self._answer(agency, "case", view, purpose)

    async def referral(self, request: Request, id: str, purpose: Purpose = "") -> Response:  # noqa: A002
        """A referral, with who it is about if that is open to the account. Such a read is recorded first."""
        agency = caller_of(request).agency
        view = await to_thread.run_sync(self._gather.referral, known_id(id), agency)
        return await self._answer(agency, "referral", view, purpose)

    async def person(self, request: Request, id: str, purpose: Purpose = "") -> Response:  # noqa: A002
        """A person, through the referrals the account may know of. Such a read is recorded first."""
        agency = caller_of(request).agency
        view = await to_thread.run_sync(self._gather.person, known_id(id), agency)
        return await self._answer(agency, "person", view, purpose)

    async def timeline(
        self,
        request: Request,
        id: str,  # noqa: A002
        after: After = 0,
        limit: Limit = 100,
    ) -> Response:
        """What happened in a case, in the order of the ledger, as far as the account may know of it."""
        read = partial(self._gather.timeline, known_id(id), caller_of(request).agency, after, limit)
        page = await to_thread.run_sync(read)
        if page is None:
            raise not_found()
        return json_answer(page)

    async def _answer(self, agency: Agency, what: str, view: View | None, purpose: str) -> Response:
        if view is None:
            raise not_found()
        if view.opened:
            await self._record(agency, what, view, purpose)
        return json_answer(view.value)

    async def _record(self, agency: Agency, what: str, view: View, purpose: str) -> None:
        named = purpose or next(iter(agency.purposes), "")
        if named not in agency.purposes:
            raise ProblemError("forbidden", "The purpose of a read is one of the account's own.")
        id_: str = view.value["id"]
        case = id_ if what == "case" else str(view.value.get("case", ""))
        await self._courier.accessed(AccessClaim(agency.code, what, id_, view.opened, named, self._deps.now(), case))
        self._metrics.reads.inc()


class Gather:
    """Blocking reads, and the view made of them. One call, one thread."""

    def __init__(self, reads: Reader, health: frozenset[str]) -> None:
        self._reads, self._health = reads, health

    def case(self, id_: str, agency: Agency) -> View | None:
        """The case's view; None for what does not exist or must not be known."""
        case = self._reads.cases([id_]).get(id_)
        if case is not None and case.joined_into:
            case = self._successor(case, agency)
        return views.case_view(case, agency, self._persons(case), self._health) if case is not None else None

    def _successor(self, case: Case, agency: Agency) -> Case | None:
        """The case a dissolved one went into, for whoever may know of a referral that went along."""
        entries = (feedview.read(posted.entry) for posted in self._reads.timeline(case.id, 0, SCAN))
        for referral in sorted({id_ for entry in entries for id_ in entry.facts.get("moved", ())}):
            into = self._reads.case_of(referral)
            if into is not None and sees_referral(into.referrals[referral], agency):
                return into
        return None

    def _persons(self, case: Case) -> Mapping[str, str]:
        return self._reads.persons_of(r.record for r in case.referrals.values() if r.record)

    def referral(self, id_: str, agency: Agency) -> View | None:
        """The referral's view."""
        case = self._reads.case_of(id_)
        referral = case.referrals.get(id_) if case else None
        if case is None or referral is None or not sees_referral(referral, agency):
            return None
        bodies = self._reads.identities(views.records_to_open([referral], agency))
        return views.referral_view(referral, case.id, agency, self._health, bodies.get(referral.record))

    def person(self, id_: str, agency: Agency) -> View | None:
        """The person's view, under the id it has now."""
        person = self._reads.person(id_)
        if person is None:
            return None
        known = views.mentions(person.records, self._reads.cases(person.records.values()), agency)
        bodies = self._reads.identities(views.records_to_open((r for _, r in known), agency))
        return views.person_view(person.id, known, agency, bodies)

    def timeline(self, id_: str, agency: Agency, after: int, limit: int) -> dict[str, Any] | None:
        """A page of the case's timeline; `next` is the last position shown."""
        case = self._reads.cases([id_]).get(id_)
        if case is None:
            return None
        persons = self._persons(case)
        if views.case_view(case, agency, persons, self._health) is None:
            return None
        reader = views.Reader.of(case, agency, persons, self._health)
        shown = list(islice(self._happened(id_, after, reader), limit))
        return {"case": id_, "entries": shown, "next": shown[-1]["position"] if shown else after}

    def _happened(self, id_: str, after: int, reader: views.Reader) -> Iterator[dict[str, Any]]:
        """Every entry the reader may see. A page never ends at a hidden one: its position would be given away."""
        while posted := self._reads.timeline(id_, after, SCAN):
            for one in posted:
                entry = views.timeline_entry(feedview.read(one.entry), one.position, reader)
                if entry is not None:
                    yield entry
            after = posted[-1].position
