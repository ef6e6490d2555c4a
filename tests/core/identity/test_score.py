"""Bits: they sum to the score, do not depend on who is asked first, and never count a household twice."""

from __future__ import annotations

import re
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings

from hub.core.identity import levels
from hub.core.identity.features import Features
from hub.core.identity.score import Score, compare
from hub.schemas.canonical import AddressClaim, DateClaim, PersonClaim, Sex
from tests.core.identity.confusable import claims
from tests.core.identity.jinju import GANGNAM, PYEONGGEO, exact
from tests.core.identity.memory import MODEL, features

PHONE = "+821023456789"


def person(
    name: str,
    birth: str | DateClaim = "1948-03-02",
    sex: Sex | None = "F",
    phone: str = "",
    address: AddressClaim | None = None,
) -> Features:
    date = exact(birth) if isinstance(birth, str) else birth
    return features(PersonClaim(name, date, sex, (phone,) if phone else (), address))


def score(a: Features, b: Features) -> Score:
    return compare(a, b, MODEL)


@settings(max_examples=500)
@given(claims, claims)
def test_fields_sum_to_the_bits_and_order_does_not_matter(a: PersonClaim, b: PersonClaim) -> None:
    found = score(features(a), features(b))
    assert sum(bits for _, bits in found.fields) == found.bits
    assert found == score(features(b), features(a))


@settings(max_examples=300)
@given(claims, claims)
def test_a_household_alone_is_worth_no_more_than_its_cap(a: PersonClaim, b: PersonClaim) -> None:
    found = score(features(a), features(b))
    household = sum(bits for label, bits in found.fields if re.match("phone|address|household", label))
    assert household <= MODEL.household_cap


def test_living_together_never_makes_one_person() -> None:
    grandmother = person("박순자", phone=PHONE, address=GANGNAM)
    grandson = person("박도윤", "2013-07-11", "M", phone=PHONE, address=GANGNAM)
    assert score(grandmother, grandson).bits < MODEL.review


def test_nobody_is_linked_without_a_name() -> None:
    found = score(person("", phone=PHONE, address=GANGNAM), person("박순자", phone=PHONE, address=GANGNAM))
    assert (found.bits >= MODEL.auto, found.guard) == (True, "unnamed")


def test_a_rare_name_says_more_than_a_common_one_of_the_same_years() -> None:
    rare, common = person("탁봄새"), person("김영자")
    assert score(rare, rare).bits > score(common, common).bits + 900


def test_a_foreign_name_is_not_taken_for_a_rare_one() -> None:
    assert score(person("NGUYEN THI LAN"), person("NGUYEN THI LAN")).bits < MODEL.auto


def test_a_name_is_weighed_by_cohort() -> None:
    old, young = person("김서연", "1945-05-05"), person("김서연", "2006-05-05")
    assert score(old, old).bits > score(young, young).bits


