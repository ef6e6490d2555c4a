"""A worker says who lives with whom: a household split in two, or two that are one. Owns what such a word means.

The word is kept with the records that name the dwelling: while a person lives there, it counts; a move ends it. A
referral keeps the household version it was made for and stays in its case.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.core.decide import household, people, rejudge
from hub.core.decide.identity import NOT_ALLOWED, may_decide
from hub.core.directory import Agency
from hub.core.entry import Recorder
from hub.core.privacy import sees_referral
from hub.core.sealing import derive_id
from hub.core.state import Case, Referral, State
from hub.schemas.canonical import HouseholdClaim, Reason, Refusal


def decide(recorder: Recorder, claim: HouseholdClaim) -> Refusal | None:
    """Keep the decision and move whom it moves; or say why it cannot be."""
    agency = recorder.state.agency(recorder.message.agency)
    if agency is None or agency.state == "suspended" or not may_decide(agency):
        return NOT_ALLOWED
    found = _subject(recorder, claim, agency)
    if isinstance(found, Refusal):
        return found
    left, into, persons = found
    state = recorder.state
    records = _records(state, left, persons)
    audience = people.audience_of(recorder, records)
    facts = {
        "audience": audience,
        "by": agency.code,
        "decision": claim.decision,
        "into": into,
        "persons": persons,
        "reason": claim.reason,
        "records": records,
    }
    bodies = (recorder.message.notes,) if claim.text else ()
    recorder.emit("household.decided", facts, case=left.id, bodies=bodies)
    household.settle(recorder, persons, {}, audience, {left.id, into})
    rejudge.persons(recorder, persons)
    return None


def _subject(recorder: Recorder, claim: HouseholdClaim, agency: Agency) -> tuple[Case, str, list[str]] | Refusal:
    """The household that is left, the one that is joined, and who moves."""
    state = recorder.state
    case = _known(state, claim.case, agency)
    if case is None:
        return _refusal("/case", "unknown_case", "no such case")
    if claim.decision == "split":
        return _split(recorder, case, claim, agency)
    other = _known(state, claim.other, agency)
    if other is None or other is case:
        return _refusal("/other", "unknown_case", "no such other case")
    persons = sorted(_members(state, other, agency))
    if not persons:
        return _refusal("/other", "nobody_left", "nobody lives in the other case")
    return other, case.id, persons


def _split(
    recorder: Recorder, case: Case, claim: HouseholdClaim, agency: Agency
) -> tuple[Case, str, list[str]] | Refusal:
    state = recorder.state
    members = _members(state, case, agency)
    persons = sorted({state.living(p) for p in claim.persons})
    if not set(persons) <= members:
        return _refusal("/persons", "unknown_person", "a person named here is no member of this household")
    if set(persons) == set(case.members):
        return _refusal("/persons", "nobody_left", "these are all members: nobody would stay")
    return case, derive_id(recorder.message.cause, "case", 0), persons


def _known(state: State, id_: str, agency: Agency) -> Case | None:
    """A case this account may know of."""
    case = state.cases.get(id_)
    return case if case and any(sees_referral(r, agency) for r in case.referrals.values()) else None


def _members(state: State, case: Case, agency: Agency) -> set[str]:
    """Members this account may know of: those with a referral it may see."""
    seen = {state.person_of(r.record) for r in _visible(state, case.members, agency)}
    return seen & case.members.keys()


def _visible(state: State, persons: Iterable[str], agency: Agency) -> list[Referral]:
    return [r for p in persons for _, r in state.referrals_of(p) if sees_referral(r, agency)]


def _records(state: State, case: Case, persons: Iterable[str]) -> list[str]:
    """The records that say these persons live there (all of theirs, where no dwelling is known)."""
    mine = {r for p in persons for r in state.persons.get(p, ())}
    there = {r for r in mine if state.filed[r].unit == case.unit}
    return sorted(there or mine)


def _refusal(path: str, code: str, text: str) -> Refusal:
    return Refusal((Reason(path, code, text),))
