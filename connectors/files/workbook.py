"""A report as a workbook. Owns looks: every cell is text (what is typed stays as typed), what to mend is colored."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError

from connectors.reading_report import harmless

#: Rows that decide how wide columns are.
LOOKED_AT: Final = 60
NARROW, BROAD, BROADEST = 8, 30, 60
HEIGHT: Final = 17  # points of a line
#: The letters of Korean spreadsheets.
FACE: Final = "맑은 고딕"
_TITLE: Final = re.compile(r"[\\*?:/\[\]\x00-\x1f]")
_TITLE_LIMIT: Final = 31
#: Characters of a cell; what no XML can hold.
_LIMIT: Final = 32_767
_ILLEGAL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_INK: Final = {
    "head": "D9D9D9",
    "our_head": "BDD7EE",
    "own": "",
    "ours": "F2F7FC",
    "bad": "FCE4E4",
    "our_bad": "FCE4E4",
    "mend": "FF9C9C",
}
Line = tuple[Sequence[str], Sequence[str], bool, frozenset[int]]


class Book:
    """A workbook that is written row by row: only the row at hand is in memory, those before it in a folder.

    A context manager: the folder does not outlive it, whatever happens.
    """

    def __init__(self, target: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._book = Workbook(str(target), {"constant_memory": True, "tmpdir": self._folder.name})
        self._looks = {look: self._book.add_format(_look(look)) for look in _INK}
        self._sheet: Any = None
        self._name = ""
        self._first: list[Line] = []
        self._header: Sequence[str] = ()
        self._own = self._line = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sheet in self._book.worksheets():
            with suppress(OSError):  # a full disk: what was not written is not wanted any more
                sheet.row_data_fh.close()
        self._folder.cleanup()

    def add(
        self,
        sheet: str,
        header: Sequence[str],
        own: Sequence[str],
        ours: Sequence[str],
        *,
        bad: bool,
        mend: frozenset[int],
    ) -> None:
        """A row behind the others of its sheet; the first of a sheet opens it."""
        if sheet != self._name:
            self._begin()
            self._sheet = self._book.add_worksheet(self._title(sheet))
            self._name, self._header, self._own = sheet, header, len(own)
        line = (own, ours, bad, mend)
        if self._header:
            self._first.append(line)
            if len(self._first) == LOOKED_AT:
                self._begin()
        else:
            self._append(line)

    def save(self) -> None:
        """Write it. Raises `OSError`."""
        self._begin()
        try:
            self._book.close()
        except FileCreateError as error:
            raise OSError(str(error)) from error

    def _title(self, sheet: str) -> str:
        """A name that spreadsheets take and that no other sheet has."""
        plain = title = _TITLE.sub(" ", sheet)[:_TITLE_LIMIT].strip("'") or " "
        taken = {one.get_name().lower() for one in self._book.worksheets()}
        count = 1
        while title.lower() in taken:
            count += 1
            title = f"{plain[: _TITLE_LIMIT - 5]} {count}"
        return title

    def _begin(self) -> None:
        """The header, once enough rows are known."""
        if not self._header:
            return
        self._sheet.freeze_panes(1, 0)
        # Printed, a row stays one line of one page.
        self._sheet.set_landscape()
        self._sheet.fit_to_pages(1, 0)
        for place, title in enumerate(self._header):
            most = BROAD if place < self._own else BROADEST
            found = [_width(title) + 2, *(_width(_at(line, place)) + 1 for line in self._first)]
            self._sheet.set_column(place, place, min(most, max(NARROW, *found)))
            self._put(0, place, title, "head" if place < self._own else "our_head")
        self._line = 0
        self._header = ()
        for line in self._first:
            self._append(line)
        self._first = []

    def _append(self, line: Line) -> None:
        own, ours, bad, mend = line
        self._line += 1
        lines = max((-(-_width(text) // BROADEST) for text in ours), default=1)
        if lines > 1:
            self._sheet.set_row(self._line, HEIGHT * lines)
        for place, text in enumerate(own):
            self._put(self._line, place, text, "mend" if place in mend else "bad" if bad else "own")
        for place, text in enumerate(ours, len(own)):
            self._put(self._line, place, text, "our_bad" if bad else "ours")

    def _put(self, row: int, column: int, text: str, look: str) -> None:
        """A cell of text."""
        if text:
            self._sheet.write_string(row, column, harmless(_ILLEGAL.sub("", text))[:_LIMIT], self._looks[look])
        else:
            self._sheet.write_blank(row, column, None, self._looks[look])


def _look(look: str) -> dict[str, Any]:
    """How a kind of cell looks."""
    ink = {"pattern": 1, "fg_color": f"#{_INK[look]}"} if _INK[look] else {}
    face = {"font_name": FACE, "font_size": 10, "bold": look.endswith("head")}
    return {"num_format": "@", "valign": "top", "text_wrap": look.startswith("our")} | face | ink


def _at(line: Line, place: int) -> str:
    both = (*line[0], *line[1])
    return both[place] if place < len(both) else ""


def _width(text: str) -> int:
    """Columns of a screen: Korean letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text[: 8 * BROADEST])
