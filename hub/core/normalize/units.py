"""The unit behind a building: block (동) and ho (호). '101동 1203호', '101동1203호' and '101-1203' are one dwelling.

Owns that grammar. A floor (2층, 지하, 옥탑) is no unit: several households can live on it.
Source: 도로명주소법 시행령 article 6 (block, floor and ho as parts of an address); the other spellings are habits.
"""

from __future__ import annotations

import re

import msgspec

_LETTERS = "가나다라마바사아자차카타파하"
_BLOCK = rf"(?:제 ?)?(?:(?<!\d)(\d{{1,4}})|(?<![가-힣A-Za-z])([A-Za-z{_LETTERS}]|에이|비|씨|디)) ?동"
# Below ground: 지하 101호, 지하1층 101호, B1층 101호, 반지하 1호, 지층 101호, B101호. An attic (옥탑) is no unit.
_UNDER = r"(?:반?지하 ?(?:\d?층 ?)?|지층 ?|[Bb]\d층 ?|[Bb])"
_BLOCK_AND_HO = re.compile(
    _BLOCK + rf" ?-? ?(?:제 ?)?(?:\d{{1,2}}층 ?)?({_UNDER})?(\d{{1,5}})(?: ?(호)(?:실)?)?(?![\d층동-])", re.ASCII
)
_DASHED = re.compile(r"(?<![\d-])(\d{1,4}) ?- ?(\d{2,5})(?: ?호(?:실)?)?(?![\d-])", re.ASCII)
# 나-203; B-101 could be a block or a basement, so it is neither.
_LETTER_DASHED = re.compile(
    rf"(?<![가-힣A-Za-z\d])([AC-Zac-z{_LETTERS}]) ?- ?(\d{{2,5}})(?: ?호(?:실)?)?(?![\d-])", re.ASCII
)
_HO = re.compile(rf"(?<!\d)({_UNDER})?(\d{{1,5}}) ?호(?:실)?(?![가-힣])", re.ASCII)
_BARE = re.compile(r"(?:^| )(\d{3,4}) (\d{3,4})$", re.ASCII)
# Lodgings let by the room (고시원: 다중이용업소법 시행령 article 2; inns: 공중위생관리법): the number is the room's.
_ROOM = re.compile(r"(?:고시원|고시텔|원룸텔|리빙텔|여관|여인숙|모텔|쪽방) ?(?:\d{1,2}층 ?)?(\d{1,4})$", re.ASCII)
_BLOCK_ALONE = re.compile(_BLOCK + r"(?![가-힣])", re.ASCII)
_SPELLED = {"에이": "A", "비": "B", "씨": "C", "디": "D"}


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
        number, letter, under, ho, _ = found.groups()
        return Unit(_block(number, letter), _ho(under, ho))
    if found := _DASHED.search(text) or _LETTER_DASHED.search(text):
        block = found.group(1)
        number, letter = (block, None) if block.isdigit() else (None, block)
        return Unit(_block(number, letter), _ho(None, found.group(2)), "unit_form")
    if found := _HO.search(text):
        return Unit("", _ho(found.group(1), found.group(2)))
    return _incomplete(text)


def read_marked(text: str) -> Unit:
    """The unit in a remark beside the address, '(강남동, 강남아파트 101동 1203호)': only where it says 호."""
    if "호" not in text or "번지" in text:
        return NONE
    if (found := _BLOCK_AND_HO.search(text)) and found.group(5):
        return Unit(_block(found.group(1), found.group(2)), _ho(found.group(3), found.group(4)), "unit_form")
    if found := _HO.search(text):
        return Unit("", _ho(found.group(1), found.group(2)), "unit_form")
    return NONE


def _incomplete(text: str) -> Unit:
    if found := _BARE.search(text):
        return Unit(_block(found.group(1), None), _ho(None, found.group(2)), "unit_form")
    if found := _ROOM.search(text):
        return Unit("", _ho(None, found.group(1)), "unit_form")
    found = _BLOCK_ALONE.search(text)
    return Unit(_block(*found.groups()), "") if found else NONE


def _block(number: str | None, letter: str | None) -> str:
    return str(int(number)) if number else _SPELLED.get(letter or "", letter or "").upper()


def _ho(under: str | None, number: str) -> str:
    return ("B" if under else "") + str(int(number))
