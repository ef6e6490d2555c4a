"""The town of the samples: the persons that must come out, in any order."""

from __future__ import annotations

import random

import pytest

from hub.core.identity.explain import decision, words
from hub.core.identity.identify import Identified
from hub.core.identity.keys import unit_key
from hub.core.identity.score import compare
from tests.core.identity.jinju import CLAIMS, GANGNAM, NAMGANG, PERSONS
from tests.core.identity.memory import MODEL, PEPPER, Memory, features, register_of

FEATURES = {id_: features(claim) for id_, claim in CLAIMS.items()}


def arrive(*ids: str) -> tuple[Memory, Identified]:
    *before, last = ids
    memory = register_of((id_, FEATURES[id_]) for id_ in before)
    return memory, memory.arrive(last, FEATURES[last])


@pytest.mark.parametrize("seed", range(20))
def test_the_persons_of_the_samples_come_out_in_any_order(seed: int) -> None:
    ids = sorted(FEATURES)
    random.Random(seed).shuffle(ids)  # noqa: S311 - a reproducible order
    memory = register_of((id_, FEATURES[id_]) for id_ in ids)
    memory.check()
    assert memory.partition() == PERSONS


def test_a_like_sounding_vowel_is_one_person() -> None:
    memory, found = arrive("GS-2026-0002", "SB-2611-02")
    assert (found.how, found.person) == ("auto", memory.records["GS-2026-0002"].person)


def test_a_final_consonant_is_another_person_and_a_review() -> None:
    memory, found = arrive("LH-26-0413", "SB-2611-05", "SB-2611-06")
    assert (found.how, found.possibly) == ("provisional", (memory.records["LH-26-0413"].person,))
    assert set(found.guards.values()) == {"twin", "same_register"}


def test_swapped_digits_of_a_phone_and_a_short_birth_year_do_no_harm() -> None:
    assert arrive("LH-26-0411", "SB-2611-01")[1].how == "auto"


def test_an_impossible_birth_date_makes_a_person_of_its_own() -> None:
    assert arrive(*(id_ for id_ in FEATURES if id_ != "SB-2611-04"), "SB-2611-04")[1].how == "new"


def test_a_substitute_number_is_never_linked_by_the_machine() -> None:
    memory, _ = arrive("2026-VS-0078")
    found = memory.arrive("again", FEATURES["2026-VS-0078"])
    assert (found.how, set(found.guards.values())) == ("provisional", {"substitute"})


def test_one_dwelling_is_one_household() -> None:
    homes = [claim.address for claim in CLAIMS.values() if claim.name in ("박순자", "이도윤")]
    assert {unit_key(home, PEPPER) for home in homes} == {unit_key(GANGNAM, PEPPER)}
    assert unit_key(NAMGANG, PEPPER) is unit_key(None, PEPPER) is None


def test_the_reason_is_told_in_words_before_numbers() -> None:
    found = arrive("LH-26-0412", "SB-2611-02")[1]
    english, korean = (decision(found.how, found.explain, language) for language in ("en", "ko"))
    assert english.startswith(
        "a person already known — same surname, birth date, sex, phone and building; "
        f"one like-sounding vowel of the name differs — {found.edges['LH-26-0412'] / 100:.2f} bits (prior -20.00 "
    )
    assert korean.startswith("이미 아는 대상자 — 성·생년월일·성별·전화·건물 같음; 이름의 비슷한 모음 하나가 다름 — ")


def test_a_guard_is_told_too() -> None:
    found = arrive("LH-26-0413", "SB-2611-06")[1]
    assert "a final consonant of the name differs — possibly twins — " in decision(found.how, found.explain, "en")


def test_no_sentence_repeats_a_value() -> None:
    fields = compare(FEATURES["GS-2026-0001"], FEATURES["SB-2611-01"], MODEL).fields
    assert words(fields, "en") == (
        "same name, birth date, sex and address; one digit of the phone differs or two are swapped"
    )
