"""Resident numbers as typed; none is rejected by its checksum."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.identity.features import rrn_index
from hub.core.normalize.residents import Resident, read_resident

KNOWN = Resident("5203042123456", "19520304", "F")


@pytest.mark.parametrize(
    "text",
    [
        "520304-2123456",
        "5203042123456",
        "520304 2123456",
        "520304–2123456",
        "５２０３０４-２１２３４５６",
        "5203042123456.0",
    ],
)
def test_a_number_is_thirteen_digits_however_written(text: str) -> None:
    assert read_resident(text) == KNOWN


@pytest.mark.parametrize(
    ("text", "birth", "sex", "note"),
    [
        ("520304-2******", "19520304", "F", "masked"),
        ("520304-2", "19520304", "F", "masked"),
        ("050304-3", "20050304", "M", "masked"),
        ("520304-6", "19520304", "F", "masked"),
        ("520304-2000000", "19520304", "F", "placeholder"),
        ("520304-1111111", "19520304", "M", "placeholder"),
        ("000000-0000000", "", None, "placeholder"),
        ("000000-1000000", "", None, "placeholder"),
        ("111111-1111111", "", None, "placeholder"),
        ("123456-1234567", "", None, "placeholder"),
        ("999999-9999999", "", None, "placeholder"),
        ("520304", "", None, "unreadable"),
        ("520304-212345", "", None, "unreadable"),
        ("5.20304E+12", "", None, "unreadable"),
        ("없음", "", None, "unreadable"),
    ],
)
def test_what_is_no_whole_number_identifies_nobody(text: str, birth: str, sex: str | None, note: str) -> None:
    assert read_resident(text) == Resident(None, birth, sex, note=note)


@pytest.mark.parametrize("text", ["520304-9123456", "520304-0123456"])
def test_a_seventh_digit_of_a_past_century_is_a_substitute(text: str) -> None:
    assert read_resident(text) == Resident(substitute=True)


@given(st.from_regex(r"[0-9]{6}[1-8][0-9]{6}", fullmatch=True))
def test_no_number_is_rejected_by_its_checksum(number: str) -> None:
    resident = read_resident(number)
    assert (resident.rrn == number) == (resident.note != "placeholder")
    assert (resident.note == "placeholder") == (
        len(set(number[7:])) == 1 or number in ("1234561234567", "1234567890123")
    )


@pytest.mark.parametrize("number", ["5203042000000", "5203041111111", "0000000000000"])
def test_a_number_that_two_people_would_share_has_no_index(number: str) -> None:
    assert rrn_index(number, b"k") == ""
    assert rrn_index(number[:12] + "7", b"k") != ""


@given(st.text(max_size=20))
def test_reading_a_number_twice_changes_nothing(text: str) -> None:
    resident = read_resident(text)
    assert not resident.rrn or read_resident(resident.rrn) == resident
