"""XLS as a stream: the rows of its sheets from their records, one at a time ([MS-XLS], and Excel 95 before it).

Owns what holds for a whole workbook or sheet; cells are `connectors.reading_xls_cells`'. The records are held as they
are in the file, and nothing is made of what a sheet claims to be: a cell in the far corner, a text that a million
cells share or a thousand sheets cost no more than their own octets.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from connectors.reading_ole import workbook
from connectors.reading_rows import Row
from connectors.reading_xls_cells import Line
from connectors.reading_xls_records import (
    CELLS,
    CODE_PAGE,
    DATES,
    FORMAT,
    LOOK,
    MERGED,
    PASSWORD,
    SAVED,
    SHEET,
    TEXTS,
    U16,
    U32,
    Record,
    cells_in_order,
    merged,
    part,
)
from connectors.reading_xls_texts import RECORD, Octets, Pieces, Shared
from connectors.reading_xlsx_numbers import Numbers

UNREADABLE: Final = (ValueError, KeyError, IndexError, OverflowError, OSError, struct.error)
COLUMNS: Final = 256
#: More sheets, formats and looks together, or letters of a format than programs write.
SHEETS, LOOKS, CODE = 1_000, 70_000, 256
_WORKSHEET: Final = 0x10
_EXCEL_97: Final = 0x600
_VERSIONS: Final = frozenset({0x500, _EXCEL_97})
_HEAD: Final = struct.Struct("<HHH")
_KOREAN: Final = "cp949"
_YES: Final = ("N", "Y")


class Sheet(msgspec.Struct, frozen=True):
    """A visible worksheet: its name and where its records begin."""

    name: str
    at: int


class Xls:
    """A workbook whose sheets are known to be whole. Its rows are read from its octets, which it holds."""

    def __init__(self, path: Path) -> None:
        """Raises one of `UNREADABLE`."""
        with path.open("rb") as handle:
            self._octets = workbook(handle, path.stat().st_size)
        self._texts = Shared()
        self._numbers = Numbers(epoch_1904=False)
        self._charset = _KOREAN
        self._is_97 = True
        self._unordered: set[int] = set()
        self.sheets = list(self._globals())

    def merged(self) -> Iterator[tuple[int, int, int, int]]:
        """Cells merged over rows: where their sheet begins, column from 0, first and last row from 1.

        Looks through every sheet, so that damage is found. Raises one of `UNREADABLE`.
        """
        end = 0
        for begin in sorted(sheet.at for sheet in self.sheets):
            if begin < end:
                raise ValueError("sheets that overlap")  # each would be read again and again
            for kind, at, size in self._looked_through(begin):
                end = at
                if kind == MERGED:
                    yield from ((begin, *cell) for cell in merged(self._octets, at, size))

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """The rows of a sheet that hold something. Raises one of `UNREADABLE`."""
        octets, line = self._octets, Line(self._octets, self._texts, self._numbers, self._old_charset)
        told = cells_in_order if sheet.at in self._unordered else part
        for kind, at, size in told(octets, sheet.at):
            if kind in CELLS:
                if (done := line.reach(U16.unpack_from(octets, at)[0])) is not None:
                    yield done
                line.cell(kind, at, size)
            elif kind == SAVED:
                line.saved(at, size)
        if (done := line.reach(-1)) is not None:
            yield done

    @property
    def _old_charset(self) -> str:
        """Of texts in single octets; '' where letters say themselves how wide they are."""
        return "" if self._is_97 else self._charset

    def _globals(self) -> Iterator[Sheet]:
        """Hears what holds for all sheets; gives those that are visible."""
        octets = self._octets
        found: list[int] = []
        looks: list[int] = []
        self._is_97 = _version(octets) == _EXCEL_97
        for kind, at, size in part(octets, 0):
            if kind == PASSWORD:
                raise ValueError("a password")
            if kind == CODE_PAGE:
                self._charset = _charset(U16.unpack_from(octets, at)[0])
            elif kind == DATES and octets[at]:
                self._numbers = Numbers(epoch_1904=True)
            elif kind in {FORMAT, LOOK}:
                looks.append(at)
            elif kind == SHEET and not octets[at + 4] & 3 and not octets[at + 5]:
                found.append(at)
            elif kind == TEXTS:
                self._texts.read(octets, at, size)
            if len(found) > SHEETS or len(looks) > LOOKS:
                raise ValueError("more than any program writes")
        self._hear_looks(looks)
        for at in found:
            yield Sheet(self._name(at + 6), U32.unpack_from(octets, at)[0])

    def _hear_looks(self, looks: list[int]) -> None:
        """Formats of numbers, and which look of a cell has which."""
        octets = self._octets
        self._numbers.hear("cellXfs", {})
        for at in looks:
            kind, size = RECORD.unpack_from(octets, at - RECORD.size)
            if kind == LOOK:
                self._numbers.hear("xf", {"numFmtId": str(U16.unpack_from(octets, at + 2)[0])})
            else:
                told = {"numFmtId": str(U16.unpack_from(octets, at)[0]), "formatCode": self._code(at, size)}
                self._numbers.hear("numFmt", told)

    def _code(self, at: int, size: int) -> str:
        """A format; none where it is cut, which makes its cells numbers."""
        if self._is_97:
            try:
                return Pieces(self._octets, at, size).text(at + 2)[:CODE]
            except (IndexError, ValueError, struct.error):
                return ""
        return self._octets[at + 3 : at + 3 + self._octets[at + 2]].decode(self._charset, "replace")

    def _name(self, at: int) -> str:
        count = self._octets[at]
        if not self._is_97:
            return self._octets[at + 1 : at + 1 + count].decode(self._charset, "replace")
        wide = self._octets[at + 1] & 1
        return self._octets[at + 2 : at + 2 + (count << wide)].decode("utf-16-le" if wide else "latin-1", "replace")

    def _looked_through(self, begin: int) -> Iterator[Record]:
        """The records of a sheet, known to be whole behind the last. Raises one of `UNREADABLE`."""
        octets, row = self._octets, 0
        if U16.unpack_from(octets, begin + 6)[0] != _WORKSHEET:
            raise ValueError("no worksheet")
        for kind, at, size in part(octets, begin):
            if kind in CELLS:
                number = U16.unpack_from(octets, at)[0]
                if size < CELLS[kind]:
                    raise ValueError("a cell is cut")
                if number < row:
                    self._unordered.add(begin)
                row = number
            yield kind, at, size


def _version(octets: Octets) -> int:
    version: int = U16.unpack_from(octets, RECORD.size)[0]
    if version not in _VERSIONS:
        raise ValueError("no such version")
    return version


def _charset(page: int) -> str:
    try:
        return codecs.lookup(f"cp{page}").name
    except LookupError:
        return _KOREAN
