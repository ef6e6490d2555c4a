"""Korean phone numbers as typed, to E.164 (+82…). Owns the numbering plan as far as it is needed.

Never guesses: what is no number is missing, and the note says why. Notes are short codes without values.

Source of the plan: Ministry of Science and ICT, 전기통신번호관리세칙 (mobile 01x, area 02 and 03x–06x, internet 070,
personal 050x, toll-free 080, nationwide eight digits 15xx, 16xx, 18xx).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

PHONES_LIMIT: Final = 5

_SPLIT = re.compile(r"[/,;|\n]|(?<!82)\s+(?=\(?0\d{1,2}[-).\s])|또는|및")
_EXTENSION = re.compile(r"(?:\(?내선|ext\.?|#|~|교환).*$", re.IGNORECASE)
_NOT_DIGIT = re.compile(r"\D+", re.ASCII)
_LETTERS = re.compile(r"[가-힣A-Za-z]")
_DOMESTIC = re.compile(
    r"010\d{8}|01[16789]\d{7,8}|02\d{7,8}|0(?:3[1-3]|4[1-4]|5[1-5]|6[1-4])\d{7,8}|070\d{8}|050\d{9}|0[68]0\d{7,8}"
)
_NATIONWIDE = re.compile(r"1[568]\d{6}")
_LOCAL = re.compile(r"[2-9]\d{6,7}")
_FICTIONAL = re.compile(r"0+|.*(?:(\d)\1{7}|12345678|(?:0|^)0{7,})")
_PLAIN_MOBILE = re.compile(r"010[- ]?(\d{4})[- ]?(\d{4})", re.ASCII)


def read_phones(text: str, area_code: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The numbers in `text` and what was repaired. `area_code` ('055') completes a local number."""
    if plain := _PLAIN_MOBILE.fullmatch(text):
        subscriber = plain.group(1) + plain.group(2)
        if not _FICTIONAL.fullmatch(subscriber):
            return ("+8210" + subscriber,), ()
    numbers: list[str] = []
    notes: list[str] = []
    for part in _SPLIT.split(unicodedata.normalize("NFKC", text))[:PHONES_LIMIT]:
        number, note = _read_one(part.strip(), area_code)
        if number and number not in numbers:
            numbers.append(number)
        if note and note not in notes:
            notes.append(note)
    return tuple(numbers), tuple(notes)


def _read_one(text: str, area_code: str) -> tuple[str, str]:
    """One number ('' when it is none) and a note ('' when nothing was done)."""
    digits = _NOT_DIGIT.sub("", _EXTENSION.sub("", text))
    if not digits:
        return "", "unreadable" if text else ""
    if text.startswith("+") and not digits.startswith("82"):
        return (f"+{digits}", "foreign") if 8 <= len(digits) <= 15 else ("", "unreadable")  # noqa: PLR2004 - E.164
    national, note = _national(digits, area_code)
    if not national:
        return "", "unreadable"
    if _FICTIONAL.fullmatch(national):
        return "", "placeholder"
    return "+82" + national.removeprefix("0"), note or ("remark" if _LETTERS.search(text) else "")


def _national(digits: str, area_code: str) -> tuple[str, str]:
    """The number as dialed inside the country, and a note when something had to be added."""
    if _DOMESTIC.fullmatch(digits) or _NATIONWIDE.fullmatch(digits):
        return digits, ""
    for prefix in ("0082", "82"):
        inside = "0" + digits.removeprefix(prefix).lstrip("0")
        if digits.startswith(prefix) and _DOMESTIC.fullmatch(inside):
            return inside, ""
    if _DOMESTIC.fullmatch("0" + digits):  # a spreadsheet took it for a number
        return "0" + digits, "leading_zero"
    if _LOCAL.fullmatch(digits):
        return area_code + digits, "area_assumed"
    return ("0" * len(digits), "") if digits.strip("0") == "" else ("", "")
