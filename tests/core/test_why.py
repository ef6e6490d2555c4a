"""Why two persons are two, told apart: each cause has its own word, and the pair that shows it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hub.core import why
from hub.core.feedview import Entry
from hub.core.identity import explain
from hub.core.identity.features import Features
from hub.core.identity.model import Model
from hub.core.mentions import Happened, Mention, said
from hub.rules import texts

MODEL = Model.load(texts()["weights.json"])
WHOLE = Features(
    written="김순자", split=1, surname="김", given="순자", birth="19510403", quality="exact", sex="F", cohort="195F",
    phones=("+821041117222",), building="48170-1", unit="205/301", sigungu="48170",
)  # fmt: skip
#: Nothing but a phone: no name to compare, no birth date.
BARE = Features(phones=("+821041117222",), sigungu="48170")
STRANGER = Features(
    written="박영호", split=1, surname="박", given="영호", birth="19880112", quality="exact", sex="M", cohort="198M",
    phones=("+821099998888",), building="48170-9", sigungu="48170",
)  # fmt: skip


def mention(id_: str, person: str, features: Features | None = WHOLE, **more: Any) -> Mention:
    return Mention(id_, person, person, "case", int(id_[1:]), features, **({"edges": {}, "guards": {}} | more))


def word(decision: str, left: str, right: str, position: int = 9) -> Happened:
    facts = {
        "audience": [], "by": "city", "decision": decision, "left": [left], "reason": "asked_person", "right": [right],
        "review": "",
    }  # fmt: skip
    return Happened(position, Entry("e", "identity.decided", "", "2026-11-02T00:00:00.000Z", facts))


def because(left: list[Mention], right: list[Mention], happened: tuple[Happened, ...] = ()) -> str:
    told: str = why.two(left, right, MODEL, happened)["because"]
    return told


def test_a_workers_word_comes_before_any_evidence() -> None:
    left, right = [mention("m1", "a")], [mention("m2", "b")]
    assert because(left, right, (word("apart", "m1", "m2"),)) == "by_worker"


def test_the_last_word_counts() -> None:
    words = (word("apart", "m1", "m2", 8), word("same", "m2", "m1", 9))
    found = said(words, "m1", "m2")
    assert found is not None
    assert (found.decision, found.position) == ("same", 9)
    assert said(words, "m1", "m3") is None


def test_too_little_evidence_is_weak() -> None:
    assert because([mention("m1", "a")], [mention("m2", "b", BARE)]) == "weak"


def test_a_guard_between_other_mentions_of_the_two_keeps_them_apart_and_is_shown() -> None:
    other_number = msgspec.structs.replace(WHOLE, rrn_index="1")
    left = [mention("m1", "a"), mention("m2", "a", msgspec.structs.replace(WHOLE, rrn_index="2"))]
    told = why.two(left, [mention("m3", "b", other_number)], MODEL, ())
    assert (told["because"], told["stopped"]["guard"], told["best"]["guard"]) == ("guard", "number_conflict", "")


def test_too_many_mentions_are_told_as_the_cap() -> None:
    left = [mention(f"m{n}", "a") for n in range(1, MODEL.cap + 1)]
    assert because(left, [mention("m99", "b")]) == "cap"


def test_mentions_that_add_up_to_two_people_are_told_so() -> None:
    # One pair speaks for one person; the other mentions, which no guard stops, speak more strongly against.
    far = msgspec.structs.replace(STRANGER, sex="", birth="")
    left = [mention("m1", "a"), *(mention(f"m{n}", "a", far) for n in range(2, 6))]
    assert because(left, [mention("m9", "b")]) == "together"


def test_what_nothing_here_keeps_apart_is_left_open() -> None:
    assert because([mention("m1", "a")], [mention("m2", "b")]) == "contested"


@pytest.mark.parametrize("code", explain._APART)
def test_every_cause_has_words(code: str) -> None:
    assert explain.apart(code, "ko") != explain.apart(code, "en")


def test_a_worker_who_said_one_person_is_named_rather_than_the_machine() -> None:
    mine = [mention("m1", "a"), mention("m2", "a")]
    for happened, how in (((), "machine"), ((word("same", "m1", "m2"),), "worker")):
        told = why.person("a", mine, [], MODEL, happened)
        assert told["records"][1]["link"]["how"] == how


def test_other_bits_on_the_day_they_met_are_told() -> None:
    mine = [mention("m1", "a"), mention("m2", "a", edges={"m1": 1234})]
    assert why.person("a", mine, [], MODEL, ())["records"][1]["link"]["then"] == 12.34
    now = why.pair(mine[0], mine[1], MODEL, ()).bits
    mine[1] = mention("m2", "a", edges={"m1": now})
    assert why.person("a", mine, [], MODEL, ())["records"][1]["link"]["then"] is None


def test_each_mention_is_tied_by_its_strongest_tie_to_those_told_before() -> None:
    with_number = msgspec.structs.replace(WHOLE, rrn_index="1")
    mine = [mention("m1", "a"), mention("m2", "a", with_number), mention("m3", "a", with_number)]
    links = [row["link"] for row in why.person("a", mine, [], MODEL, ())["records"][1:]]
    assert {frozenset((link["record"], link["other"])) for link in links} >= {frozenset(("m2", "m3"))}


def test_at_most_three_others_are_named_likeliest_first() -> None:
    mine = [mention("m1", "a")]
    near = [
        mention(f"m{n}", f"p{n}", msgspec.structs.replace(WHOLE, given=f"순{n}"), edges={"m1": 1}) for n in range(2, 7)
    ]
    found = why.person("a", mine, [*near, mention("m8", "p8")], MODEL, ())["possibly"]
    assert len(found) == why.MOST_OTHERS
    assert [other["bits"] for other in found] == sorted((other["bits"] for other in found), reverse=True)
    assert "p8" not in {other["person"] for other in found}  # they never met
