"""CSV as programs and people write it, to rows. Owns charsets, separators, quotation marks and bounds.

A quotation mark that is never closed would make the rows behind it part of a cell: its own row is told as broken, and
those behind it are read again without it.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from connectors.reading_rows import Broken, Row

LINE_LIMIT: Final = 1_048_576  # characters of one line, and of a row of several
#: Characters that are read again behind broken rows: so many rows that each swallow the rest are no table.
AGAIN_LIMIT: Final = 32 * LINE_LIMIT
#: Lines that may stand above the header, for telling how cells are separated.
LOOKED_AT: Final = 30
SEPARATORS: Final = ",\t;|"
_UTF_8: Final = "utf-8-sig"
_UNCLOSED: Final = "a quotation mark is never closed, or a cell is too long"


def rows(path: Path, columns: int) -> Iterator[Row | Broken]:
    """Every row by its number from 1, as a spreadsheet counts them: one whose cells have several lines is one.

    columns: a line with as many cells has columns; with fewer it is a title.
    """
    with path.open(encoding=charset(path), errors="surrogateescape", newline="") as handle:
        lines = _Lines(handle.readline)
        yield from _rows(lines, _separator(lines.peek(LOOKED_AT), columns), path)


def charset(path: Path) -> str:
    """UTF-8 cannot be mistaken, and what says so is; whatever is not is CP949, the charset of Korean spreadsheets."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as handle:
        head = handle.read(len(codecs.BOM_UTF8))
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if head == codecs.BOM_UTF8:
            return _UTF_8
        handle.seek(0)
        try:
            while chunk := handle.read(LINE_LIMIT):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp949"
    return _UTF_8


def _separator(first: list[str], columns: int) -> str:
    """What separates the cells of the first line that has columns."""
    for line in first:
        mark = max(SEPARATORS, key=line.count)
        if line.count(mark) >= columns - 1:
            return mark
    return max(SEPARATORS, key="".join(first[:1]).count)


class _Lines:
    """Lines of at most `LINE_LIMIT` characters. Those of one row are kept, so that they can be read again."""

    def __init__(self, readline: Callable[[int], str]) -> None:
        self._readline = readline
        self._ahead: deque[str | None] = deque()
        #: The lines of the row being read; None for one that is too long and reads as an empty one.
        self.row: list[str | None] = []
        self._size = 0
        self.has_ended = self.ends_badly = False

    def peek(self, count: int) -> list[str]:
        """The first lines, which are read again."""
        while len(self._ahead) < count and (line := self._read()) != "":
            self._ahead.append(line)
        return [line or "" for line in self._ahead]

    def begin(self) -> None:
        """A row begins."""
        self.row, self._size = [], 0

    def again(self) -> int:
        """Give up the first line of the row and read the others again. Returns their characters."""
        rest = self.row[1:]
        self._ahead.extendleft(reversed(rest))
        self.has_ended = self.has_ended and not rest
        return sum(len(line or "") for line in rest)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else self._read()
        if line == "":
            self.has_ended = True
            raise StopIteration
        self.row.append(line)
        if line is None:
            return "\n"
        self._size += len(line)
        if self._size > LINE_LIMIT:
            raise csv.Error(_UNCLOSED)
        return line

    def _read(self) -> str | None:
        try:
            line = self._readline(LINE_LIMIT + 1)
            if len(line) <= LINE_LIMIT:
                return line
            while len(line) > LINE_LIMIT and not line.endswith("\n"):
                line = self._readline(LINE_LIMIT + 1)
        except UnicodeError:  # UTF-16 cut in the middle; of other charsets single bytes are kept and found later
            self.ends_badly = True
            return ""
        return None


def _rows(lines: _Lines, separator: str, path: Path) -> Iterator[Row | Broken]:
    reader = csv.reader(lines, delimiter=separator, strict=True)
    number, again = 0, 0
    while again <= AGAIN_LIMIT:
        number += 1
        lines.begin()
        try:
            cells: list[str] | None = next(reader)
        except StopIteration:
            break
        except csv.Error:
            cells = _loosely(lines, separator)
        if None in lines.row:
            yield Broken(str(path), number, f"the line is longer than {LINE_LIMIT} characters")
        elif cells is None:
            again += lines.again()
            onward = "" if again <= AGAIN_LIMIT else " from this row on"
            yield Broken(str(path), number, f"no CSV here{onward}: {_UNCLOSED}")
        elif not all(map(_is_text, cells)):
            yield Broken(str(path), number, "bytes that are neither UTF-8 nor CP949")
        else:
            yield Row(number, cells)
    if lines.ends_badly:
        yield Broken(str(path), number, "from here on the bytes are not in the charset of the file")


def _loosely(lines: _Lines, separator: str) -> list[str] | None:
    """A line with quotation marks inside its cells; None where one is open at its end."""
    line = lines.row[0]
    if len(lines.row) > 1 or lines.has_ended or line is None:
        return None
    more = iter([line, "\n"])
    with suppress(csv.Error):
        cells = next(csv.reader(more, delimiter=separator))
        return cells if next(more, "") else None
    return None


def _is_text(cell: str) -> bool:
    """Whether no byte of it was kept undecoded (a lone surrogate, which no encoder of UTF-8 takes)."""
    if cell.isascii():
        return True
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True
