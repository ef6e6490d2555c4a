"""The cells of an XLS, from their records to a row of text. Owns kinds of cells; what is merged is spread elsewhere.

A formula is never calculated: the value saved with it counts, and a row whose formula has none is refused.
"""

from __future__ import annotations

import math
import struct
from typing import Final

from connectors.reading_rows import Row, letters
from connectors.reading_xls_records import DOUBLE, FORMULAS, MANY, NUMBER, SHARED, SMALL, TRUTH, U16, U32, small
from connectors.reading_xls_texts import Octets, Pieces, Shared
from connectors.reading_xlsx_numbers import Numbers

COLUMNS: Final = 256
_HEAD: Final = struct.Struct("<HHH")  # row, column, look
_YES: Final = ("N", "Y")
_UNREADABLE: Final = (IndexError, ValueError, struct.error)


class Line:
    """Hears the cells of a row, and gives it once the next one begins."""

    def __init__(self, octets: Octets, texts: Shared, numbers: Numbers, charset: str) -> None:
        self._octets, self._texts, self._numbers, self._charset = octets, texts, numbers, charset
        self._number = -1
        self._cells, self._bad = list[str](), ""
        self._formulas: dict[str, None] = {}  # a cell may be told twice
        self._waiting = -1  # the column whose formula has a text that comes next

    def reach(self, number: int) -> Row | None:
        """The row before, where this is another one (-1: there is none any more)."""
        self._settle()
        if number == self._number:
            return None
        cells = self._cells
        done = Row(self._number + 1, cells, tuple(self._formulas), self._bad) if cells else None
        self._number, self._cells, self._formulas, self._bad = number, [], {}, ""
        return done

    def cell(self, kind: int, at: int, size: int) -> None:
        """A record of one cell, or of several beside each other."""
        _, column, look = _HEAD.unpack_from(self._octets, at)
        if kind == MANY:
            for place in range(at + 4, at + size - 7, 6):
                (look,) = U16.unpack_from(self._octets, place)
                self._put(column, self._shown(column, small(self._octets, place + 2), look))
                column += 1
            return
        self._put(column, "")
        if kind in FORMULAS:
            self._formulas[letters(column)] = None
        try:
            self._cells[column] = self._value(kind, at, size, column, look)
        except _UNREADABLE:
            self._spoil(f"a value that cannot be read in column {letters(column)}")

    def saved(self, at: int, size: int) -> None:
        """The text that a formula before it had."""
        if self._waiting >= 0:
            column, self._waiting = self._waiting, -1
            try:
                self._cells[column] = self._text(at, size, at)
            except _UNREADABLE:
                self._spoil(f"a value that cannot be read in column {letters(column)}")

    def _value(self, kind: int, at: int, size: int, column: int, look: int) -> str:
        octets = self._octets
        if kind == SHARED:
            return self._texts[U32.unpack_from(octets, at + 6)[0]]
        if kind == SMALL:
            return self._shown(column, small(octets, at + 6), look)
        if kind == TRUTH:
            return self._truth(octets[at + 6], column, is_error=octets[at + 7] != 0)
        if kind in FORMULAS and octets[at + 12 : at + 14] == b"\xff\xff":
            return self._calculated(octets[at + 6], octets[at + 8], column)
        if kind in {*FORMULAS, NUMBER}:
            return self._shown(column, DOUBLE.unpack_from(octets, at + 6)[0], look)
        return self._text(at, size, at + 6)

    def _calculated(self, kind: int, value: int, column: int) -> str:
        """What a formula gave that is no number: a text (which follows), yes or no, an error, nothing."""
        if kind == 0:
            self._waiting = column
            return ""
        return "" if kind == 3 else self._truth(value, column, is_error=kind != 1)  # noqa: PLR2004 - an empty text

    def _truth(self, value: int, column: int, *, is_error: bool) -> str:
        if is_error:
            self._spoil(f"an error instead of a value in column {letters(column)}")
            return ""
        return _YES[value]

    def _shown(self, column: int, value: float, look: int) -> str:
        if not math.isfinite(value):
            self._spoil(f"a value that cannot be read in column {letters(column)}")
            return ""
        return self._numbers.text(repr(value), str(look))

    def _text(self, at: int, size: int, begin: int) -> str:
        if not self._charset:
            return Pieces(self._octets, at, size).text(begin)
        (count,) = U16.unpack_from(self._octets, begin)
        return self._octets[begin + 2 : min(begin + 2 + count, at + size)].decode(self._charset)

    def _put(self, column: int, value: str) -> None:
        held = len(self._cells)
        if column >= COLUMNS:
            raise ValueError("no such column")
        if column < held:
            self._cells[column] = value
            return
        self._cells += [""] * (column - held)
        self._cells.append(value)

    def _settle(self) -> None:
        if self._waiting >= 0:
            self._spoil(f"a formula without a saved value in column {letters(self._waiting)}")
            self._waiting = -1

    def _spoil(self, why: str) -> None:
        self._bad = self._bad or why
