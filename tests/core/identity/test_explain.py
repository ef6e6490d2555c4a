"""Every level, guard and code has words in both languages; words never repeat a value, and the sum stays the sum."""

from __future__ import annotations

import re

import pytest

from hub.core.decide.reviews import WEIGHTS
from hub.core.identity import explain
from hub.core.identity.explain import Language
from hub.core.identity.model import Model
from hub.rules import texts
from hub.schemas.native.identity import IdentityReason

MODEL = Model.load(texts()["weights.json"])
LABELS = sorted({*MODEL.bits, "prior", "household_cap"})
LANGUAGES: tuple[Language, ...] = ("ko", "en")
HANGUL = re.compile("[가-힣]")


@pytest.mark.parametrize("label", LABELS)
def test_every_level_of_the_model_has_words_in_both_languages(label: str) -> None:
    korean, english = (explain.level(label, language) for language in LANGUAGES)
    assert HANGUL.search(korean)
    assert label not in {korean, english}
    assert not HANGUL.search(english)


@pytest.mark.parametrize("label", sorted(MODEL.bits))
def test_every_level_is_told_in_a_sentence_about_two_mentions(label: str) -> None:
    assert all(explain.words([(label, 1)], language) for language in LANGUAGES)


def test_where_it_starts_and_the_cap_of_a_household_stand_among_the_numbers_only() -> None:
    assert explain.words([("prior", -2000), ("household_cap", -100)], "en") == ""


@pytest.mark.parametrize("guard", sorted(MODEL.guards))
def test_every_guard_has_words(guard: str) -> None:
    assert HANGUL.search(explain.guard(guard, "ko"))
    assert explain.guard(guard, "en") != guard


@pytest.mark.parametrize("code", IdentityReason.__args__)  # type: ignore[attr-defined]
def test_every_reason_a_worker_may_give_has_words(code: str) -> None:
    assert HANGUL.search(explain.reason(code, "ko"))
    assert explain.reason(code, "en") != code


@pytest.mark.parametrize("code", WEIGHTS)
def test_every_consequence_has_words(code: str) -> None:
    assert HANGUL.search(explain.consequence(code, "ko"))


def test_an_unknown_level_is_told_as_it_is() -> None:
    assert explain.level("postcode:exact", "ko") == "postcode:exact"


def test_what_agrees_is_told_first_and_what_differs_after_it() -> None:
    fields = [("prior", -2000), ("given:alike", 1), ("birth:exact", 1454), ("phone:same", 1387)]
    assert explain.words(fields, "en") == "same birth date and phone; one like-sounding vowel of the name differs"
    assert explain.words(fields, "ko") == "생년월일·전화 같음; 이름의 비슷한 모음 하나가 다름"


def test_a_whole_name_is_one_line_worth_both() -> None:
    fields = [("prior", -2000), ("surname:exact", 300), ("given:exact", 900)]
    assert explain.whole_names(fields) == [("name", 1200), ("prior", -2000)]


def test_half_a_name_stays_two_lines() -> None:
    fields = [("surname:exact", 300), ("given:near", 158)]
    assert explain.whole_names(fields) == fields
