"""Who keeps which id, what a margin, a cap and a human decision do: examples the properties are built on."""

from __future__ import annotations

import msgspec
import pytest

from hub.core.identity.features import Features
from hub.core.identity.partition import Record, persons
from tests.core.identity.memory import MODEL, Memory, person_id

OTHER = Features(surname="ᄃ", given="ᄅ", written="다라", split=1)
NOBODY = Features(surname="ᄀ", given="ᄂ", written="가나", split=1)


def known(*records: Record) -> dict[str, Record]:
    return {record.id: record for record in records}


def rec(
    id_: str, features: Features = NOBODY, same: tuple[str, ...] = (), apart: tuple[str, ...] = (), **bits: int
) -> Record:
    edges = {other: each * 100 for other, each in bits.items()}
    return Record(id_, features, edges=edges, same=same, apart=apart)


def grouped(*records: Record) -> list[str]:
    return ["".join(group) for group in persons(known(*records), MODEL)]


def with_number(number: str) -> Features:
    return Features(surname="ᄀ", given="ᄂ", written="가나", split=1, rrn_index=number)


def test_strong_edges_join_and_weak_ones_do_not() -> None:
    assert grouped(rec("a"), rec("b", a=10), rec("c", b=5)) == ["ab", "c"]


def test_a_record_between_two_strangers_within_the_margin_joins_neither() -> None:
    one, two = with_number("1"), with_number("2")
    assert grouped(rec("a", one), rec("b", two), rec("c", a=15, b=12)) == ["a", "b", "c"]
    assert grouped(rec("a"), rec("b", OTHER), rec("c", a=15, b=12)) == ["a", "b", "c"]


def test_one_bad_pair_does_not_keep_a_record_from_a_person_all_others_agree_with() -> None:
    assert grouped(rec("a"), rec("b", OTHER), rec("c", a=30, b=30), rec("d", a=30, b=30, c=30)) == ["abcd"]


def test_a_record_clearly_nearer_to_one_of_two_strangers_joins_it() -> None:
    one, two = with_number("1"), with_number("2")
    assert grouped(rec("a", one), rec("b", two), rec("c", a=17, b=12)) == ["ac", "b"]


def test_two_groups_that_are_possibly_one_do_not_stop_a_third_from_joining() -> None:
    assert grouped(rec("a"), rec("b", a=3), rec("c", a=15, b=9)) == ["ac", "b"]


def test_two_mentions_torn_between_two_people_stay_together_and_join_neither() -> None:
    one, two = with_number("1"), with_number("2")
    assert grouped(rec("a", one), rec("b", two), rec("c", a=15, b=14), rec("d", a=15, b=14, c=30)) == ["a", "b", "cd"]


def test_a_person_has_at_most_twenty_records_and_the_rest_does_not_undo_it() -> None:
    ids = [f"r{place:02}" for place in range(25)]
    records = [Record(id_, NOBODY, edges=dict.fromkeys(ids[:place], 3000)) for place, id_ in enumerate(ids)]
    assert [len(group) for group in persons(known(*records), MODEL)] == [20, 5]


def test_a_human_merge_joins_what_no_evidence_joins() -> None:
    assert grouped(rec("a", same=("b",)), rec("b", same=("a",))) == ["ab"]


def test_a_cannot_link_parts_what_evidence_joins() -> None:
    assert grouped(rec("a", apart=("b",)), rec("b", apart=("a",), a=40)) == ["a", "b"]


@pytest.fixture
def memory() -> Memory:
    return Memory()


def store(memory: Memory, id_: str, features: Features = NOBODY) -> str:
    return memory.arrive(id_, features, keys=(1,)).person


SURE = Features("xy", 1, "x", "y", birth="19480302", phones=("+821023456789",))


def strong(**change: str) -> Features:
    """So much in common that any two of them link."""
    return msgspec.structs.replace(SURE, **change)


def test_the_older_person_survives_a_merge(memory: Memory) -> None:
    store(memory, "z", strong(rrn_index="1"))
    store(memory, "a", Features(rrn_index="1", local_id="h|1"))
    last = memory.arrive("m", strong(rrn_index="1", local_id="h|1"), keys=(1,))
    assert last.merged == ((person_id("z"), person_id("a")),)
    assert memory.partition() == {frozenset("zam")}
    assert {record.component for record in memory.records.values()} == {"z"}


def test_on_a_split_the_side_with_the_oldest_record_keeps_the_id(memory: Memory) -> None:
    for id_ in "zy":
        store(memory, id_, strong())
    memory.human(apart=[("z", "y")])
    assert {id_: record.person for id_, record in memory.records.items()} == {"z": person_id("z"), "y": person_id("y")}


def test_a_newcomer_may_split_an_automatic_link(memory: Memory) -> None:
    store(memory, "a", strong(rrn_index="1"))
    store(memory, "b", strong())
    last = memory.arrive("c", strong(rrn_index="2"), keys=(1,))
    assert last.split == ((person_id("a"), person_id("b"), ("b",)),)
    assert (last.how, set(last.possibly)) == ("provisional", {person_id("a"), person_id("b")})


def test_a_generic_key_finds_nobody(memory: Memory) -> None:
    memory.by_key[1] = [f"r{place}" for place in range(MODEL.generic + 1)]
    assert memory.arrive("new", strong(), keys=(1,)).how == "new"
