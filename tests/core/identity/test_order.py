"""Any order of arrival gives the same persons, and what a human decided survives it."""

from __future__ import annotations

import random
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.identity import guards
from hub.core.identity.partition import persons
from hub.core.identity.score import compare
from hub.schemas.canonical import PersonClaim
from tests.core.identity.confusable import towns
from tests.core.identity.memory import MODEL, Memory, features

many = settings(max_examples=400)


def arrive(claims: list[PersonClaim], order: list[int]) -> Memory:
    memory = Memory()
    for place in order:
        memory.arrive(f"r{place:02}", features(claims[place]))
        memory.check()
    return memory


@many
@given(towns, st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_persons(claims: list[PersonClaim], chance: random.Random) -> None:
    order = list(range(len(claims)))
    first = arrive(claims, order).partition()
    chance.shuffle(order)
    assert arrive(claims, order).partition() == first


@many
@given(towns)
def test_deciding_one_by_one_is_deciding_the_whole_set(claims: list[PersonClaim]) -> None:
    memory = arrive(claims, list(range(len(claims))))
    whole = persons(memory.records, MODEL)
    assert {frozenset(group) for group in whole} == memory.partition()


@many
@given(towns)
def test_no_person_holds_two_records_that_a_guard_keeps_apart(claims: list[PersonClaim]) -> None:
    memory = arrive(claims, list(range(len(claims))))
    for a, b in memory.linked():
        found = compare(memory.records[a].features, memory.records[b].features, MODEL).guard
        assert not guards.parts(found) or is_a_slip(memory, found, a, b), (found, memory.records[a], memory.records[b])


def is_a_slip(memory: Memory, guard: str, a: str, b: str) -> bool:
    """Whether a third mention of the person, under the number or id of one of the two, shows that the other slipped."""
    if guard not in guards.SLIPS:
        return False
    of = {id_: record.features for id_, record in memory.records.items() if record.person == memory.records[a].person}
    return any(guards.is_known(of[c], of[end]) for c in of for end in (a, b) if c != end)


@many
@given(towns, st.data())
def test_merge_then_unmerge_is_nothing_but_the_cannot_link(claims: list[PersonClaim], data: st.DataObject) -> None:
    order = list(range(len(claims)))
    memory, plain = arrive(claims, order), arrive(claims, order)
    a, b = data.draw(st.sampled_from(list(combinations(sorted(memory.records), 2))))
    memory.human(same=[(a, b)])
    assert memory.records[a].person == memory.records[b].person
    memory.human(apart=[(a, b)])
    plain.human(apart=[(a, b)])
    assert memory.partition() == plain.partition()
    assert memory.records[a].person != memory.records[b].person


@many
@given(towns, st.randoms(use_true_random=False), st.data())
def test_a_cannot_link_holds_whatever_arrives_later(
    claims: list[PersonClaim], chance: random.Random, data: st.DataObject
) -> None:
    a, b = data.draw(st.sampled_from(list(combinations(range(len(claims)), 2))))
    order = list(range(len(claims)))
    chance.shuffle(order)
    parts = []
    for one in (list(range(len(claims))), order):
        memory = arrive(claims, [a, b])
        memory.human(apart=[(f"r{a:02}", f"r{b:02}")])
        for place in one:
            if place not in (a, b):
                memory.arrive(f"r{place:02}", features(claims[place]))
        assert memory.records[f"r{a:02}"].person != memory.records[f"r{b:02}"].person
        parts.append(memory.partition())
    assert parts[0] == parts[1]


@many
@given(towns, st.randoms(use_true_random=False))
def test_a_human_merge_gives_the_same_persons_in_any_later_order(
    claims: list[PersonClaim], chance: random.Random
) -> None:
    order = list(range(2, len(claims)))
    parts = []
    for _ in range(2):
        memory = arrive(claims, [0, 1])
        memory.human(same=[("r00", "r01")])
        for place in order:
            memory.arrive(f"r{place:02}", features(claims[place]))
        assert memory.records["r00"].person == memory.records["r01"].person
        parts.append(memory.partition())
        chance.shuffle(order)
    assert parts[0] == parts[1]
