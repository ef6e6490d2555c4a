"""Rows of registers: columns, words, repairs, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from hub.schemas.canonical import Refusal
from hub.schemas.topics import Formats

from .conftest import Intake, wrapped


def codes(claim: Any) -> list[tuple[str, str]]:
    assert isinstance(claim, Refusal), claim
    return [(reason.path, reason.code) for reason in claim.reasons]


@pytest.mark.parametrize("title", ["성명", "이름", "대상자", "세대주", " 성 명 ", "성명*"])
def test_a_column_goes_by_several_names(intake: Intake, title: str) -> None:
    assert intake.row(**{"성명": "-absent-", title: "정해수"}).person.name == "정해수"


@pytest.mark.parametrize(
    ("word", "needs"),
    [
        ("밑반찬", ("meal_delivery",)),
        ("식품", ("food",)),
        ("치매 돌봄", ("dementia",)),
        ("난방유", ("heating_fuel",)),
        ("임대료 체납", ("rent_arrears",)),
        ("밑반찬 지원 요청", ("meal_delivery",)),
        ("식품, 밑반찬", ("food", "meal_delivery")),
        ("food", ("food",)),
        ("도배/장판", ("wallpaper", "flooring")),
        ("도배장판", ("wallpaper", "flooring")),
        ("식품·부식(기부식품 꾸러미)", ("food",)),
    ],
)
def test_a_word_is_a_need(intake: Intake, word: str, needs: tuple[str, ...]) -> None:
    assert intake.row(욕구=word).needs == needs


@pytest.mark.parametrize("word", ["우주여행", "식품, 우주여행", ","])
def test_a_word_nobody_mapped_refuses_the_row(intake: Intake, word: str) -> None:
    assert codes(intake.row(욕구=word)) == [("욕구", "unknown_need")]


def test_a_refusal_never_quotes_a_value(intake: Intake) -> None:
    assert "우주여행" not in repr(intake.row(욕구="우주여행"))


def test_a_row_of_the_housing_list_needs_no_word(intake: Intake) -> None:
    claim = intake.row("housing", 욕구="-absent-")
    assert (claim.needs, claim.repairs) == (("rent_arrears",), ("need:default",))


def test_a_name_may_lack_where_somebody_can_be_reached(intake: Intake) -> None:
    claim = intake.row(성명="")
    assert (claim.person.name, claim.person.phones, claim.flags) == ("", ("+821023456789",), ("name_missing",))


def test_nobody_named_and_nobody_to_reach_is_refused(intake: Intake) -> None:
    assert codes(intake.row(성명="홍길동", 전화번호="010-0000-0000")) == [("성명", "name_missing")]


@pytest.mark.parametrize(
    ("cells", "flag"),
    [
        ({"생년월일": "1999-02-29"}, "birth_impossible"),
        ({"주소": "진주시 어딘가"}, "address_unusable"),
        ({"동의": "거부"}, "consent_refused"),
        ({"욕구": "퇴원 후 돌봄"}, "needed_by_missing"),
        ({"퇴원예정일": "2026-13-45"}, "needed_by_impossible"),
        ({"퇴원예정일": "2026-11-01"}, "dates_contradict"),
        ({"접수일자": "2026-12-24"}, "dates_contradict"),
        ({"주민등록번호": "900402-9999999"}, "substitute_number"),
        ({"생년월일": "1948-03-02", "주민등록번호": "480303-2345671"}, "birth_differs_from_number"),
        ({"보호자": "박영희", "보호자관계": "조모"}, "guardian_kinship_only"),
    ],
)
def test_a_doubt_is_a_flag_and_no_refusal(intake: Intake, cells: dict[str, str], flag: str) -> None:
    assert flag in intake.row(**cells).flags


def test_a_legal_representative_is_no_mere_kin(intake: Intake) -> None:
    assert "guardian_kinship_only" not in intake.row(보호자="박영희", 보호자관계="미성년후견인").flags


def test_a_resident_number_tells_birth_and_sex_whatever_its_checksum(intake: Intake) -> None:
    person = intake.row(주민등록번호="480302-2345671").person
    assert (person.rrn, person.birth.value, person.sex) == ("4803022345671", "1948-03-02", "F")


def test_a_masked_resident_number_still_tells_birth_and_sex(intake: Intake) -> None:
    claim = intake.row(주민등록번호="130711-3******")
    assert (claim.person.rrn, claim.person.birth.value, claim.person.sex) == (None, "2013-07-11", "M")
    assert "resident:masked" in claim.repairs


def test_a_substitute_number_is_kept_out_of_matching(intake: Intake) -> None:
    person = intake.row(전산관리번호="9004029999999", 주민등록번호="480302-2345671").person
    assert (person.rrn, person.substitute) == (None, True)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"의뢰번호": ""}, ("의뢰번호", "number_missing")),
        ({"의뢰번호": "-absent-"}, ("의뢰번호", "column_missing")),
        ({"접수일자": "2026-13-45"}, ("접수일자", "date_impossible")),
        ({"금액": "많음"}, ("금액", "amount_not_a_number")),
        ({"욕구": ""}, ("욕구", "need_missing")),
    ],
)
def test_what_makes_a_row_untrustworthy_refuses_it(
    intake: Intake, cells: dict[str, str], reason: tuple[str, str]
) -> None:
    assert codes(intake.row(**cells)) == [reason]


def test_a_name_in_the_header_of_a_shifted_sheet_is_not_told(intake: Intake) -> None:
    data = {"header": ["SB-1", "박순자", "010-2345-6789"], "cells": ["SB-2", "정해수", "x"], "row": 2, "register": ""}
    refusal = intake("sangbong", wrapped("sangbong", Formats.WELFARE, data=data))
    assert codes(refusal) == [("의뢰번호", "column_missing"), ("성명", "column_missing")]
    assert "박순자" not in repr(refusal)


def test_more_cells_than_columns_refuse_the_row(intake: Intake) -> None:
    data = {"header": ["의뢰번호", "성명"], "cells": ["1", "박순자", "x"], "row": 2}
    assert codes(intake("sangbong", wrapped("sangbong", Formats.WELFARE, data=data))) == [("", "cells_misaligned")]


@pytest.mark.parametrize(("text", "form"), [("서면", "written"), ("구두", "spoken"), ("유선 동의", "spoken")])
def test_a_register_says_how_consent_was_given(intake: Intake, text: str, form: str) -> None:
    assert (intake.row(동의=text).consent.form, intake.row(동의=text).consent.purposes) == (form, ())


@pytest.mark.parametrize(("text", "mark"), [("긴급", True), ("Y", True), ("", False), ("보통", False)])
def test_the_mark_urgent_is_read(intake: Intake, text: str, *, mark: bool) -> None:
    assert intake.row(긴급여부=text).urgent_mark is mark


@pytest.mark.parametrize(
    ("text", "readable"), [("N", True), ("아니오", True), ("일반", True), ("", True), ("글쎄", False)]
)
def test_that_it_is_not_urgent_can_be_said(intake: Intake, text: str, *, readable: bool) -> None:
    claim = intake.row(긴급여부=text)
    assert not claim.urgent_mark
    assert ("urgent:unreadable" not in claim.repairs) is readable


@pytest.mark.parametrize("amount", ["612000", "612,000", "612,000원", "61.2만원", "-1"])
def test_an_amount_is_a_number_and_a_note(intake: Intake, amount: str) -> None:
    assert intake.row(금액=amount).notes == (f"금액 {amount}",)
