"""What entries about persons and households change in the state. Called by `hub.core.apply` alone; decides nothing."""

from __future__ import annotations

from typing import Any

from hub.core.bodies import Opened
from hub.core.sealing import person_id
from hub.core.state import Case, Review, State

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
        # A former id stands for whoever the record it was called after belongs to now: so no chain ever grows, and a
        # person that splits off takes the ids of its own records along.
        if (former := person_id(id_)) != target:
            state.moved_aliases[former] = target
            if former in state.aliases:
                state.aliases[former] = target
    if facts["absorbed"]:
        state.aliases[facts["absorbed"]] = state.new_aliases[facts["absorbed"]] = target
    # Split off again under its own id: an alias that points to itself is a living person.
    state.aliases.pop(target, "")
    state.moved_aliases[target] = target


# ------------------------------------------------------------------ what people decided
def identity_decided(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    """identity.decided: every pair of left and right gets the last word; records said to be one share a component."""
    del entry, opened
    left, right = (sorted(i for i in facts[side] if i in state.records) for side in ("left", "right"))
    for mine, others in ((left, right), (right, left)):
        for id_ in mine:
            _judge(state, id_, others, facts["decision"])
    if facts["decision"] == "same":
        _unite(state, [*left, *right])
    review = state.reviews.get(facts["review"])
    if review is not None:
        review.decided = facts["decision"]
        state.decided_reviews.add(review.id)


def _judge(state: State, id_: str, others: list[str], decision: str) -> None:
    record = state.records[id_]
    same, apart = (set(held) - set(others) for held in (record.same, record.apart))
    (same if decision == "same" else apart).update(others)
    record.same, record.apart = tuple(sorted(same)), tuple(sorted(apart))
    state.judged.add(id_)


def _unite(state: State, ids: list[str]) -> None:
    """Put records that belong together into one component: that of the oldest."""
    components = sorted({state.records[i].component for i in ids})
    oldest = {component: min(state.records[m].seq for m in state.members(component)) for component in components}
    kept = min(components, key=oldest.__getitem__, default="")
    for component in components:
        for id_ in state.components.pop(component) if component != kept else ():
            state.records[id_].component = kept
            state.components[kept].append(id_)
            state.changed_records.add(id_)


def review_opened(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    """review.opened: two persons that may be one."""
    del opened
    state.reviews[facts["review"]] = Review(
        id=facts["review"],
        record=facts["record"],
        other=facts["other"],
        rank=facts["rank"],
        human=facts["human"],
        guard=facts["guard"],
        consequences=tuple(facts["consequences"]),
        heard=entry["heard"],
    )
    state.new_reviews.append(facts["review"])


def household_decided(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    """household.decided: whose household these records belong to while their person lives where they say."""
    del entry, opened
    for id_ in facts["records"]:
        if id_ in state.filed:
            state.filed[id_].pinned = facts["into"]
            state.judged.add(id_)


def identity_redone(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    """identity.redone: links that rested on a key that says nothing any more are gone."""
    del entry, opened
    for newer, older in zip(facts["dropped"], facts["dropped_from"], strict=True):
        record = state.records.get(newer)
        if record is not None:
            record.edges.pop(older, None)
            record.guards.pop(older, None)
            state.unlinked.add(newer)


def household_changed(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    """household.changed: somebody left one household for another, with its referrals where the first dissolves."""
    del opened
    left, joined, person = state.cases.get(facts["left"]), state.cases.get(facts["joined"]), facts["person"]
    if joined is None:
        unit = state.dwelling(person)
        # A household split off by hand lives at a dwelling that another case is found by.
        joined = new_case(state, facts["joined"], None if unit in state.units else unit, "")
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
