"""One row of any table, before its header is known. Owns what stands in it and what of it is worth a remark.

A cell that a spreadsheet would calculate is data here: a formula counts as the value saved with it, text that begins
like one stays text. Both are said beside the row, because the sender may have meant something else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import msgspec

CELL_LIMIT: Final = 10_000  # characters

#: Signs of a calculation behind a plus or a minus, which also begin numbers, telephones and remarks.
_CALCULATES: Final = re.compile(r"[!|]|[A-Za-z_][\w.]*\(|\$?[A-Za-z]{1,3}\$?\d+\s*(?:$|[-+*/^&:<>=])")
_EQUALS: Final = frozenset("=＝@＠")
_SIGNS: Final = frozenset("+-＋－")


class Broken(msgspec.Struct, frozen=True):
    """What could not be read: the file, the row as people count it (0: the whole file), why. Quotes no content."""

    path: str
    row: int
    reason: str


class Row(msgspec.Struct, frozen=True):
    """A row by its number from 1. formulas: letters of columns whose value was saved with a formula.

    bad: why no value can be had of one of its cells, '' where all have one. Quotes no content.
    """

    number: int
    cells: list[str]
    formulas: tuple[str, ...] = ()
    bad: str = ""


def notes(row: Row, cells: Sequence[str]) -> tuple[str, ...]:
    """What to say beside a row that is taken with these cells."""
    found = [f"a formula in column {name}, read as the value saved with it" for name in row.formulas]
    alike = (letters(place) for place, cell in enumerate(cells) if cell and is_like_a_formula(cell))
    return (*found, *(f"text like a formula in column {name}, taken as text" for name in alike))


def is_like_a_formula(cell: str) -> bool:
    """Whether text would be calculated by a spreadsheet that opens it; numbers and telephones with a sign are not."""
    first = cell[0]
    if first in _EQUALS:
        return len(cell) > 1
    return first in _SIGNS and _CALCULATES.search(cell, 1) is not None


def letters(place: int) -> str:
    """A column's letters in a spreadsheet, from its place (0: A)."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(65 + rest) + name
    return name


def text_of(value: object) -> str:
    """A cell as a person reads it: whole numbers without a point, days without a midnight."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - exact in a float
        return str(int(value))
    if isinstance(value, datetime):
        day, clock = value.date().isoformat(), value.time()
        return day if not (clock.hour or clock.minute or clock.second) else f"{day} {clock:%H:%M:%S}"
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)
