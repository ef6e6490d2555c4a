"""What entries about persons and households change in the state. Called by `hub.core.apply` alone; decides nothing."""

from __future__ import annotations

from typing import Any

from hub.core.bodies import Opened
from hub.core.state import Case, State

Entry = dict[str, Any]
Facts = dict[str, Any]


def new_case(state: State, id_: str, unit: int | None, dong: str) -> Case:
    """A household's case, found by its dwelling from now on."""
    case = Case(id=id_, unit=unit, dong=dong)
    state.add_case(case)
    if unit is not None:
        state.new_units[unit] = id_
    return case


def persons_changed(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    """person.merged, person.split: records now belong to another person."""
    del entry, opened
    target = facts["into"]
    for id_ in facts["records"]:
        record = state.records.get(id_)
        if record is None:
            continue
        state.persons[record.person].remove(id_)
        record.person = target
        state.persons.setdefault(target, []).append(id_)
        state.changed_records.add(id_)
    if state.aliases.pop(target, ""):
        # Split off again under its own id: an alias that points to itself is a living person.
        state.new_aliases[target] = target
    if facts.get("absorbed"):
        state.aliases[facts["absorbed"]] = target
        state.new_aliases[facts["absorbed"]] = target


def household_changed(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    """household.changed: somebody left one household for another, with its referrals where the first dissolves."""
    del opened
    left, joined, person = state.cases.get(facts["left"]), state.cases.get(facts["joined"]), facts["person"]
    if joined is None:
        joined = new_case(state, facts["joined"], state.dwelling(person), "")
    if left is not None:
        since = left.members.pop(facts["was"], entry["heard"])
        left.past.append((person, since, entry["heard"]))
        left.version += 1
        left.joined_into = facts.get("absorbed_into", "")
        state.changed_cases |= {left.id, joined.id}
    if person not in joined.members:
        joined.members[person] = entry["heard"]
        joined.version += 1
        state.changed_cases.add(joined.id)
    if left is not None:
        _move_referrals(state, left, joined, facts["moved"])


def _move_referrals(state: State, left: Case, joined: Case, moved: list[str]) -> None:
    for id_ in moved:
        referral = left.referrals.pop(id_)
        joined.referrals[id_] = referral
        need = left.needs.get(referral.need)
        if need is not None:
            joined.needs.setdefault(need.id, need)
        if all(r.need != referral.need for r in left.referrals.values()):
            left.needs.pop(referral.need, None)
        state.referral_case[id_] = joined.id
        state.changed_referrals.add(id_)
        if referral.record in state.filed:
            state.filed[referral.record].case = joined.id
            state.changed_records.add(referral.record)
