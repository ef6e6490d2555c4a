"""Names: what counts as one name, with the source of each rule."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.identity.levels import given as given_level
from hub.core.identity.levels import is_reading
from hub.core.identity.levels import surname as surname_level
from hub.core.identity.names import Name, parse, syllables
from hub.schemas.canonical import PersonClaim
from tests.core.identity.memory import features

SAME_SOUND = [
    ("정해수", "정혜수", "ㅐ and ㅖ, jinju sample SB-2611-02"),
    ("김세희", "김새희", "ㅔ and ㅐ, Standard Pronunciation art. 4"),
    ("김쇠돌", "김쇄돌", "ㅚ and ㅙ, Standard Pronunciation art. 4, remark 2"),
    ("류관순", "유관순", "initial-sound rule, Orthography art. 11; Supreme Court rule of 2007 lets 류 be written"),
    ("림꺽정", "임꺽정", "Orthography art. 11"),
    ("량기탁", "양기탁", "Orthography art. 11"),
    ("라운규", "나운규", "Orthography art. 12"),
    ("로무현", "노무현", "Orthography art. 12"),
    ("김녀옥", "김여옥", "Orthography art. 10"),
    ("김선렬", "김선열", "Orthography art. 11, remark 1: 렬 and 률 behind a vowel or ㄴ"),
    ("박 순 자", "박순자", "spaces are no part of a name"),
    (unicodedata.normalize("NFD", "박순자"), "박순자", "NFD file systems"),
    ("박순자 할머니", "박순자", "domain.md: citizens report titles"),
    ("박순자님", "박순자", "titles"),
    ("김영수씨", "김영수", "titles"),
    ("박순자 (모친)", "박순자", "remarks in brackets"),
]
OTHER_SOUND = [("이말순", "이말숙"), ("김라희", "김나희"), ("김영수", "김영호"), ("정해수", "장해수")]
READINGS = [
    ("朴順子", "박순자"),
    ("박순자(朴順子)", "朴順子"),
    ("Park Soon-Ja", "박순자"),
    ("SOONJA PARK", "박순자"),
    ("Pak, Sun Ja", "박순자"),
    ("Lee Young Hee", "이영희"),
    ("Yi Yeonghui", "이영희"),
    ("Rhee Younghee", "이영희"),
    ("Gim Yeongja", "김영자"),
    ("Lan Nguyen Thi", "Nguyen Thi Lan"),
    ("선우진", "선 우진"),
]


def _same(a: str, b: str) -> bool:
    mine, other = parse(a), parse(b)
    return (mine.surname, mine.given) == (other.surname, other.given)


@pytest.mark.parametrize(("a", "b", "source"), SAME_SOUND)
def test_names_that_sound_alike_are_folded_to_one(a: str, b: str, source: str) -> None:
    assert _same(a, b), source


@pytest.mark.parametrize(("a", "b"), OTHER_SOUND)
def test_names_that_sound_different_stay_two(a: str, b: str) -> None:
    assert not _same(a, b)


@pytest.mark.parametrize(("a", "b"), READINGS)
def test_a_name_is_recognized_in_another_script_or_order(a: str, b: str) -> None:
    mine, other = features(PersonClaim(a)), features(PersonClaim(b))
    assert _same(a, b) or is_reading(mine, other)


@pytest.mark.parametrize(
    ("written", "surname", "given"),
    [
        ("박순자", "박", "순자"),
        ("남궁민", "남궁", "민"),
        ("황보관", "황보", "관"),
        ("제갈공명", "제갈", "공명"),
        ("선우용녀", "선우", "용녀"),
        ("독고영재", "독고", "영재"),
        ("사공일", "사공", "일"),
        ("서문탁", "서문", "탁"),
        ("서문", "서", "문"),
        ("김산", "김", "산"),
        ("응우옌 티 란", "응우옌", "티란"),
    ],
)
def test_the_surname_is_split_off(written: str, surname: str, given: str) -> None:
    name = parse(written)
    assert (name.written[: name.split], name.written[name.split :]) == (surname, given)


@pytest.mark.parametrize("nobody", ["홍길동", "홍 길동", "미상", "  ", "", "성명 미상", "Unknown", "아무개"])
def test_a_placeholder_is_no_name(nobody: str) -> None:
    assert parse(nobody) == Name()


@pytest.mark.parametrize("masked", ["김○○", "김**", "김OO", "김XX"])
def test_a_masked_name_keeps_its_surname_only(masked: str) -> None:
    assert (syllables(parse(masked).surname), parse(masked).given) == ("김", "")


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        ("이말순", "이말순", "exact"),
        ("정해수", "정혜수", "alike"),
        ("이말순", "이말숙", "final"),
        ("이말순", "이말수", "final"),
        ("박순자", "박순저", "near"),
        ("박도윤", "박도현", "syllable"),
        ("박순자", "박영희", "different"),
        ("박순자", "김○○", ""),
        ("박순자", "Nguyen Thi Lan", ""),
    ],
)
def test_given_names_have_levels(a: str, b: str, level: str) -> None:
    mine, other = features(PersonClaim(a)), features(PersonClaim(b))
    assert given_level(mine, other) == given_level(other, mine) == level


def test_a_spelling_of_the_surname_is_alike_not_exact() -> None:
    assert surname_level(features(PersonClaim("류관순")), features(PersonClaim("유관순"))) == "alike"


@given(st.text(max_size=12))
def test_no_text_is_refused(text: str) -> None:
    name = parse(text)
    assert 0 <= name.split <= len(name.written)


@given(st.text(alphabet="김이박남궁황보선우순자영희류렬", min_size=1, max_size=4))
def test_reading_a_name_twice_changes_nothing(text: str) -> None:
    assert parse(parse(text).written) == parse(text)
