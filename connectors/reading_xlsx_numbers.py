"""Numbers of a workbook as people see them: a day, a time or leading zeros where their format says so.

Owns formats, never meaning.

A format is one of the built-in ones (ECMA-376-1, 18.8.30, with those of Korean, Chinese and Japanese) or a code in the
workbook; only its first section, for positive numbers, tells.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Final

from connectors.reading_rows import text_of

_DATES: Final = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
_SPANS: Final = frozenset({46})
_LITERAL: Final = re.compile(r'"[^"]*"?|[\\_*].')
_SPAN: Final = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_BRACKET: Final = re.compile(r"\[[^\]]*\]")
#: Zeros for digits, with dashes, blanks and literals between: 0000, 000-0000-0000, 000"-"0000.
_PADDED: Final = re.compile(r'(?:0|[- ]|\\.|"[^";]*")*0(?:0|[- ]|\\.|"[^";]*")*')
_PLACES: Final = re.compile(r'0|[- ]|\\.|"[^"]*"')
_DATE: Final = re.compile(r"[dmyhs]", re.IGNORECASE)
#: Day 0 of a workbook, and the first day that both ways of counting agree on (1900 was no leap year).
DAY_0: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook knows no zone
AGREED: Final = 60
SINCE_1904: Final = 1462
LAST_DAY: Final = 2_958_466
EXACT_DIGITS: Final = 15


class Numbers:
    """Hears the elements of a workbook's styles; then makes texts of its numbers."""

    def __init__(self, *, epoch_1904: bool) -> None:
        self._shift = SINCE_1904 if epoch_1904 else 0
        self._codes: dict[int, str] = {}
        self._formats: list[int] = []
        self._is_of_cells = False
        self._kinds: dict[str, str] = {"": ""}

    def hear(self, name: str, told: dict[str, str]) -> None:
        """An element of the styles."""
        if name == "numFmt" and "numFmtId" in told:
            self._codes[int(told["numFmtId"])] = told.get("formatCode", "")
        elif name in {"cellXfs", "cellStyleXfs", "cellStyles", "dxfs"}:
            self._is_of_cells = name == "cellXfs"
        elif name == "xf" and self._is_of_cells:
            self._formats.append(int(told.get("numFmtId") or 0))

    def text(self, text: str, style: str) -> str:
        """A number by the format of its cell. What is no number stays as it is."""
        kind = self._kinds.get(style)
        if kind is None:
            kind = self._kinds[style] = self._kind(style)
        if not kind:
            return number_text(text)
        if "0" in kind:
            return padded(text, kind)
        try:
            return self._dated(float(text), kind)
        except (ValueError, OverflowError):
            return number_text(text)

    def _kind(self, style: str) -> str:
        place = int(style) if style.isdecimal() else -1
        number = self._formats[place] if 0 <= place < len(self._formats) else 0
        if number not in self._codes:
            return "date" if number in _DATES else "span" if number in _SPANS else ""
        return kind_of(self._codes[number])

    def _dated(self, value: float, kind: str) -> str:
        """Raises `ValueError` for a number that is no day."""
        if kind == "span":
            return text_of(timedelta(milliseconds=round(value * 86_400_000)))
        if not 0 <= value < LAST_DAY:
            raise ValueError("no day")
        at = DAY_0 + timedelta(milliseconds=round(value * 86_400_000))
        if value < 1 and not self._shift:
            return str(at.time()) if at.day == DAY_0.day else str(time())
        return text_of(at + timedelta(days=self._shift + (value < AGREED and not self._shift)))


def kind_of(code: str) -> str:
    """What a format's code shows: 'date' (or a time of the day), 'span' (hours counted on), '' a number.

    Where it says how many digits are shown, and what stands between them, the code itself.
    """
    if code.count("0") > 1 and (found := _PADDED.match(code)) and code[found.end() :][:1] in {"", ";"}:
        return found.group()
    first = _LITERAL.sub("", code).partition(";")[0]
    if _SPAN.search(first):
        return "span"
    return "date" if _DATE.search(_BRACKET.sub("", first)) else ""


def padded(text: str, code: str) -> str:
    """A whole number with its format's zeros and dashes, more digits at the first place; anything else as a number."""
    told = number_text(text)
    if not (told.isascii() and told.isdigit()):
        return told
    places = _PLACES.findall(code)
    zeros = places.count("0")
    digits = told.zfill(zeros)
    rest = iter([digits[: len(digits) - zeros + 1], *digits[len(digits) - zeros + 1 :]])
    return "".join(next(rest) if place == "0" else place.strip('"').removeprefix("\\") for place in places)


def number_text(text: str) -> str:
    """A number as people write it: whole ones without a point."""
    if text.isascii() and text.isdigit() and len(text) <= EXACT_DIGITS:
        return str(int(text))
    if "_" in text or text != text.strip():
        return text
    try:
        return text_of(float(text))
    except ValueError:
        return text
