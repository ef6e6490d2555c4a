"""Resident registration numbers (주민등록번호): thirteen digits, of which the seventh tells century and sex.

Owns reading them. Never rejects one by its checksum: numbers issued since October 2020 carry none. A number that stands
in for one (사회보장 전산관리번호; its seventh digit names a century nobody alive was born in) is only marked as such.
What a system fills in where the last digits are not known (480302-2000000) is a date and a sex, not a number: two
people would share it.

Source: 주민등록법 시행규칙 article 2 as in force since 2020-10-05: the six digits behind the sex are assigned at will.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import msgspec

from hub.schemas.canonical import Sex

_SEPARATORS = re.compile(r"[\s\-‐-―−_.ㅡ－]+")
_NUMBER = re.compile(r"(\d{6})(\d)(\d{6}|[*xX#●○]{0,6})", re.ASCII)
#: Seventh digit → first two digits of the birth year (행정안전부 주민등록번호 부여기준; 5–8 for foreigners).
_REST: Final = 6
_CENTURIES: Final = {"1": "19", "2": "19", "5": "19", "6": "19", "3": "20", "4": "20", "7": "20", "8": "20"}


class Resident(msgspec.Struct, frozen=True):
    """What a number says. rrn: None when masked or a substitute; birth: YYYYMMDD as written in it."""

    rrn: str | None = None
    birth: str = ""
    sex: Sex | None = None
    substitute: bool = False
    note: str = ""


_NOBODYS: Final = frozenset(("1111111111111", "1234561234567", "1234567890123"))


def read_resident(text: str) -> Resident:
    """What `text` says; `note` is 'masked', 'placeholder' or 'unreadable' where there is no whole number."""
    digits = _SEPARATORS.sub("", text.removesuffix(".0"))  # a spreadsheet took it for a number
    found = _NUMBER.fullmatch(digits) or _NUMBER.fullmatch(unicodedata.normalize("NFKC", digits))
    if found is None:
        return Resident(note="unreadable")
    front, seventh, rest = found.groups()
    if digits in _NOBODYS or (len(rest) == _REST and len(set(front)) == len(set(rest)) == 1):
        return Resident(note="placeholder")
    century = _CENTURIES.get(seventh)
    if century is None:
        return Resident(substitute=True)
    whole = rest.isdigit() and len(set(rest)) > 1
    return Resident(
        rrn=front + seventh + rest if whole else None,
        birth=century + front,
        sex="M" if seventh in "1357" else "F",
        note="" if whole else "placeholder" if rest.isdigit() else "masked",
    )
