"""Who lives with whom: what arriving records, merges and splits mean for households. Owns no identity decision.

A person's household is the dwelling claimed last; without one, a household of its own, which dissolves into the
dwelling's as soon as one is known. Membership is dated; a referral keeps the household version it was made for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from hub.core.entry import Recorder
from hub.core.sealing import derive_id, own_case
from hub.core.state import Case, State


def home_with(recorder: Recorder, person: str, record: str, at: str, unit: int | None) -> str:
    """The case of a person's household once `record` (dwelling `unit`, dated `at`) is counted in."""
    state = recorder.state
    filed = state.filed
    named = [(filed[r].at, r, filed[r].unit) for r in state.persons.get(person, ()) if filed[r].unit is not None]
    if unit is not None:
        named.append((at, record, unit))
    if named:
        last = max(named)[2]
        return state.pinned(person, last) or (state.units.get(last, "") if last is not None else "")
    return state.home(person) if state.persons.get(person) else ""


def settle(
    recorder: Recorder,
    persons: Iterable[str],
    absorbed: Mapping[str, str],
    audience: list[str],
    near: Collection[str],
) -> None:
    """Bring membership in line with the records, one entry per move.

    `absorbed` maps former ids to survivors; `near` are further cases in which these persons may be members.
    """
    for person in sorted(set(persons)):
        if not recorder.state.persons.get(person):
            continue
        ids = [person, *sorted(a for a, into in absorbed.items() if into == person)]
        for id_ in ids:
            _settle_one(recorder, person, id_, audience, near)


def _settle_one(recorder: Recorder, person: str, known_as: str, audience: list[str], near: Collection[str]) -> None:
    state = recorder.state
    home = state.home(person)
    if not home and state.dwelling(person) is None:
        home = own_case(state.oldest(person))
    home = home or derive_id(recorder.message.cause, "case", len(recorder.entries))
    for left in _cases_of(state, person, near):
        if known_as in left.members and (left.id != home or known_as != person):
            _move(recorder, person, known_as, left, home, audience)
    if home not in state.cases or person not in state.cases[home].members:
        _emit(recorder, person, person, None, home, [], audience)


def _move(recorder: Recorder, person: str, known_as: str, left: Case, home: str, audience: list[str]) -> None:
    dissolves = left.id != home and left.unit is None and set(left.members) == {known_as} and not left.signals
    _emit(recorder, person, known_as, left, home, sorted(left.referrals) if dissolves else [], audience)


def _emit(
    recorder: Recorder, person: str, known_as: str, left: Case | None, home: str, moved: list[str], audience: list[str]
) -> None:
    facts = {
        "absorbed_into": home if moved else "",
        "audience": audience,
        "joined": home,
        "left": left.id if left else "",
        "moved": moved,
        "person": person,
        "was": known_as,
    }
    recorder.emit("household.changed", facts, case=left.id if left else "")


def _cases_of(state: State, person: str, near: Collection[str]) -> list[Case]:
    ids = {*near, *state.homes_of(state.persons[person])}
    return [state.cases[i] for i in sorted(ids) if i in state.cases]
