"""Spreadsheets as agencies keep them (CSV in CP949 or UTF-8, XLSX, XLS) to rows of text beside their header.

Owns charsets, title rows, merged cells and the guards against files made to exhaust memory. Never interprets a cell:
a header is told from a title by its shape, not by its words.
"""

from __future__ import annotations

import codecs
import csv
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

import msgspec
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from connectors.reading_report import ReportColumns

ZIP: Final = b"PK\x03\x04"
OLE: Final = b"\xd0\xcf\x11\xe0"
UNPACKED_LIMIT: Final = 128 * 1_048_576  # bytes of all parts of a workbook together
PACKED_LIMIT: Final = 32 * 1_048_576  # bytes of the file
CELLS_LIMIT: Final = 2_000_000  # cells of the rectangle that one sheet spans
LINE_LIMIT: Final = 1_048_576  # characters of one line
CELL_LIMIT: Final = 10_000
COLUMNS_LIMIT: Final = 100
HEADER_WITHIN: Final = 30  # rows from the top
HEADER_CELLS: Final = 3
LABEL_LIMIT: Final = 40  # characters of a column title

_NUMBERISH: Final = re.compile(r"[\d\s.,:/-]+")
_PLACE_LENGTH: Final = 16  # bytes of `r="XFD1048576"` and what is before it
_PLACE: Final = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')


class Broken(msgspec.Struct, frozen=True):
    """What could not be read: the file, the row as people count it (0: the whole file), why. Quotes no content."""

    path: str
    row: int
    reason: str


class Line(msgspec.Struct, frozen=True):
    """One row: `row` from 1 as the sheet shows it; `sheet` its name, '' in a CSV."""

    row: int
    header: list[str]
    cells: list[str]
    sheet: str = ""


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


def _csv_rows(reader: Iterator[list[str]], lines: _Bounded, path: Path) -> Iterator[tuple[int, list[str]] | Broken]:
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
            yield lines.number, cells


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
    if reason := _dangerous(path):
        yield Broken(str(path), 0, reason)
        return
    try:
        book = CalamineWorkbook.from_path(path)
        shown = [
            held.name
            for held in book.sheets_metadata
            if held.visible == SheetVisibleEnum.Visible and held.typ == SheetTypeEnum.WorkSheet
        ]
        for name in shown:
            yield from _sheet_lines(book.get_sheet_by_name(name), path)
    except (CalamineError, zipfile.BadZipFile, ValueError):
        yield Broken(str(path), 0, "not a readable workbook")


def _sheet_lines(sheet: CalamineSheet, path: Path) -> Iterator[Line | Broken]:
    start = sheet.start or (0, 0)
    left = [""] * start[1]  # empty rows above are given, empty columns are not
    rows = ([*left, *map(_text, row)] for row in sheet.iter_rows())
    yield from _below_header(enumerate(_spread(rows, sheet.merged_cell_ranges or []), 1), path, sheet.name)


def _spread(
    rows: Iterable[list[str]], ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]]
) -> Iterator[list[str]]:
    """A cell merged over several rows says the same for each of them. Merged sideways it is a title."""
    begin: dict[int, list[tuple[int, int]]] = {}
    for (top, column), (bottom, _) in ranges:
        if bottom > top:
            begin.setdefault(top, []).append((column, bottom))
    held: dict[int, tuple[int, str]] = {}  # column → last row, text
    for number, row in enumerate(rows):
        for column, (bottom, text) in list(held.items()):
            if number > bottom:
                del held[column]
            elif column < len(row) and not row[column]:
                row[column] = text
        held |= {column: (bottom, row[column]) for column, bottom in begin.get(number, ()) if column < len(row)}
        yield row


def _below_header(rows: Iterable[tuple[int, list[str]] | Broken], path: Path, sheet: str) -> Iterator[Line | Broken]:
    """Rows as lines, once the header is found among the first rows; titles above it are skipped."""
    header: list[str] = []
    ours: ReportColumns | None = None
    seen = 0
    for item in rows:
        if isinstance(item, Broken):
            yield item
            continue
        number, cells = item
        if ours:
            number, cells = ours.restored(number, cells)
        filled = [cell for cell in cells if cell.strip()]
        seen += bool(filled)
        if header and filled:
            yield _line(number, header, cells, path, sheet)
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


def _text(cell: object) -> str:
    """A cell as a person reads it: whole numbers without a point, days without a midnight."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "Y" if cell else "N"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:  # noqa: PLR2004 - exact in a float
        return str(int(cell))
    if isinstance(cell, datetime):
        day, clock = cell.date().isoformat(), cell.time()
        return day if not (clock.hour or clock.minute or clock.second) else f"{day} {clock:%H:%M:%S}"
    return cell.isoformat() if isinstance(cell, date) else "" if cell is None else str(cell)


def _dangerous(path: Path) -> str:
    """Why a workbook must not be opened, '' when it may. Looks at sizes and at the far corner of each sheet only."""
    if path.stat().st_size > PACKED_LIMIT:
        return f"larger than {PACKED_LIMIT} bytes"
    if not zipfile.is_zipfile(path):
        return ""  # XLS, which packs nothing
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > UNPACKED_LIMIT:
                return f"unpacks to more than {UNPACKED_LIMIT} bytes"
            sheets = [part for part in archive.infolist() if "worksheets/" in part.filename]
            if any(_spans(archive, part) > CELLS_LIMIT for part in sheets):
                return f"a sheet spans more than {CELLS_LIMIT} cells"
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        return "not a readable workbook"
    return ""


def _spans(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> int:
    """Cells of the rectangle up to the farthest cell, which the reader would hold in memory."""
    rows = columns = 0
    with archive.open(part) as handle:
        rest = b""
        while chunk := handle.read(LINE_LIMIT):
            held = rest + chunk
            rest = held[-_PLACE_LENGTH:]  # a place may be cut in two
            for name, row in set(_PLACE.findall(held)):
                rows, columns = max(rows, int(row)), max(columns, _column(name))
    return rows * columns


def _column(name: bytes) -> int:
    number = 0
    for letter in name:
        number = number * 26 + letter - 64
    return number
