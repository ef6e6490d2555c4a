"""The records of an XLS: a kind, a length, octets. Owns kinds and walking through them; a cell is nobody's here."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from connectors.reading_xls_texts import RECORD, Octets

U16, U32, DOUBLE = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<d")
BEGIN, END, PASSWORD, CODE_PAGE, DATES, SHEET, TEXTS = 0x809, 0x0A, 0x2F, 0x42, 0x22, 0x85, 0xFC
FORMAT, LOOK, MERGED = 0x41E, 0xE0, 0xE5
FORMULA, SAVED, SHARED, MANY, NUMBER, SMALL, TRUTH = 0x06, 0x207, 0xFD, 0xBD, 0x203, 0x27E, 0x205
TEXT, RICH_TEXT = 0x204, 0xD6
#: A formula has three numbers: some programs write those of older files.
FORMULAS: Final = frozenset({FORMULA, 0x206, 0x406})
#: Records of cells, with the fewest octets each has.
CELLS: Final = {
    **dict.fromkeys(FORMULAS, 20),
    SHARED: 10,
    MANY: 12,
    NUMBER: 14,
    SMALL: 10,
    TRUTH: 8,
    TEXT: 8,
    RICH_TEXT: 8,
}
ROWS: Final = 65_536

Record = tuple[int, int, int]  # its kind, where its content begins, how long that is


def records(octets: Octets, at: int) -> Iterator[Record]:
    """Each record from here. Raises `struct.error` or `ValueError` at the end."""
    end = len(octets)
    while True:
        kind, size = RECORD.unpack_from(octets, at)
        at += RECORD.size
        if at + size > end:
            raise ValueError("behind the end")
        yield kind, at, size
        at += size


def part(octets: Octets, begin: int) -> Iterator[Record]:
    """The records of one part, its end included: a chart inside has cells of its own, which are not told.

    Raises `struct.error` or `ValueError` where no part begins or its end is missing.
    """
    depth = 0
    for kind, at, size in records(octets, begin):
        if kind == BEGIN:
            depth += 1
        elif not depth:
            raise ValueError("no part begins here")
        elif kind == END:
            depth -= 1
        if depth <= 1:
            yield kind, at, size
        if not depth:
            return


def cells_in_order(octets: Octets, begin: int) -> Iterator[Record]:
    """The cells of a sheet row by row, each with the text saved behind it.

    Some programs write the formulas of thirty-two rows behind their other cells. Raises as `part`.
    """
    places, rows, row = array("I"), array("H"), 0
    for kind, at, _ in part(octets, begin):
        if kind in CELLS:
            (row,) = U16.unpack_from(octets, at)
        elif kind != SAVED:
            continue
        places.append(at)
        rows.append(row)
    counts = [0] * (ROWS + 1)
    for row in rows:
        counts[row + 1] += 1
    free = list(accumulate(counts))
    ordered = array("I", bytes(places.itemsize * len(places)))
    for at, row in zip(places, rows, strict=True):
        ordered[free[row]] = at
        free[row] += 1
    for at in ordered:
        kind, size = RECORD.unpack_from(octets, at - RECORD.size)
        yield kind, at, size


def small(octets: Octets, at: int) -> float:
    """A number in four octets: a whole one, or the upper half of any, perhaps times a hundred."""
    (held,) = U32.unpack_from(octets, at)
    if held & 2:
        value = float((held >> 2) - ((held >> 31) << 30))
    else:
        (value,) = DOUBLE.unpack(U32.pack(0) + U32.pack(held & 0xFFFFFFFC))
    return value / 100 if held & 1 else value


def merged(octets: Octets, at: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Cells merged over rows: column from 0, first and last row from 1."""
    (count,) = U16.unpack_from(octets, at)
    for place in range(at + 2, min(at + 2 + 8 * count, at + size - 7), 8):
        top, bottom, column, _ = struct.unpack_from("<HHHH", octets, place)
        if bottom > top:
            yield column, top + 1, bottom + 1