def test_a_common_name_and_birth_date_alone_are_a_review() -> None:
    found = score(person("김영자", "1945-05-05"), person("김영자", "1945-05-05"))
    assert MODEL.review <= found.bits < MODEL.auto


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        ("1948-03-02", "1948-03-02", "exact"),
        ("1948-03-02", "1948-02-03", "swap"),
        ("1948-03-02", "1948-03-12", "digit"),
        ("1948-03-12", "1948-03-21", "digit"),
        ("1948-03-02", "1948-11-28", "year"),
        ("1948-03-02", "1951-11-28", "different"),
        ("1948-03-02", DateClaim("2048-03-02", "480302", "short_year"), "exact"),
        ("1948-04-10", DateClaim("1948-03-02", "음 48.3.2", "lunar"), "lunar"),
        ("1948-04-10", "1948-03-02", "lunar"),
        ("1988-04-10", "1988-03-02", "year"),
        ("1950-03-02", "1949-03-02", "digit"),
        ("1948-03-02", DateClaim("1948-01-01", "1948", "default"), "default"),
        ("1948-03-02", DateClaim(None, "1999-02-29", "impossible"), ""),
        ("1948-03-02", DateClaim("1900-01-01", "1900-01-01", "exact"), ""),
    ],
)
def test_birth_dates_have_levels(a: str, b: str | DateClaim, level: str) -> None:
    mine, other = person("박순자", a), person("박순자", b)
    assert levels.birth(mine, other) == levels.birth(other, mine) == level


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        (PHONE, PHONE, "same"),
        (PHONE, "+821023456798", "near"),
        (PHONE, "+821099998888", "different"),
        (PHONE, "+82557481212", ""),
        (PHONE, "+821000000000", ""),
        ("+82557481212", "+82557481213", "near"),
    ],
)
def test_phones_have_levels(a: str, b: str, level: str) -> None:
    assert levels.phone(person("박순자", phone=a), person("박순자", phone=b)) == level


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({}, "unit"),
        ({"block": ""}, "unit"),
        ({"block": "102"}, "other_unit"),
        ({"ho": "1204"}, "other_unit"),
        ({"ho": ""}, "building"),
        ({"building": "road:평거로 88"}, "moved"),
        ({"building": "lot:강남동 1"}, "sigungu"),
        ({"building": None}, "sigungu"),
        ({"building": None, "sigungu": "사천시"}, "elsewhere"),
        ({"building": None, "sigungu": ""}, ""),
    ],
)
def test_addresses_have_levels(change: dict[str, str | None], level: str) -> None:
    other = msgspec.structs.replace(GANGNAM, **change)
    assert levels.address(person("박순자", address=GANGNAM), person("박순자", address=other)) == level


def _claim(**change: object) -> Features:
    base = PersonClaim("이말순", exact("1939-01-15"), "F", ("+82557481212",), PYEONGGEO)
    return features(msgspec.structs.replace(base, **change))


@pytest.mark.parametrize(
    ("a", "b", "guard"),
    [
        ({}, {}, ""),
        ({}, {"name": "이맬순"}, "twin"),
        ({}, {"name": "이말숙"}, "twin"),
        ({}, {"name": "이말숙", "phones": (), "address": None}, "twin"),
        ({}, {"name": "이말숙", "birth": DateClaim("1939-01-01", "1939", "default")}, "twin"),
        ({}, {"name": "이말수", "phones": ("+821077110042",), "address": None}, "twin"),
        ({}, {"name": "이멀순", "phones": ("+821077110042",), "address": None}, ""),
        ({}, {"name": "이막순", "birth": exact("1938-01-15")}, ""),
        ({"row": "대장"}, {"row": "대장"}, ""),
        ({"row": "대장", "name": "정해수"}, {"row": "대장", "name": "정혜수"}, "same_register"),
        ({"rrn": "3901152000011"}, {"rrn": "3901152000022"}, "number_conflict"),
        ({"rrn": "3901152000011"}, {"rrn": "3901152000011", "name": "이말숙"}, ""),
        ({"local_id": "h|1"}, {"local_id": "h|1", "name": "이말숙"}, ""),
        ({}, {"sex": "M"}, "sex_conflict"),
        ({}, {"birth": exact("1941-05-25")}, "birth_conflict"),
        ({}, {"birth": exact("1939-01-16")}, ""),
        ({}, {"substitute": True}, "substitute"),
        ({}, {"address": AddressClaim(protected=True)}, "protected"),
        ({}, {"name": ""}, "unnamed"),
    ],
)
def test_guards_speak(a: dict[str, object], b: dict[str, object], guard: str) -> None:
    assert score(_claim(**a), _claim(**b)).guard == score(_claim(**b), _claim(**a)).guard == guard


def test_every_level_and_guard_has_a_weight() -> None:
    fields = {label.partition(":")[0] for label in MODEL.bits}
    assert fields == {"surname", "given", "birth", "sex", "phone", "address", "rrn", "local_id"}
    for field, level in product(("surname", "given"), ("exact", "alike", "reading", "near", "different")):
        assert f"{field}:{level}" in MODEL.bits
