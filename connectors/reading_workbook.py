"""Workbooks (XLSX, XLS) to rows, sheet by sheet. Owns what is opened at all, and cells that are merged over rows.

XLSX is streamed from its XML (`connectors.reading_xlsx`), XLS from its records (`connectors.reading_xls`).
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from connectors.reading_rows import Row
from connectors.reading_xls import UNREADABLE as UNREADABLE_XLS
from connectors.reading_xls import Xls
from connectors.reading_xlsx import KEPT, UNREADABLE, WORKBOOK, Xlsx

ZIP: Final = b"PK\x03\x04"
UNPACKED_LIMIT: Final = 128 * 1_048_576  # bytes of all parts of a workbook together: some 200,000 rows of eight columns
PACKED_LIMIT: Final = 32 * 1_048_576  # bytes of the file
MERGED_LIMIT: Final = 50_000  # cells of one sheet (of an XLS: of all) that are merged over rows
PIECE: Final = 1_048_576
REMEDY: Final = "save it as CSV, or split it"
_OVERLAP: Final = 512  # bytes that the description of a merged cell takes at most
_MERGED: Final = re.compile(rb'mergeCell\s[^>]{0,400}?ref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"')
_BAD_ARCHIVE: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)


class Unusable(Exception):  # noqa: N818 - it is no error of ours: a workbook that is not read, or not to its end
    """Why a workbook is not read (any further), without quoting it."""


class Merged(msgspec.Struct, frozen=True):
    """A cell that stands for several rows: the place of its column from 0, its first and last row from 1."""

    column: int
    top: int
    bottom: int


def sheets(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    """Every visible sheet by its name, with its rows. Both raise `Unusable`."""
    with path.open("rb") as handle:
        packed = handle.read(len(ZIP)) == ZIP
    if path.stat().st_size > PACKED_LIMIT:
        raise Unusable(f"larger than {PACKED_LIMIT} bytes: {REMEDY}")
    yield from _xlsx(path) if packed else _xls(path)


def _xlsx(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > UNPACKED_LIMIT:
                raise Unusable(f"unpacks to more than {UNPACKED_LIMIT} bytes: {REMEDY}")
            if not any(name.replace("\\", "/").lower() == WORKBOOK for name in archive.namelist()):
                raise Unusable("no XLSX workbook: save it as XLSX or CSV")
            book = Xlsx(archive)
            # Every sheet is looked through before the first is read: what is damaged is refused as a whole.
            merged = {part: _merged(archive, part) for _, part in book.sheets}
            for name, part in book.sheets:
                yield name, _spread(_guarded(book.rows(part)), merged[part])
    except (*_BAD_ARCHIVE, *UNREADABLE) as error:
        raise Unusable("not a readable workbook") from error


def _guarded(rows: Iterator[Row]) -> Iterator[Row]:
    """Rows until the sheet cannot be read on."""
    number = 0
    try:
        for row in rows:
            number = row.number
            yield row
    except (*_BAD_ARCHIVE, *UNREADABLE, *UNREADABLE_XLS) as error:
        raise Unusable(f"from here on the workbook cannot be read, behind row {number}") from error


def _merged(archive: zipfile.ZipFile, part: str) -> list[Merged]:
    """Cells merged over rows, which a sheet tells at its end. Reads all of it, so that damage is found."""
    found: set[tuple[bytes, int, int]] = set()
    with archive.open(part) as handle:
        rest = b""
        while piece := handle.read(PIECE):
            held = rest + piece
            for column, top, bottom in _MERGED.findall(held):
                if int(bottom) > int(top):
                    found.add((column, int(top), int(bottom)))
            _bound(len(found))
            rest = held[-_OVERLAP:]  # a description may be cut in two
    cells = (Merged(_column(column), top, bottom) for column, top, bottom in found)
    return [cell for cell in cells if cell.column < KEPT]


def _bound(merged: int) -> None:
    if merged > MERGED_LIMIT:
        raise Unusable(f"more than {MERGED_LIMIT} merged cells: {REMEDY}")


def _column(name: bytes) -> int:
    number = 0
    for letter in name:
        number = number * 26 + letter - 64
    return number - 1


def _xls(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    try:
        book = Xls(path)
        found: set[tuple[int, int, int, int]] = set()
        for place in book.merged():
            found.add(place)
            _bound(len(found))
        merged: dict[int, list[Merged]] = {}
        for at, column, top, bottom in found:
            merged.setdefault(at, []).append(Merged(column, top, bottom))
        for sheet in book.sheets:
            yield sheet.name, _spread(_guarded(book.rows(sheet)), merged.get(sheet.at, ()))
    except UNREADABLE_XLS as error:
        raise Unusable("not a readable workbook: save it as XLSX, without a password") from error


def _spread(rows: Iterable[Row], merged: Iterable[Merged]) -> Iterator[Row]:
    """A cell merged over several rows says the same for each of them. Merged sideways it is a title."""
    begin: dict[int, list[Merged]] = {}
    for cell in merged:
        begin.setdefault(cell.top, []).append(cell)
    held: dict[int, tuple[int, str]] = {}  # column → last row, text
    last = 0
    for row in rows:
        # A row that holds nothing of its own is not there, unless something is merged over it.
        for number in range(last + 1, row.number):
            if not held:
                break
            cells: list[str] = []
            _fill(cells, number, held)
            if cells:
                yield Row(number, cells)
        _fill(row.cells, row.number, held)
        for cell in begin.get(row.number, ()):
            if cell.column < len(row.cells):
                held[cell.column] = (cell.bottom, row.cells[cell.column])
        last = row.number
        yield row


def _fill(cells: list[str], number: int, held: dict[int, tuple[int, str]]) -> None:
    """Put into a row what is merged over it."""
    for column, (bottom, text) in list(held.items()):
        if number > bottom:
            del held[column]
            continue
        if column >= len(cells):
            cells += [""] * (column + 1 - len(cells))
        cells[column] = cells[column] or text
