"""`GET /v1/reviews` and `/v1/reviews/{id}`: questions only a person may answer, gravest first.

Owns what a review shows. It appears only to those who may decide about both its sides; one with a hidden side is
absent without trace. The list says what the feed's `review.opened` says and is not recorded; the explanation of one
review is recorded before it is answered, under the class `matching`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Annotated, Any, Final

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from hub.core.decide.identity import may_decide
from hub.core.directory import Agency
from hub.core.identity import explain
from hub.core.mentions import Mention
from hub.core.state import Review
from hub.core.why import both
from hub.web.answers import json_answer
from hub.web.deps import PeopleReader, WebDeps
from hub.web.door import caller_of
from hub.web.opened import Opened
from hub.web.parameters import Limit, Purpose, known_id
from hub.web.people import Gather
from hub.web.problems import not_found

Told = dict[str, Any]
REVIEW: Final = "review"
#: Reviews read at a time.
SCAN: Final = 200
#: Above every rank there is, and the id in front of every id.
FIRST: Final = (2**31 - 1, "00000000-0000-0000-0000-000000000000")
Behind = Annotated[
    str,
    Query(
        pattern=r"^([0-9]{1,9}:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$",
        description="The `next` of the page before.",
    ),
]
All = Annotated[bool, Query(description="Also what is decided or settled, and what needs no human.")]


class Reviews:
    """Lists of reviews, and one with its explanation."""

    def __init__(self, deps: WebDeps, opened: Opened) -> None:
        self._found, self._opened = Found(deps.people, Gather(deps)), opened

    def routes(self, router: APIRouter) -> None:
        """Add the addresses."""
        router.add_api_route("/v1/reviews", self.page, methods=["GET"], tags=["reviews"])
        router.add_api_route("/v1/reviews/{id}", self.one, methods=["GET"], tags=["reviews"])

    async def page(
        self,
        request: Request,
        all: All = False,  # noqa: A002, FBT002 - the query's name
        after: Behind = "",
        limit: Limit = 100,
    ) -> Response:
        """Reviews a person must answer, gravest first; with `all=true` every one there ever was."""
        agency = caller_of(request).agency
        rank, _, id_ = after.partition(":")
        behind = (int(rank), id_) if rank else FIRST
        read = partial(self._found.page, agency, behind, limit, every=all)
        page = await to_thread.run_sync(read)
        last = f"{page[-1]['rank']}:{page[-1]['review']}" if page else after
        return json_answer({"reviews": page, "next": last})

    async def one(self, request: Request, id: str, purpose: Purpose = "") -> Response:  # noqa: A002
        """One review with both mentions compared."""
        agency = caller_of(request).agency
        told = await to_thread.run_sync(self._found.one, known_id(id), agency)
        if told is None:
            raise not_found()
        await self._opened.record(agency, REVIEW, [told["review"]], purpose)
        return json_answer(told)


class Found:
    """Blocking reads of reviews, and what is told of them."""

    def __init__(self, people: PeopleReader, gather: Gather) -> None:
        self._people, self._gather = people, gather

    def page(self, agency: Agency, behind: tuple[int, str], limit: int, *, every: bool) -> list[Told]:
        """Reviews behind a (rank, id)."""
        return list(islice(self._all(agency, behind, every=every), limit)) if may_decide(agency) else []

    def one(self, id_: str, agency: Agency) -> Told | None:
        """One review with its explanation; None for what does not exist or must not be known."""
        review = self._people.review(id_)
        found = self._gather.pair(review.record, review.other, agency) if review is not None else None
        if review is None or found is None:
            return None
        compared, both_sides = found
        return _told(review, both_sides) | compared

    def _all(self, agency: Agency, behind: tuple[int, str], *, every: bool) -> Iterator[Told]:
        """A page never ends at a hidden one: its rank would be given away."""
        while page := self._people.reviews(behind, SCAN, every=every):
            sides = self._people.mentions(id_ for review in page for id_ in (review.record, review.other))
            known = {m.id: m for m in self._gather.known(sides, agency)}
            told = (_told(r, known) for r in page if r.record in known and r.other in known)
            yield from (one for one in told if every or one["state"] == "open")
            behind = (page[-1].rank, page[-1].id)


def _told(review: Review, known: Mapping[str, Mention]) -> Told:
    one, other = known[review.record], known[review.other]
    return {
        "review": review.id,
        "rank": review.rank,
        "human": review.human,
        "state": _state(review, one, other),
        "person": one.person,
        "possibly": other.person,
        "record": one.id,
        "other": other.id,
        "heard": review.heard,
        "guard": review.guard,
        "guard_words": both(explain.guard, review.guard) if review.guard else None,
        "consequences": list(review.consequences),
        "consequence_words": [both(explain.consequence, code) for code in review.consequences],
    }


def _state(review: Review, one: Mention, other: Mention) -> str:
    """Settled: what was learned or said meanwhile answered it, without anybody answering the review."""
    if review.decided:
        return review.decided
    return "settled" if one.person == other.person or other.id in one.apart else "open"
