"""XLSX as a stream: the rows of its sheets from their XML, a piece at a time. Owns cells; merges are spread elsewhere.

A reader that holds a sheet needs 2 KB a row; this holds one piece of XML and the texts that cells share, packed
(ECMA-376-1, 18.3 and 18.4). A formula is never calculated: its saved value counts. No document type is read, so that
no entity can grow or reach out.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final
from xml.parsers import expat

from connectors.reading_rows import Row, letters, text_of
from connectors.reading_xlsx_numbers import Numbers
from connectors.reading_xlsx_texts import Attributes, Gathered, Texts, fed, new_parser, prefix_of

#: Bytes of a part that is neither a sheet nor texts.
PART_LIMIT: Final = 8 * 1_048_576
ROWS, COLUMNS = 1_048_576, 16_384
#: Cells further right are not read: a row that has some is refused for its width.
KEPT: Final = 256
WORKBOOK: Final = "xl/workbook.xml"
UNREADABLE: Final = (zipfile.BadZipFile, expat.ExpatError, ValueError, KeyError, IndexError, EOFError, OSError)
_DIGITS: Final = "0123456789"
_TRUTH: Final = {"1": "Y", "true": "Y", "0": "N", "false": "N"}


class Xlsx:
    """An open workbook: its visible worksheets by name and part, its texts and number formats."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Raises one of `UNREADABLE`."""
        self._archive = archive
        self._parts = {name.replace("\\", "/").lower(): name for name in archive.namelist()}
        self._epoch_1904 = False
        self._named: list[tuple[str, str]] = []
        self._each(WORKBOOK, self._workbook)
        targets: dict[str, str] = {}
        others: dict[str, str] = {}
        self._each("xl/_rels/workbook.xml.rels", lambda name, told: _related(name, told, targets, others))
        self.sheets = [(name, self._part(targets[id_])) for name, id_ in self._named if id_ in targets]
        if len({part for _, part in self.sheets}) < len(self.sheets):
            raise ValueError("sheets that are one")  # it would be read again and again
        numbers = Numbers(epoch_1904=self._epoch_1904)
        if "styles" in others:
            self._each(others["styles"], numbers.hear)
        self._numbers = numbers
        self._texts = Texts()
        if "sharedStrings" in others:
            with archive.open(self._part(others["sharedStrings"])) as handle:
                self._texts.read(handle)

    def rows(self, part: str) -> Iterator[Row]:
        """The rows of a sheet that are there, as they come. Raises one of `UNREADABLE` where it cannot go on."""
        sheet = _Sheet(self._texts, self._numbers)
        with self._archive.open(part) as handle:
            try:
                for _ in fed(handle, sheet.parser):
                    yield from sheet.taken()
            except UNREADABLE:
                yield from sheet.taken()  # those before the damage
                raise

    def _part(self, target: str) -> str:
        """The name of a part in the archive. Targets are relative to the workbook, or begin with a slash."""
        return self._parts[(target[1:] if target.startswith("/") else f"xl/{target}").lower()]

    def _each(self, part: str, hear: Callable[[str, Attributes], None]) -> None:
        """Every element of a small part, by its name without a prefix."""
        name = self._parts[part.lower()] if part.lower() in self._parts else self._part(part)
        if self._archive.getinfo(name).file_size > PART_LIMIT:
            raise ValueError(f"more than {PART_LIMIT} bytes")
        parser = new_parser()
        parser.StartElementHandler = lambda tag, told: hear(tag.rpartition(":")[2], told)
        with self._archive.open(name) as handle:
            for _ in fed(handle, parser):
                pass

    def _workbook(self, name: str, told: Attributes) -> None:
        if name == "workbookPr":
            self._epoch_1904 = told.get("date1904") in {"1", "true"}
        elif name == "sheet" and told.get("state", "visible") == "visible":
            self._named.append((told["name"], next(id_ for key, id_ in told.items() if key.endswith(":id"))))


def _related(name: str, told: Attributes, sheets: dict[str, str], others: dict[str, str]) -> None:
    """Relations of the workbook: worksheets by their id, other parts by their kind."""
    if name == "Relationship":
        kind = told["Type"].rpartition("/")[2]
        if kind == "worksheet":
            sheets[told["Id"]] = told["Target"]
        else:
            others[kind] = told["Target"]


