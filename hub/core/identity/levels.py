"""How two values of one field relate: exact, alike, one digit off, different.

Owns the comparison levels. Never weighs them (`model` does) and never decides. Every function is symmetric and answers
'' when there is nothing to compare: missing is no evidence. Equality is tried first, because most candidates are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapidfuzz.distance import OSA

from hub.core.identity import names

if TYPE_CHECKING:
    from hub.core.identity.features import Features

_TWO = 2
_NEAR2_LETTERS = 5  # two letters off says something only where more than half of the name is left
_LUNAR_DAYS = range(17, 56)  # a lunar date read as a solar one lies this many days early
_LUNAR_BEFORE = "1965"  # lunar birthdays are rare among those born later
_MOBILE = "+8210"


def readings(f: Features) -> set[str]:
    """Every way the name can be read."""
    return {f"{f.surname}|{f.given}", *f.others}


def is_reading(a: Features, b: Features) -> bool:
    """Whether one name is another reading of the other: hanja, romanized, or cut elsewhere."""
    return bool(a.others or b.others) and not readings(a).isdisjoint(readings(b))


def surname(a: Features, b: Features) -> str:
    """exact, alike, near, different."""
    mine, other = a.surname, b.surname
    if mine == other:
        return "" if not mine else "exact" if a.written[: a.split] == b.written[: b.split] else "alike"
    if not mine or not other or mine.isascii() != other.isascii():
        return ""
    return "near" if OSA.distance(mine, other, score_cutoff=1) <= 1 else "different"


def given(a: Features, b: Features) -> str:
    """exact, alike, near (one letter), final (final consonants), syllable (one is shared), near2, different."""
    mine, other = a.given, b.given
    if mine == other:
        return "" if not mine else "exact" if a.written[a.split :] == b.written[b.split :] else "alike"
    if not mine or not other or mine.isascii() != other.isascii():
        return ""
    return _unlike(mine, other)


def _unlike(mine: str, other: str) -> str:
    if names.FINALS.sub("", mine) == names.FINALS.sub("", other):
        return "final"
    distance = OSA.distance(mine, other, score_cutoff=2)
    if distance <= 1:
        return "near"
    if not mine.isascii() and _shares_syllable(mine, other):
        return "syllable"
    return "near2" if distance <= _TWO and min(len(mine), len(other)) >= _NEAR2_LETTERS else "different"


def _shares_syllable(mine: str, other: str) -> bool:
    return any(x == y for x, y in zip(names.syllables(mine), names.syllables(other), strict=False))


def birth(a: Features, b: Features) -> str:
    """exact, swap (day and month), digit (one off), lunar, year, default, different."""
    mine, other = a.birth, b.birth
    if not mine or not other:
        return ""
    if a.quality == "default" or b.quality == "default":
        return "default" if mine[:4] == other[:4] else "different"
    if mine == other:
        return "exact"
    return _unlike_birth(a, b)


def _unlike_birth(a: Features, b: Features) -> str:
    mine, other = a.birth, b.birth
    if mine[2:] == other[2:] and "short_year" in (a.quality, b.quality):
        return "exact"  # the century was guessed
    if mine[:4] == other[:4] and mine[4:6] == other[6:] and mine[6:] == other[4:6]:
        return "swap"
    if a.day and b.day and abs(a.day - b.day) in _LUNAR_DAYS and _may_be_lunar(a, b):
        return "lunar"
    if OSA.distance(mine, other, score_cutoff=1) <= 1 or _is_year_late(mine, other):
        return "digit"
    return "year" if mine[:4] == other[:4] else "different"


def _may_be_lunar(a: Features, b: Features) -> bool:
    """Marked so, or both old enough to have grown up with a lunar birthday: clerks write it down as it is told."""
    return "lunar" in (a.quality, b.quality) or (a.birth < _LUNAR_BEFORE and b.birth < _LUNAR_BEFORE)


def _is_year_late(mine: str, other: str) -> bool:
    """Registered a year after birth, as was usual until the 1950s: 1949 and 1950 differ in every digit."""
    return mine[4:] == other[4:] and abs(int(mine[:4]) - int(other[:4])) == 1


def phone(a: Features, b: Features) -> str:
    """Shared number: same; near (one digit or two swapped), different. A mobile and a landline say nothing."""
    mine, other = a.phones, b.phones
    if not mine or not other:
        return ""
    if mine == other or not set(mine).isdisjoint(other):
        return "same"
    pairs = [(x, y) for x in mine for y in other if x.startswith(_MOBILE) == y.startswith(_MOBILE)]
    if any(OSA.distance(x, y, score_cutoff=1) <= 1 for x, y in pairs):
        return "near"
    return "different" if pairs else ""


def address(a: Features, b: Features) -> str:
    """unit, building, other_unit, moved, sigungu, elsewhere. A road and a lot address cannot be compared."""
    mine, other = a.building, b.building
    if mine and mine == other:
        return _units(a.unit, b.unit)
    if a.sigungu and b.sigungu and a.sigungu != b.sigungu:
        return "elsewhere"
    if mine and other and mine[:4] == other[:4]:
        return "moved"
    return "sigungu" if a.sigungu and a.sigungu == b.sigungu else ""


def _units(mine: str, other: str) -> str:
    if not mine or not other:
        return "building"
    if mine == other:
        return "unit"
    block, _, door = mine.partition("/")
    other_block, _, other_door = other.partition("/")
    return "unit" if door == other_door and not (block and other_block) else "other_unit"


def text(mine: str, other: str) -> str:
    """Any other text: exact, near (one letter, or only spaces), near2, similar (a third of the letters), different."""
    if not mine or not other:
        return ""
    if mine == other:
        return "exact"
    longest = max(len(mine), len(other))
    distance = OSA.distance(mine, other, score_cutoff=max(1, longest // 3))
    if distance <= 1 or mine.replace(" ", "") == other.replace(" ", ""):
        return "near"
    if distance > longest // 3:
        return "different"
    return "near2" if distance <= _TWO else "similar"


def equal(mine: str, other: str) -> str:
    """Equal or not: same, different; '' where either is unknown."""
    if not mine or not other:
        return ""
    return "same" if mine == other else "different"
