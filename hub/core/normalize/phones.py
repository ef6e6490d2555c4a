"""Korean phone numbers as typed, to E.164 (+82…). Owns the numbering plan as far as it is needed.

Never guesses: what is no number is missing, and the note says why. Notes are short codes without values.

Source of the plan: Ministry of Science and ICT, 전기통신번호관리세칙 (mobile 01x, area 02 and 03x–06x, internet 070,
personal 0502–0508 with seven or eight digits, toll-free 080, nationwide eight digits 15xx, 16xx, 18xx; international
prefixes 00X, 003XX, 007XX). International form: ITU-T E.164 (at most 15 digits, no country begins with 0).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

PHONES_LIMIT: Final = 5

_SPLIT = re.compile(r"[/,;|\n]|(?<=\d{4})[·ㆍᆞ](?=\(?0\d)|(?<!82)\s+(?=\(?0\d{1,2}[-).\s])|또는|및")
_EXTENSION = re.compile(r"(?:\(?내선|ext\.?|#|~|교환).*$", re.IGNORECASE)
# A whole number inside other digits: two people's numbers with their names between, hours, an extension.
_INSIDE = re.compile(r"(?<![\d.-])\(?0\d{1,3}[-. )]{0,2}\d{3,4}[-. ]?\d{4}(?!\d)", re.ASCII)
# 00 alone leads home only: elsewhere 0084 could be 008 and a 4 as well.
_ABROAD = re.compile(r"00(?:(?=82)|8(?=82)|(?:[1256]|[37]\d\d)(?=[1-9]))", re.ASCII)
_TILDES = re.compile(r"(?<=\d)~(?=\d+~\d)|(?<=\d~\d{3})~|(?<=\d~\d{4})~", re.ASCII)
# The letters O and l where a number begins, and '.0' where a spreadsheet took it for one.
_LETTER_O = re.compile(r"(?=.*[oO])[0oO1lI]{3}[-. )]?[\doO]{3,4}[-. ]?[\doO]{4}", re.ASCII)
# 5.57411E+08: a spreadsheet has rounded it, so no number can be made of what is left.
_ROUNDED = re.compile(r"\d(?:\.\d+)?[eE]\+?\d{1,2}", re.ASCII)
_NOT_DIGIT = re.compile(r"\D+", re.ASCII)
_LETTERS = re.compile(r"[가-힣A-Za-z]")
_DOMESTIC = re.compile(
    r"010\d{8}|01[16789]\d{7,8}|02\d{7,8}|0(?:3[1-3]|4[1-4]|5[1-5]|6[1-4])\d{7,8}|070\d{8}|050[2-8]\d{7,8}|0[68]0\d{7,8}"
)
_NATIONWIDE = re.compile(r"1[568]\d{6}")
_LOCAL = re.compile(r"[2-9]\d{6,7}")
_AREA = re.compile(r"02|0[3-6]\d(?=\d{7,8}$)|050\d|0\d\d", re.ASCII)
# Of what follows the area or operator; one digit repeated, or counted up to eight, was given to nobody.
_FICTIONAL = re.compile(r"(\d)\1{6,7}|12345678|0000000\d", re.ASCII)
_ONE_DIGIT = re.compile(r"(\d)\1{6,}", re.ASCII)
_LETTERS_AS_DIGITS = str.maketrans("oOlI", "0011")
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
        for number, note in _read_part(part.strip(), area_code):
            if number and number not in numbers:
                numbers.append(number)
            if note and note not in notes:
                notes.append(note)
    return tuple(numbers[:PHONES_LIMIT]), tuple(notes)


def _read_part(text: str, area_code: str) -> list[tuple[str, str]]:
    """The number that `text` is; else those that stand in it."""
    number, note = _read_one(text, area_code)
    if note != "unreadable":
        return [(number, note)]
    found = [_read_one(inside, area_code) for inside in _INSIDE.findall(text)]
    return [(number, note or "remark") for number, note in found if number] or [("", "unreadable")]


def _read_one(text: str, area_code: str) -> tuple[str, str]:
    """One number ('' when it is none) and a note ('' when nothing was done)."""
    if "~" in text:
        text = _TILDES.sub("-", text)
    if _LETTER_O.fullmatch(text):
        text = text.translate(_LETTERS_AS_DIGITS)
    digits = "" if _ROUNDED.fullmatch(text) else _NOT_DIGIT.sub("", _EXTENSION.sub("", text.removesuffix(".0")))
    if not digits:
        return "", "unreadable" if text else ""
    if prefix := _ABROAD.match(digits):
        text, digits = "+", digits[prefix.end() :]
    if text.startswith("+") and digits[:1] != "0" and not digits.startswith("82"):
        return (f"+{digits}", "foreign") if 8 <= len(digits) <= 15 else ("", "unreadable")  # noqa: PLR2004 - E.164
    if digits.strip("0") == "":
        return "", "placeholder"
    national, note = _national(digits, area_code)
    if not national:
        return "", "placeholder" if _ONE_DIGIT.fullmatch(digits) else "unreadable"
    if _FICTIONAL.fullmatch(_AREA.sub("", national, count=1)):
        return "", "placeholder"
    return "+82" + national.removeprefix("0"), note or ("remark" if _LETTERS.search(text) else "")


def _national(digits: str, area_code: str) -> tuple[str, str]:
    """The number as dialed inside the country, and a note when something had to be added."""
    if _DOMESTIC.fullmatch(digits) or _NATIONWIDE.fullmatch(digits):
        return digits, ""
    if digits.startswith("82"):
        rest = digits[2:]
        inside = "0" + rest.lstrip("0")
        if _DOMESTIC.fullmatch(inside) or _NATIONWIDE.fullmatch(inside := rest):
            return inside, ""
    if _DOMESTIC.fullmatch("0" + digits):  # a spreadsheet took it for a number
        return "0" + digits, "leading_zero"
    return (area_code + digits, "area_assumed") if _LOCAL.fullmatch(digits) else ("", "")