class _Sheet:
    """Hears the elements of a sheet and makes rows of them."""

    def __init__(self, texts: Texts, numbers: Numbers) -> None:
        self.parser = new_parser()
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._root, self._end
        self._texts, self._numbers = texts, numbers
        self._names: Mapping[str, str] = {}
        self._columns: dict[str, int] = {}
        self._rows: list[Row] = []
        self._number, self._cells = 0, list[str]()
        self._formulas, self._bad = list[str](), ""
        self._column, self._kind, self._style = -1, "n", ""
        self._text = Gathered()
        self._has_formula = self._is_reading = False

    def taken(self) -> list[Row]:
        """The rows that are complete since the last time."""
        rows, self._rows = self._rows, []
        return rows

    def _root(self, name: str, _: Attributes) -> None:
        before = prefix_of(name)
        self._names = {before + local: local for local in ("c", "v", "f", "t", "row", "rPh")}
        self.parser.StartElementHandler = self._start

    def _start(self, name: str, told: Attributes) -> None:
        local = self._names.get(name)
        if local == "c":
            place = told.get("r")
            self._column = self._place(place.rstrip(_DIGITS)) if place else self._column + 1
            self._kind, self._style = told.get("t", "n"), told.get("s", "")
            self._has_formula = False
            self._text.clear()
        elif local in {"v", "t"} and not self._is_reading:
            self.parser.CharacterDataHandler = self._text.add
        elif local == "f":
            self._has_formula = True
        elif local == "rPh":
            self._is_reading = True  # a guide to pronunciation, not the text
        elif local == "row":
            self._number = int(told.get("r") or self._number + 1)
            if not 1 <= self._number <= ROWS:
                raise ValueError("no such row")
            self._cells, self._formulas, self._bad, self._column = [], [], "", -1

    def _end(self, name: str) -> None:
        local = self._names.get(name)
        if local == "c":
            self._put(self._value())
        elif local == "row":
            self._rows.append(Row(self._number, self._cells, tuple(self._formulas), self._bad))
        elif local is not None:
            self.parser.CharacterDataHandler = None
            self._is_reading = self._is_reading and local != "rPh"

    def _place(self, name: str) -> int:
        """A column's place by its letters."""
        found = self._columns.get(name)
        if found is None:
            found = 0
            for letter in name:
                found = found * 26 + ord(letter) - 64
            self._columns[name] = found = found - 1
        return found

    def _put(self, value: str) -> None:
        column, held = self._column, len(self._cells)
        if not 0 <= column < COLUMNS:
            raise ValueError("no such column")
        if column == held:
            self._cells.append(value)
        elif column > held:
            self._cells += [""] * (column - held)
            self._cells.append(value)
        else:
            self._cells[column] = value

    def _value(self) -> str:
        """The cell's text; what keeps it from having one stands in `_bad`."""
        text = self._text.held()
        if self._has_formula and self._column < KEPT:
            if not text and self._kind != "str":
                self._bad = self._bad or f"a formula without a saved value in column {letters(self._column)}"
                return ""
            self._formulas.append(letters(self._column))
        if not text or self._column >= KEPT:
            return text[:1]
        if self._kind == "n":
            return self._numbers.text(text, self._style)
        try:
            return self._other(text)
        except (KeyError, ValueError, IndexError):
            self._bad = self._bad or f"a value that cannot be read in column {letters(self._column)}"
            return ""

    def _other(self, text: str) -> str:
        """Of any kind but a number's. Raises `KeyError`, `ValueError` or `IndexError`."""
        if self._kind == "s":
            return self._texts[int(text)]
        if self._kind in {"str", "inlineStr"}:
            return text
        if self._kind == "b":
            return _TRUTH[text]
        if self._kind == "d":
            return text if text.endswith("Z") else text_of(datetime.fromisoformat(text))
        if self._kind == "e":
            self._bad = self._bad or f"an error instead of a value in column {letters(self._column)}"
            return ""
        raise ValueError(self._kind)
