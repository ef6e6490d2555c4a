"""What a guard says of two records that one resident number joins, and of two that nothing joins."""

from __future__ import annotations

import msgspec
import pytest

from hub.core.identity import guards
from hub.core.identity.features import Features, build
from hub.core.identity.score import compare
from hub.schemas.canonical import AddressClaim, DateClaim, PersonClaim
from tests.core.identity.memory import MODEL, PEPPER

PERSON = PersonClaim(
    name="이말순",
    birth=DateClaim("1939-01-15", "1939-01-15", "exact"),
    sex="F",
    phones=("+821023456789",),
    address=AddressClaim(building="road:평거로 88", block="205", ho="904", sigungu="진주시"),
)
NUMBER = "3901152000011"
OTHER_DATE = DateClaim("1939-06-28", "1939-06-28", "exact")
MISWRITTEN = {"name": "이말숙", "sex": "M", "birth": OTHER_DATE}
GUARDS = {"name": "twin", "sex": "sex_conflict", "birth": "birth_conflict"}


def said(**changes: object) -> Features:
    return build(msgspec.structs.replace(PERSON, **changes), PEPPER)


@pytest.mark.parametrize("field", MISWRITTEN)
def test_another_name_sex_or_date_keeps_two_records_apart(field: str) -> None:
    assert compare(said(), said(**{field: MISWRITTEN[field]}), MODEL).guard == GUARDS[field]


@pytest.mark.parametrize("field", MISWRITTEN)
def test_under_one_resident_number_it_is_a_slip(field: str) -> None:
    other = said(rrn=NUMBER, **{field: MISWRITTEN[field]})
    assert compare(said(rrn=NUMBER), other, MODEL).guard == ""


@pytest.mark.parametrize("right", MISWRITTEN)
def test_two_differences_under_one_resident_number_are_two_people(right: str) -> None:
    wrong = {field: value for field, value in MISWRITTEN.items() if field != right}
    assert compare(said(rrn=NUMBER), said(rrn=NUMBER, **wrong), MODEL).guard in guards.SLIPS


def test_every_slip_is_a_guard_that_keeps_two_people_apart() -> None:
    assert set(GUARDS.values()) == guards.SLIPS
    assert all(guards.parts(name) for name in guards.SLIPS)


def test_another_number_is_a_conflict_and_a_protected_identity_is_never_a_slip() -> None:
    assert compare(said(rrn=NUMBER), said(rrn="3901152000022"), MODEL).guard == "number_conflict"
    assert compare(said(rrn=NUMBER), said(substitute=True), MODEL).guard == "substitute"
