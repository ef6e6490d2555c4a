"""A report as a workbook. Owns looks: every cell is text (what is typed stays as typed), what to mend is colored."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

from connectors.reading_report import harmless

#: Rows that decide how wide columns are.
LOOKED_AT: Final = 60
NARROW, BROAD, BROADEST = 8, 30, 60
HEIGHT: Final = 17  # points of a line
#: The letters of Korean spreadsheets.
FACE: Final = "맑은 고딕"
_TITLE: Final = re.compile(r"[\\*?:/\[\]\x00-\x1f]")
_TITLE_LIMIT: Final = 31
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
    """A workbook that is written row by row."""

    def __init__(self) -> None:
        self._book = Workbook(write_only=True)
        self._sheet: Any = None
        self._name = ""
        self._first: list[Line] = []
        self._header: Sequence[str] = ()
        self._own = self._line = 0
        self._cells: dict[str, Any] = {}

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
            self._sheet = self._book.create_sheet(_TITLE.sub(" ", sheet)[:_TITLE_LIMIT])
            self._name, self._header, self._own, self._cells = sheet, header, len(own), {}
        line = (own, ours, bad, mend)
        if self._header:
            self._first.append(line)
            if len(self._first) == LOOKED_AT:
                self._begin()
        else:
            self._append(line)

    def save(self, target: Path) -> None:
        """Write it there."""
        self._begin()
        if self._sheet is None:
            self._book.create_sheet()
        self._book.save(target)

    def _begin(self) -> None:
        """The header, once enough rows are known; widths come before rows in a file."""
        if not self._header:
            return
        self._sheet.freeze_panes = "A2"
        # Printed, a row stays one line of one page.
        self._sheet.page_setup.orientation = "landscape"
        self._sheet.page_setup.fitToHeight = 0
        self._sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        for place, title in enumerate(self._header):
            most = BROAD if place < self._own else BROADEST
            found = [_width(title) + 2, *(_width(_at(line, place)) + 1 for line in self._first)]
            self._sheet.column_dimensions[get_column_letter(place + 1)].width = min(most, max(NARROW, *found))
        heads = [self._cell(title, "head" if n < self._own else "our_head") for n, title in enumerate(self._header)]
        self._sheet.append(heads)
        self._line = 1
        self._header = ()
        for line in self._first:
            self._append(line)
        self._first = []

    def _append(self, line: Line) -> None:
        own, ours, bad, mend = line
        plain = "bad" if bad else "own"
        row = [self._cell(text, "mend" if place in mend else plain) for place, text in enumerate(own)]
        self._line += 1
        lines = max((-(-_width(text) // BROADEST) for text in ours), default=1)
        if lines > 1:
            self._sheet.row_dimensions[self._line].height = HEIGHT * lines
        self._sheet.append(row + [self._cell(text, "our_bad" if bad else "ours") for text in ours])

    def _cell(self, text: str, look: str) -> Any:  # noqa: ANN401 - openpyxl has no types
        """A cell of text. Copies the look of the first of its kind: making a style anew takes longer than the rest."""
        cell = WriteOnlyCell(self._sheet)
        made = self._cells.get(look)
        if made is None:
            cell.number_format = "@"
            cell.alignment = Alignment(vertical="top", wrap_text=look.startswith("our"))
            cell.font = Font(name=FACE, size=10, bold=look.endswith("head"))
            if _INK[look]:
                cell.fill = PatternFill("solid", start_color=_INK[look])
            self._cells[look] = cell
        else:
            cell._style = made._style  # type: ignore[attr-defined]  # noqa: SLF001 - as openpyxl itself copies a look
        cell.value = harmless(ILLEGAL_CHARACTERS_RE.sub("", text))
        cell.data_type = "s"
        return cell


def _at(line: Line, place: int) -> str:
    both = (*line[0], *line[1])
    return both[place] if place < len(both) else ""


def _width(text: str) -> int:
    """Columns of a screen: Korean letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text[: 8 * BROADEST])
