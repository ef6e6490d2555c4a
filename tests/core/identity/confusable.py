"""Small towns of people made to be confused: twins, households, namesakes, typos, strangers' numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from hypothesis import strategies as st

from hub.schemas.canonical import AddressClaim, DateClaim, PersonClaim

if TYPE_CHECKING:
    from hub.schemas.canonical import Sex

NAMES = ("이말순", "이말숙", "이맬순", "정해수", "정혜수", "박순자", "김영자", "탁봄새", "Park Soonja", "김○○", "")
BIRTHS = ("1939-01-15", "1939-01-16", "1939-02-15", "1951-07-21", "1961-07-21", None)
PHONES = ("+821023456789", "+821023456798", "+82557481212", "+821077110042")
BUILDINGS = ("road:평거로 88", "road:진주대로 1052", None)
SEXES: tuple[Sex | None, ...] = ("F", "M", None)
NUMBERS = ("3901152000011", "3901152000022")


def _birth(iso: str | None) -> DateClaim:
    return DateClaim(value=iso, raw=iso or "", quality="exact" if iso else "missing")


_addresses = st.builds(
    AddressClaim,
    building=st.sampled_from(BUILDINGS),
    block=st.sampled_from(("205", "")),
    ho=st.sampled_from(("904", "905", "")),
    sigungu=st.sampled_from(("진주시", "")),
)
claims = st.builds(
    PersonClaim,
    name=st.sampled_from(NAMES),
    birth=st.sampled_from(BIRTHS).map(_birth),
    sex=st.sampled_from(SEXES),
    phones=st.lists(st.sampled_from(PHONES), max_size=2, unique=True).map(tuple),
    address=st.one_of(st.none(), _addresses),
    rrn=st.one_of(st.none(), st.none(), st.none(), st.sampled_from(NUMBERS)),
    substitute=st.sampled_from((False,) * 9 + (True,)),
    row=st.sampled_from(("", "", "", "register")),
    local_id=st.sampled_from(("", "", "", "hospital|1", "hospital|2")),
)
HOME = AddressClaim(building="road:평거로 88", block="205", ho="904", sigungu="진주시")
PEOPLE = (  # twins who live together, a brother a day younger on paper, a namesake elsewhere, one with two numbers
    PersonClaim("이말순", _birth("1939-01-15"), "F", (PHONES[2],), HOME),
    PersonClaim("이말숙", _birth("1939-01-15"), "F", (PHONES[2],), HOME),
    PersonClaim("이말수", _birth("1939-01-16"), "M", (PHONES[2],), HOME),
    PersonClaim("이말순", _birth("1939-01-15"), "F", (PHONES[0],), None),
    PersonClaim("탁봄새", _birth("1961-07-21"), "F", (PHONES[3],), None, NUMBERS[0]),
    PersonClaim("탁봄새", _birth("1961-07-21"), "F", (PHONES[3],), None, NUMBERS[1]),
)
FIELDS = ("name", "birth", "sex", "phones", "address", "rrn", "row", "local_id")


@st.composite
def _mentions(draw: st.DrawFn) -> PersonClaim:
    """One of the people, with up to two fields as a stranger has them."""
    person, other = draw(st.sampled_from(PEOPLE)), draw(claims)
    wrong = draw(st.lists(st.sampled_from(FIELDS), max_size=2))
    return msgspec.structs.replace(person, **{field: getattr(other, field) for field in wrong})


towns = st.lists(st.one_of(_mentions(), _mentions(), claims), min_size=2, max_size=14)
