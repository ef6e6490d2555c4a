"""The unit behind a building: block (동) and ho (호). '101동 1203호', '101동1203호' and '101-1203' are one dwelling.

Owns that grammar. A floor (2층) is no unit: several households can live on it.
"""

from __future__ import annotations

import re

import msgspec

_BLOCK = r"(?:제 ?)?(?:(?<!\d)(\d{1,4})|(?<![가-힣A-Za-z])([A-Za-z가나다라마바사아자차카타파하])) ?동"
_BLOCK_AND_HO = re.compile(
    _BLOCK + r" ?(?:제 ?)?(?:\d{1,2}층 ?)?(지하 ?|[Bb])?(\d{1,5})(?: ?호(?:실)?)?(?![\d층동-])", re.ASCII
)
_DASHED = re.compile(r"(?<![\d-])(\d{1,4}) ?- ?(\d{2,5})(?: ?호(?:실)?)?(?![\d-])", re.ASCII)
_HO = re.compile(r"(?<!\d)(지하 ?(?:\d층 ?)?|[Bb])?(\d{1,5}) ?호(?:실)?(?![가-힣])", re.ASCII)
_BARE = re.compile(r"(?:^| )(\d{3,4}) (\d{3,4})$", re.ASCII)
_BLOCK_ALONE = re.compile(_BLOCK + r"(?![가-힣])", re.ASCII)


class Unit(msgspec.Struct, frozen=True):
    """block: '101', 'A', '가'; ho: '1203', 'B101' below ground; note: 'unit_form' when it was written otherwise."""

    block: str = ""
    ho: str = ""
    note: str = ""


NONE = Unit()


def read_unit(text: str) -> Unit:
    """The unit in what follows a building's number."""
    if not text:
        return NONE
    if found := _BLOCK_AND_HO.search(text):
        number, letter, under, ho = found.groups()
        return Unit(_block(number, letter), _ho(under, ho))
    if found := _DASHED.search(text):
        return Unit(_block(found.group(1), None), _ho(None, found.group(2)), "unit_form")
    if found := _HO.search(text):
        return Unit("", _ho(found.group(1), found.group(2)))
    return _incomplete(text)


def _incomplete(text: str) -> Unit:
    if found := _BARE.search(text):
        return Unit(_block(found.group(1), None), _ho(None, found.group(2)), "unit_form")
    found = _BLOCK_ALONE.search(text)
    return Unit(_block(*found.groups()), "") if found else NONE


def _block(number: str | None, letter: str | None) -> str:
    return str(int(number)) if number else (letter or "").upper()


def _ho(under: str | None, number: str) -> str:
    return ("B" if under else "") + str(int(number))
