"""Identity fields hold anything: none refuses by itself, reading again changes nothing, a wrong one never wins."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.core.identity.score import compare
from hub.core.normalize.addresses import read_address
from hub.core.normalize.dates import read_birth
from hub.core.normalize.draft import Draft
from hub.core.normalize.person import read_person
from hub.core.normalize.phones import read_phones
from hub.core.normalize.placeholders import NAME_LIMIT, clean, read_name
from hub.schemas.canonical import PersonClaim, ReferralClaim
from tests.core.identity.memory import MODEL, features

from .conftest import Intake, shipped_mapping

TODAY = "2026-11-18"
MAPPING = shipped_mapping()
#: Columns that say who somebody is, and what stands there of a well known person.
WHO = {
    "성명": "박순자",
    "생년월일": "1948-03-02",
    "성별": "여",
    "주소": "경남 진주시 진주대로 1052, 101동 1203호",
    "전화번호": "010-2345-6789",
    "주민등록번호": "480302-2345671",
    "전산관리번호": "",
    "보호자": "김영수",
    "보호자연락처": "010-9876-5432",
    "대상자번호": "7",
}
#: Letters that the rules look at, so that chance meets them.
LETTERS = (
    "박순자김씨님환자아기의딸무명미상남궁선우ㅂㅏㄱㅇﾲￂﾡ음윤단기년월일동호지하반층번산길로 "
    "\u200b\u3164()[]/,·-~.+*○OoXx0123456789朴順子ParkKim"
)
texts = (
    st.text(max_size=30)
    | st.text(alphabet=LETTERS, max_size=14)
    | st.text(alphabet="0123456789-. ()~+년월일음", max_size=18)
)


@settings(max_examples=400)
@given(st.sampled_from([column for column in WHO if column != "전화번호"]), texts)
def test_no_text_refuses_a_message_that_has_a_phone(intake: Intake, column: str, text: str) -> None:
    claim = intake.row(**(WHO | {column: text}))
    assert isinstance(claim, ReferralClaim)
    assert claim.person.phones == ("+821023456789",)


@settings(max_examples=200)
@given(st.sampled_from([column for column in WHO if column != "성명"]), texts)
def test_no_text_refuses_a_message_that_has_a_name(intake: Intake, column: str, text: str) -> None:
    claim = intake.row(**(WHO | {column: text}))
    assert isinstance(claim, ReferralClaim)
    assert claim.person.name == "박순자"


def test_nobody_and_nothing_to_reach_is_refused(intake: Intake) -> None:
    refusal = intake.row(성명="미상", 전화번호="010-0000-0000", 주소="불명")
    assert [reason.code for reason in refusal.reasons] == ["name_missing"]


@settings(max_examples=600)
@given(texts)
@example("박순자님님 환자 (본인) 씨")
@example("((박순자))")
@example("(" * 120 + "박순자")
@example("박순자 님" * 30)
def test_a_name_is_read_once_and_for_all(text: str) -> None:
    name, _ = read_name(clean(text))
    assert read_name(name)[0] == name
    assert len(name) <= NAME_LIMIT


@settings(max_examples=300)
@given(texts)
def test_text_is_cleaned_once_and_for_all(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@settings(max_examples=400)
@given(texts)
@example("5203042123456")
@example("2003042123456")
@example("1234561234567")
@example("111111-1111111")
@example("520304-2000000")
@example("단기 4285년 윤3월 4일")
def test_a_birth_date_is_read_once_and_for_all(text: str) -> None:
    claim = read_birth(clean(text), TODAY)
    assert read_birth(claim.raw, TODAY) == claim
    if claim.value and claim.quality in ("exact", "default"):
        again = read_birth(claim.value, TODAY)
        assert (again.value, again.quality) == (claim.value, claim.quality)


@settings(max_examples=400)
@given(texts)
def test_numbers_are_read_once_and_for_all(text: str) -> None:
    numbers, _ = read_phones(clean(text), "055")
    assert read_phones(", ".join(numbers), "055")[0] == numbers
    assert all(number.startswith("+") and number[1:].isascii() and number[1:].isdigit() for number in numbers)
    assert all(len(number) <= 16 for number in numbers)


@pytest.mark.parametrize(
    "text",
    [
        "경남 진주시 진주대로 1052, 101동 1203호",
        "진주시 새벼리로 8 B1층 101호",
        "진주시 문산읍 삼곡리 산 123-4",
        "진주시 평거로 12번길 3-1 나-203",
        "경상북도 군위군 군청로 200 203호",
        "인천시 남구 매소홀로 1",
        "세종시 한누리대로 2130 에이동 3호",
        "광주시 북구 용봉로 77",
        "부산직할시 중구 중앙대로 1 희망고시원 12",
    ],
)
def test_an_address_written_out_again_is_the_same(text: str) -> None:
    claim = read_address(text, MAPPING.areas).claim
    assert claim.building is not None
    block, ho = claim.block and f"{claim.block}동", claim.ho and f"{claim.ho}호"
    written = " ".join((claim.building.partition(":")[2], block, ho))
    again = read_address(written, MAPPING.areas).claim
    assert (again.building, again.block, again.ho, again.sigungu) == (
        claim.building,
        claim.block,
        claim.ho,
        claim.sigungu,
    )


@settings(max_examples=300)
@given(texts)
def test_any_address_is_answered(text: str) -> None:
    claim = read_address(clean(text), MAPPING.areas).claim
    assert claim.raw == clean(text)
    assert claim.building is None or claim.building.startswith(("road:", "lot:"))
    assert not (claim.protected and (claim.building or claim.ho or claim.dong))


def person(cells: dict[str, str]) -> PersonClaim:
    columns = MAPPING.sheets["welfare"].columns
    draft = Draft()
    for title, text in cells.items():
        field = columns[title]
        put: Any = draft.add if field in ("phone", "guardian_phone") else draft.put
        put(field, title, text)
    return msgspec.structs.replace(read_person(draft, MAPPING, TODAY), local_id=cells["대상자번호"])


KNOWN = features(person(WHO))
BEST = compare(KNOWN, KNOWN, MODEL).bits


@settings(max_examples=600)
@given(st.sampled_from(sorted(WHO)), texts)
@example("생년월일", "")
@example("생년월일", "480302")
@example("성별", "")
@example("성명", "")
@example("주소", "비공개 쉼터")
def test_a_missing_or_wrong_part_never_says_more_than_the_right_one(column: str, text: str) -> None:
    other = features(person(WHO | {column: text}))
    score = compare(KNOWN, other, MODEL)
    assert score.bits <= BEST
    assert score.bits == compare(other, KNOWN, MODEL).bits


@settings(max_examples=300)
@given(st.lists(st.sampled_from(sorted(WHO)), min_size=1, unique=True))
def test_the_less_is_told_the_less_is_known(left_out: list[str]) -> None:
    some = features(person(WHO | dict.fromkeys(left_out[1:], "")))
    fewer = features(person(WHO | dict.fromkeys(left_out, "")))
    assert compare(KNOWN, fewer, MODEL).bits <= compare(KNOWN, some, MODEL).bits
