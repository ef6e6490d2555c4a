"""A worker says who is who: a merge, an unmerge, an answer to a review. Owns who may say it, and which pairs it means.

The word is kept as pairs of records, so it holds whatever arrives later and whatever the machine thinks by then; the
last word on a pair counts. A worker decides about what it may know of: what only victim support knows is absent for
everybody else, here too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hub.core.decide import people, redo
from hub.core.decide.answer import WORKING
from hub.core.directory import Agency
from hub.core.entry import Recorder
from hub.core.privacy import OPEN_PURPOSE, VICTIM
from hub.core.state import State
from hub.schemas.canonical import IdentityClaim, Reason, Refusal

Sides = tuple[list[str], list[str]]
NOT_ALLOWED = Refusal((Reason("/source", "not_allowed", "only a city desk, a dong center or victim support decides"),))
#: Pairs an entry can hold: two persons of twice the usual cap each.
MOST_RECORDS = 40


def decide(recorder: Recorder, claim: IdentityClaim) -> Refusal | None:
    """Keep the decision and recompute the persons it touches; or say why it cannot be."""
    state = recorder.state
    agency = state.agency(recorder.message.agency)
    if agency is None or agency.state == "suspended" or not may_decide(agency):
        return NOT_ALLOWED
    sides = _sides(state, claim, agency)
    if isinstance(sides, Refusal):
        return sides
    left, right = sides
    if max(len(left), len(right)) > MOST_RECORDS:
        return _refusal("/persons", "too_many", f"more than {MOST_RECORDS} records at once: name the records")
    facts = {
        "audience": people.audience_of(recorder, [*left, *right]),
        "by": agency.code,
        "decision": claim.decision,
        "left": left,
        "reason": claim.reason,
        "review": claim.review if claim.review in state.reviews else "",
        "right": right,
    }
    recorder.emit("identity.decided", facts, bodies=(recorder.message.notes,) if claim.text else ())
    for component in sorted({state.records[i].component for i in (*left, *right)}):
        redo.settle(recorder, component)
    return None


def may_decide(agency: Agency) -> bool:
    """Workers of the city and of the dong centers; for what is secret, victim support's own."""
    return agency.kind in WORKING or VICTIM in agency.purposes


def _sides(state: State, claim: IdentityClaim, agency: Agency) -> Sides | Refusal:
    """The records on both sides of the decision."""
    if claim.review:
        return _of_review(state, claim, agency)
    whose = [_records(state, person, agency) for person in claim.persons]
    for place, records in enumerate(whose):
        if not records:
            return _refusal(f"/persons/{place}", "unknown_person", "no such person")
    if claim.decision == "same":
        if set(whose[0]) & set(whose[1]):
            return _refusal("/persons", "already_one", "these are one person already")
        return whose[0], whose[1]
    return _apart(state, whose[0], claim.records)


def _of_review(state: State, claim: IdentityClaim, agency: Agency) -> Sides | Refusal:
    review = state.reviews.get(claim.review)
    unknown = _refusal("/review", "unknown_review", "no such review")
    if review is None:
        return unknown
    known = state.records.keys()
    if not {review.record, review.other} <= known:
        return unknown
    sides = tuple(_records(state, state.person_of(id_), agency) for id_ in (review.record, review.other))
    if review.record not in sides[0] or review.other not in sides[1]:
        return unknown
    if review.other not in sides[0]:
        return sides[0], sides[1]
    if claim.decision == "same":
        return [review.record], [review.other]
    return _apart(state, sides[0], (review.record,))


def _apart(state: State, records: list[str], named: Collection[str]) -> Sides | Refusal:
    """The named records against the rest; where none is named, the two sides of the one merge made by hand."""
    if named:
        left, right = [r for r in records if r in named], [r for r in records if r not in named]
        if set(named) - set(left):
            return _refusal("/records", "unknown_record", "a record named here is not this person's")
        if not right:
            return _refusal("/records", "nothing_left", "these are all records of the person: nothing is set apart")
        return left, right
    sides = _merged_by_hand(state, records)
    if sides is None:
        return _refusal("/records", "records_missing", "not one merge made by hand: name the records to set apart")
    return sides


def _merged_by_hand(state: State, records: Collection[str]) -> Sides | None:
    """The two sides of the only merge that people made among these records, None where it was not exactly one."""
    pairs = {(r, other) for r in records for other in state.records[r].same if other in records}
    if not pairs:
        return None
    first = min(pairs)[0]
    right = sorted(other for r, other in pairs if r == first)
    left = sorted(other for r, other in pairs if r == right[0])
    whole = {(a, b) for a in left for b in right} | {(b, a) for a in left for b in right}
    return (left, right) if whole == pairs else None


def _records(state: State, person: str, agency: Agency) -> list[str]:
    """The records of a person that this account may know of."""
    mine = state.persons.get(state.living(person), ())
    known: set[str] = set()
    secret: set[str] = set()
    for referral in people.referrals_of(state, mine):
        (secret if people.hidden(referral) else known).add(referral.record)
    open_to = OPEN_PURPOSE in agency.purposes
    return sorted(_visible(mine, known, secret, agency, open_to=open_to))


def _visible(
    records: Iterable[str], known: set[str], secret: set[str], agency: Agency, *, open_to: bool
) -> Iterable[str]:
    allowed = VICTIM in agency.purposes
    return (r for r in records if (r in secret and allowed) or (r in known and r not in secret and open_to))


def _refusal(path: str, code: str, text: str) -> Refusal:
    return Refusal((Reason(path, code, text),))
