"""Spreadsheets as agencies keep them (CSV in CP949 or UTF-8, XLSX, XLS) to rows of text beside their header.

Owns title rows and headers. Never interprets a cell: a header is told from a title by its shape, not by its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from connectors import reading_csv
from connectors.reading_csv import charset
from connectors.reading_ole import OLE
from connectors.reading_report import ReportColumns
from connectors.reading_rows import CELL_LIMIT, Broken, Row, notes
from connectors.reading_workbook import ZIP, Unusable, sheets

__all__ = ["OLE", "ZIP", "Broken", "Line", "charset", "csv_lines", "xlsx_lines"]

COLUMNS_LIMIT: Final = 100
HEADER_WITHIN: Final = 30  # rows from the top
HEADER_CELLS: Final = 3
MOSTLY: Final = 0.75  # of a header's titles are told apart; groups of columns repeat theirs
LABEL_LIMIT: Final = 40  # characters of a column title

_NUMBERISH: Final = re.compile(r"[\d\s.,:/-]+")


class Line(msgspec.Struct, frozen=True):
    """One row: `row` from 1 as the sheet shows it; `sheet` its name, '' in a CSV.

    notes: what its sender should know of it, though it is taken.
    """

    row: int
    header: list[str]
    cells: list[str]
    sheet: str = ""
    notes: tuple[str, ...] = ()


def csv_lines(path: Path, columns: int = HEADER_CELLS) -> Iterator[Line | Broken]:
    """The rows of a CSV below its header, which has so many columns at least."""
    yield from _below_header(reading_csv.rows(path, columns), path, "", columns)


def xlsx_lines(path: Path) -> Iterator[Line | Broken]:
    """The rows of every visible sheet below its header."""
    try:
        for name, rows in sheets(path):
            yield from _below_header(rows, path, name)
    except Unusable as why:
        yield Broken(str(path), 0, str(why))


def _below_header(
    rows: Iterable[Row | Broken], path: Path, sheet: str, columns: int = HEADER_CELLS
) -> Iterator[Line | Broken]:
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
        elif not header and _is_header(filled, columns):
            header = [cell.strip() for cell in _trimmed(cells)]
            if ours := ReportColumns.among(header):
                header = _trimmed(ours.without(header))
        elif not header and seen >= HEADER_WITHIN:
            break
    if seen and not header:
        of_sheet = f" of the sheet {sheet}" if sheet else ""
        yield Broken(str(path), 0, f"no header among the first {HEADER_WITHIN} rows{of_sheet}")


def _line(number: int, header: list[str], cells: list[str], path: Path, sheet: str) -> Line | Broken:
    if len(_trimmed(cells)) > COLUMNS_LIMIT or len(header) > COLUMNS_LIMIT:
        return Broken(str(path), number, f"more than {COLUMNS_LIMIT} columns")
    if any(len(cell) > CELL_LIMIT for cell in cells):
        return Broken(str(path), number, f"a cell is longer than {CELL_LIMIT} characters")
    if len([cell for cell in cells if cell.strip()]) == 1:
        return Broken(str(path), number, "only one cell is filled: a remark, no row")
    width = max(len(header), len(_trimmed(cells)))
    return Line(number, header, [cell.strip() for cell in (cells + [""] * width)[:width]], sheet)


def _is_header(filled: list[str], columns: int) -> bool:
    """Several words, nearly all of them different (two telephones), none of them a number or a date."""
    return len(set(filled)) >= max(columns, MOSTLY * len(filled)) and not any(
        _NUMBERISH.fullmatch(cell) or len(cell) > LABEL_LIMIT for cell in filled
    )


def _trimmed(cells: list[str]) -> list[str]:
    """Without the empty cells at the end."""
    last = max((place for place, cell in enumerate(cells) if cell.strip()), default=-1)
    return cells[: last + 1]
