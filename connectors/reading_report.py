"""The columns the hub adds when it writes a clerk's own file back, and how they are taken off again.

A report is dropped again after its refused rows were mended: without these columns, with its rows at their former
numbers and its list under its former name, an unchanged row is the same event. Owns names and reversal; what stands in
the columns is `connectors.files.report`'s.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Self

import msgspec

#: In this order, behind the clerk's own columns. The first and the last but one tell a report from any other file.
NUMBER, STATE, HOLDER, DUE, ERROR, ROW = "이음번호", "상태", "담당기관", "다음기한", "오류(칸·사유)", "원본행"
COLUMNS: Final = (NUMBER, STATE, HOLDER, DUE, ERROR, ROW)
#: Behind a column's name where the clerk has one of the same name.
OURS: Final = " (이음)"
#: Sheet of a workbook that reports on a file without sheets.
CSV_SHEET: Final = "이음 회신"
#: What a spreadsheet would take for a formula when it stands first in a cell.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r＝＋－＠]")
_GUARDED: Final = re.compile(r"'+[=+\-@\t\r＝＋－＠]")
_REPORT: Final = re.compile(r"\.report(?: ?\(\d+\)| - (?:복사본|Copy))*$")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ROWS: Final = 10_000_000


class ReportColumns(msgspec.Struct, frozen=True):
    """Which columns of a sheet are the hub's."""

    ours: frozenset[int]
    row: int

    @classmethod
    def among(cls, header: Sequence[str]) -> Self | None:
        """None for a header that is no report's."""
        last = {title: place for place, title in enumerate(header)}
        places = {column: last.get(column + OURS, last.get(column, -1)) for column in COLUMNS}
        if places[NUMBER] < 0 or places[ERROR] < 0:
            return None
        return cls(frozenset(place for place in places.values() if place >= 0), places[ROW])

    def without(self, cells: Sequence[str]) -> list[str]:
        """The clerk's own cells, without what made them harmless."""
        own = (cell for place, cell in enumerate(cells) if place not in self.ours)
        return [cell[1:] if _GUARDED.match(cell) else cell for cell in own]

    def restored(self, number: int, cells: Sequence[str]) -> tuple[int, list[str]]:
        """Number and cells as they were in the file that was reported on. A row that was added keeps its own number."""
        told = cells[self.row].strip() if 0 <= self.row < len(cells) else ""
        at = int(told) if told.isascii() and told.isdigit() and len(told) < len(str(_ROWS)) else 0
        return at or number, self.without(cells)


def harmless(cell: str) -> str:
    """A cell that no spreadsheet calculates: an apostrophe before what looks like a formula."""
    return "'" + cell if _FORMULA.match(cell) else cell


def list_name(file: str) -> str:
    """What a file's list is called: its name without ending, a report's as the file it reports on.

    A name that is no UTF-8 (old transfer programs) is read as CP949; control characters become spaces; syllables
    that are written letter by letter (macOS) are put together, or the same list would be another one.
    """
    stem = os.path.splitext(file)[0]  # noqa: PTH122 - a name, not a path: it may hold anything
    name = unicodedata.normalize("NFC", readable(stem))
    return _CONTROL.sub(" ", _REPORT.sub("", name)) or " "


def is_report(file: str) -> bool:
    """Whether a file of this name is one that was written back."""
    return bool(_REPORT.search(os.path.splitext(file)[0]))  # noqa: PTH122 - a name, not a path


def readable(name: str) -> str:
    """A file's name as text that can be encoded."""
    raw = os.fsencode(name)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp949", errors="replace")
