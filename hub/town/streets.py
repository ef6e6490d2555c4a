"""Dwellings of the town: every household index has one address of its own, computed and never stored.

Owns roads (`hub/rules/town-areas.csv`), buildings and the ways a clerk writes an address. Only the roads are read.
"""

from __future__ import annotations

import csv
from functools import cache
from io import StringIO
from random import Random
from typing import Final

import msgspec

from hub.rules import texts

_COMPLEX: Final = 600  # dwellings of one apartment complex
_VILLA: Final = 8
_ESTATES: Final = ("한빛", "푸른", "현대", "주공", "센트럴", "그린")
_HOMES: Final = ("희망요양원", "참사랑요양원", "남강고시원", "새벽고시텔", "한마음그룹홈", "은빛요양병원")


class Road(msgspec.Struct, frozen=True):
    """A road that lies in one administrative dong."""

    name: str
    legal_dong: str
    dong: str


class Dwelling(msgspec.Struct, frozen=True):
    """One place to live. block and ho are '' where the building has none; estate: the complex's or facility's name.

    facility: its number, from one; 0 for a home.
    """

    road: str
    number: str
    legal_dong: str
    dong: str
    block: str = ""
    ho: str = ""
    estate: str = ""
    facility: int = 0


@cache
def roads() -> tuple[Road, ...]:
    """The town's roads, in file order: an address depends on it."""
    rows = csv.DictReader(StringIO(texts()["town-areas.csv"]))
    return tuple(Road(row["road_or_lot"], row["legal_dong"], row["administrative_dong"]) for row in rows)


def dwelling(index: int, form: float) -> Dwelling:
    """The dwelling of that index. form (0 to 1) chooses apartment (62 %), villa (18 %) or detached house; assumed."""
    if form < 0.62:  # noqa: PLR2004 - the shares above
        return _apartment(index)
    return _villa(index) if form < 0.8 else _house(index)  # noqa: PLR2004 - same


def facility(index: int) -> Dwelling:
    """A facility: one address for everybody in it, so half a name and no dwelling's number."""
    road = roads()[index * 7 % len(roads())]
    return Dwelling(road.name, f"{3 + index // len(roads())}-9", road.legal_dong, road.dong,
                    estate=_HOMES[index % len(_HOMES)], facility=index + 1)  # fmt: skip


def _apartment(index: int) -> Dwelling:
    estate, flat = divmod(index, _COMPLEX)
    road = roads()[estate % len(roads())]
    block, door = divmod(flat, 60)
    name = road.legal_dong[:-1] + _ESTATES[estate % len(_ESTATES)] + "아파트"
    ho = f"{1 + door // 4}{1 + door % 4:02d}"
    number = str(10 + 2 * (estate // len(roads())))
    return Dwelling(road.name, number, road.legal_dong, road.dong, str(101 + block), ho, name)


def _villa(index: int) -> Dwelling:
    building, door = divmod(index, _VILLA)
    road = roads()[building % len(roads())]
    number = str(11 + 2 * (building // len(roads())))
    return Dwelling(road.name, number, road.legal_dong, road.dong, "", f"{1 + door // 2}{1 + door % 2:02d}")


def _house(index: int) -> Dwelling:
    row, place = divmod(index, len(roads()))
    road = roads()[place]
    return Dwelling(road.name, f"{5 + row % 900}-{10 + row // 900}", road.legal_dong, road.dong)


def written(home: Dwelling, rng: Random) -> str:
    """The address as one of many clerks writes it."""
    style = rng.randrange(5)
    place = f"{home.road} {home.number}"
    if style == 0:
        inner = _inner(home, " ")
        hint = f" ({home.legal_dong}, {home.estate})" if home.estate else f" ({home.legal_dong})"
        return f"경상남도 진주시 {place}{', ' + inner if inner else ''}{hint}"
    if style == 1:
        return f"경남 진주시 {home.road}{home.number} {home.estate} {_inner(home, '')}".rstrip().replace("  ", " ")
    if style == 2 and home.block:  # noqa: PLR2004 - one of five styles
        return f"진주시 {place} {home.block}-{home.ho}"
    if style == 3:  # noqa: PLR2004 - same
        return f"{place} {home.estate} {_inner(home, ' ')}".rstrip().replace("  ", " ")
    inner = _inner(home, " ")
    return f"진주시 {place}, {inner}" if inner else f"진주시 {place}"


def _inner(home: Dwelling, gap: str) -> str:
    if home.block:
        return f"{home.block}동{gap}{home.ho}호"
    return f"{home.ho}호" if home.ho else ""
