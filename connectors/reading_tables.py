"""Spreadsheets as agencies keep them (CSV in CP949 or UTF-8, XLSX, XLS) to rows of text beside their header.

Owns charsets, title rows and the guards against lines made to exhaust memory. Never interprets a cell: a header is told
from a title by its shape, not by its words.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from connectors.reading_report import ReportColumns
from connectors.reading_rows import CELL_LIMIT, Row, notes
from connectors.reading_workbook import OLE, ZIP, Unusable, sheets

__all__ = ["OLE", "ZIP", "Broken", "Line", "charset", "csv_lines", "xlsx_lines"]

LINE_LIMIT: Final = 1_048_576  # characters of one line
COLUMNS_LIMIT: Final = 100
HEADER_WITHIN: Final = 30  # rows from the top
HEADER_CELLS: Final = 3
LABEL_LIMIT: Final = 40  # characters of a column title

_NUMBERISH: Final = re.compile(r"[\d\s.,:/-]+")


class Broken(msgspec.Struct, frozen=True):
    """What could not be read: the file, the row as people count it (0: the whole file), why. Quotes no content."""

    path: str
    row: int
    reason: str


class Line(msgspec.Struct, frozen=True):
    """One row: `row` from 1 as the sheet shows it; `sheet` its name, '' in a CSV.

    notes: what its sender should know of it, though it is taken.
    """

    row: int
    header: list[str]
    cells: list[str]
    sheet: str = ""
    notes: tuple[str, ...] = ()


def csv_lines(path: Path) -> Iterator[Line | Broken]:
    """The rows of a CSV below its header."""
    with path.open(encoding=charset(path), errors="surrogateescape", newline="") as handle:
        lines = _Bounded(handle.readline)
        first = lines.peek()
        reader = csv.reader(lines, delimiter=max(",\t;|", key=first.count))
        yield from _below_header(_csv_rows(reader, lines, path), path, "")
        if lines.ends_badly:
            yield Broken(str(path), lines.number + 1, "from here on the bytes are not in the charset of the file")


class _Bounded:
    """Lines of at most `LINE_LIMIT` characters; a longer one becomes empty and is remembered."""

    def __init__(self, readline: Callable[[int], str]) -> None:
        self._readline = readline
        self._ahead: list[str] = []
        self.number = 0
        self.too_long: set[int] = set()
        self.ends_badly = False

    def peek(self) -> str:
        """The first line, which is read again."""
        first = self._read()
        self._ahead.append(first)
        return first

    def __iter__(self) -> _Bounded:
        return self

    def __next__(self) -> str:
        line = self._ahead.pop() if self._ahead else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) <= LINE_LIMIT:
            return line
        while len(line) > LINE_LIMIT and not line.endswith("\n"):
            line = self._read()
        self.too_long.add(self.number)
        return "\n"

    def _read(self) -> str:
        try:
            return self._readline(LINE_LIMIT + 1)
        except UnicodeError:  # UTF-16 cut in the middle; of other charsets single bytes are kept and found later
            self.ends_badly = True
            return ""


def _csv_rows(reader: Iterator[list[str]], lines: _Bounded, path: Path) -> Iterator[Row | Broken]:
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Broken(
                str(path), lines.number, "no CSV here: a quotation mark is never closed, or a cell is too long"
            )
            continue
        if lines.number in lines.too_long:
            yield Broken(str(path), lines.number, f"the line is longer than {LINE_LIMIT} characters")
        elif not all(map(_is_text, cells)):
            yield Broken(str(path), lines.number, "bytes that are neither UTF-8 nor CP949")
        else:
            yield Row(lines.number, cells)


def _is_text(cell: str) -> bool:
    """Whether no byte of it was kept undecoded (a lone surrogate, which no encoder of UTF-8 takes)."""
    if cell.isascii():
        return True
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def charset(path: Path) -> str:
    """UTF-8 cannot be mistaken; whatever is not is CP949, the charset of Korean spreadsheets."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as handle:
        head = handle.read(2)
        if head in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            return "utf-16"
        handle.seek(0)
        try:
            while chunk := handle.read(LINE_LIMIT):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp949"
    return "utf-8-sig"


def xlsx_lines(path: Path) -> Iterator[Line | Broken]:
    """The rows of every visible sheet below its header."""
    try:
        for name, rows in sheets(path):
            yield from _below_header(rows, path, name)
    except Unusable as why:
        yield Broken(str(path), 0, str(why))


def _below_header(rows: Iterable[Row | Broken], path: Path, sheet: str) -> Iterator[Line | Broken]:
    """Rows as lines, once the header is found among the first rows; titles above it are skipped."""
    header: list[str] = []
    ours: ReportColumns | None = None
    seen = 0
    for row in rows:
        if isinstance(row, Broken):
            yield row
            continue
        number, cells = ours.restored(row.number, row.cells) if ours else (row.number, row.cells)
        filled = [cell for cell in cells if cell.strip()]
        seen += bool(filled)
        if header and row.bad:
            yield Broken(str(path), number, row.bad)
        elif header and filled:
            line = _line(number, header, cells, path, sheet)
            told = notes(row, cells)
            yield msgspec.structs.replace(line, notes=told) if told and isinstance(line, Line) else line
        elif not header and _is_header(filled):
            header = [cell.strip() for cell in _trimmed(cells)]
            if ours := ReportColumns.among(header):
                header = _trimmed(ours.without(header))
        elif not header and seen > HEADER_WITHIN:
            break
    if seen and not header:
        yield Broken(str(path), 0, f"no header among the first {HEADER_WITHIN} rows")


def _line(number: int, header: list[str], cells: list[str], path: Path, sheet: str) -> Line | Broken:
    if len(_trimmed(cells)) > COLUMNS_LIMIT or len(header) > COLUMNS_LIMIT:
        return Broken(str(path), number, f"more than {COLUMNS_LIMIT} columns")
    if any(len(cell) > CELL_LIMIT for cell in cells):
        return Broken(str(path), number, f"a cell is longer than {CELL_LIMIT} characters")
    if len([cell for cell in cells if cell.strip()]) == 1:
        return Broken(str(path), number, "only one cell is filled: a remark, no row")
    width = max(len(header), len(_trimmed(cells)))
    return Line(number, header, [cell.strip() for cell in (cells + [""] * width)[:width]], sheet)


def _is_header(filled: list[str]) -> bool:
    """Several different words, none of them a number or a date."""
    return (
        len(filled) >= HEADER_CELLS
        and len(set(filled)) == len(filled)
        and not any(_NUMBERISH.fullmatch(cell) or len(cell) > LABEL_LIMIT for cell in filled)
    )


def _trimmed(cells: list[str]) -> list[str]:
    """Without the empty cells at the end."""
    last = max((place for place, cell in enumerate(cells) if cell.strip()), default=-1)
    return cells[: last + 1]
