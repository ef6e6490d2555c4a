"""Dates and moments as agencies write them: 1948-03-02, 480302, 1939.01.15, 55.12.30, 20261117091500.

Owns reading them. Never repairs a date that cannot be (1999-02-29 stays as written, flagged), and knows no clock: what
is plausible is judged against a day that the caller names. Korea has one zone without summer time (UTC+9) since 1988.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from hub.schemas.canonical import DateClaim

KST: Final = timezone(timedelta(hours=9))
OLDEST: Final = 120  # years; nobody referred is older
HEAD_OF_HOUSEHOLD: Final = 15  # years; a 세대주 is no infant
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199

_LONG = re.compile(
    r"(\d{4})\s?[-./년]\s?(\d{1,2})\s?[-./월]\s?(\d{1,2})\s?[일.]?(?:[ T]+(?:오[전후] ?)?\d.*)?", re.ASCII
)
_LONG_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:\d{4,6}(?:[.+-].*)?)?", re.ASCII)
_SHORT = re.compile(
    r"'?(\d\d)\s?[-./년]\s?(\d{1,2})\s?[-./월]\s?(\d{1,2})\s?[일.]?(?:[ T]+(?:오[전후] ?)?\d.*)?", re.ASCII
)
_SHORT_COMPACT = re.compile(r"(\d\d)(\d\d)(\d\d)", re.ASCII)
_LUNAR = re.compile(r"\(?음력?\)?\.?\s?|\s?\(음력?\)|\s?음력?$")
_SOLAR = re.compile(r"\(?양력?\)?\.?\s?|\s?\(양력?\)|\s?양력?$")
_TIME = re.compile(r"[ T](?:오전 |오후 )?(\d{1,2}):(\d\d)(?::(\d\d))?$", re.ASCII)
_HL7 = re.compile(r"(\d{8})(\d\d)(\d\d)(\d\d)?(?:\.\d{1,4})?([+-]\d{4})?", re.ASCII)

Parts = tuple[int, int, int, bool]


def read_birth(text: str, today: str, *, adult: bool = False) -> DateClaim:
    """A birth date as claimed, judged on `today` (YYYY-MM-DD).

    Quality: `short_year` when the century was chosen by plausibility; `default` for January 1 (kept: it can be true);
    `lunar` when marked so (not converted); `impossible` (value None, raw kept) for days that are not in the calendar,
    in the future or over 120 years ago; `missing` for nothing, 1900-01-01 and what is no full date.
    """
    if not text:
        return DateClaim()
    raw = text[:64]
    lunar = "음" in raw
    parts = _parts(_SOLAR.sub("", _LUNAR.sub("", raw)) if lunar or "양" in raw else raw)
    if parts is None:
        return DateClaim(None, raw, "missing" if _is_partial(raw) else "impossible")
    year, month, day, short = parts
    if (year, month, day) == (EARLIEST_YEAR, 1, 1):
        return DateClaim(None, raw, "missing")
    if short:
        year = _century(year, month, day, today, adult=adult)
    value = _iso(year, month, day)
    if lunar:  # a lunar month can have a 30th of February
        return DateClaim(value, raw, "lunar")
    return _judged(value, raw, today, short=short)


def _judged(value: str | None, raw: str, today: str, *, short: bool) -> DateClaim:
    if value is None or value > today or int(today[:4]) - int(value[:4]) > OLDEST:
        return DateClaim(None, raw, "impossible")
    if value.endswith("-01-01"):
        return DateClaim(value, raw, "default")
    return DateClaim(value, raw, "short_year" if short else "exact")


def read_day(text: str) -> str | None:
    """An ordinary date (of a referral, a consent, a discharge) as YYYY-MM-DD; short years are of this century."""
    if _is_iso_day(text):
        return text if "1900" <= text[:4] <= "2199" else None
    parts = _parts(text)
    if parts is None:
        return None
    year, month, day, short = parts
    value = _iso(year + 2000 if short else year, month, day)
    return value if value is not None and EARLIEST_YEAR <= int(value[:4]) <= LATEST_YEAR else None


def read_instant(text: str) -> str | None:
    """A moment as RFC 3339 UTC with milliseconds; a bare day is its midnight in Korea; None when it cannot be."""
    if len(text) > 10 and text[4:5] == "-" and text[10] in "T ":  # noqa: PLR2004 - past the day
        try:
            return _utc(datetime.fromisoformat(text))
        except ValueError:
            pass  # '2026-11-18 9:30' is no ISO form, and people write it
    elif len(text) >= 12 and (compact := _HL7.fullmatch(text)):  # noqa: PLR2004 - with hours and minutes
        return _hl7_instant(compact)
    day = read_day(text)
    if day == text:
        return _midnight(day)
    return None if day is None else _at_clock(day, text)


# A referral's day, which many share; birth dates never come here.
@lru_cache(maxsize=512)
def _midnight(day: str) -> str | None:
    return _utc(datetime.fromisoformat(day))


def _utc(moment: datetime) -> str | None:
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=KST)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def _hl7_instant(found: re.Match[str]) -> str | None:
    """HL7 v2 DTM, 2.A.22: YYYYMMDDHHMM[SS[.S…]][+ZZZZ]."""
    day, hour, minute, second, zone = found.groups()
    try:
        return _utc(datetime.fromisoformat(f"{day}T{hour}{minute}{second or '00'}{zone or ''}"))
    except ValueError:
        return None


def _at_clock(day: str, text: str) -> str | None:
    found = _TIME.search(text)
    if found is None and ":" in text:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    if found and "오후" in text and hour < 12:  # noqa: PLR2004 - the 12-hour clock
        hour += 12
    year, month, number = map(int, day.split("-"))
    try:
        return _utc(datetime(year, month, number, hour, minute, second, tzinfo=KST))
    except ValueError:
        return None


def _is_iso_day(text: str) -> bool:
    """Whether this is YYYY-MM-DD and in the calendar. What is not may still be a day, written otherwise."""
    if len(text) != 10 or text[4] != "-" or text[7] != "-":  # noqa: PLR2004 - as long as that
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _parts(text: str) -> Parts | None:
    """Year, month, day as written, and whether the year has two digits."""
    if _is_iso_day(text):
        return int(text[:4]), int(text[5:7]), int(text[8:]), False
    found = _LONG.fullmatch(text) or _LONG_COMPACT.fullmatch(text)
    short = None if found else _SHORT.fullmatch(text) or _SHORT_COMPACT.fullmatch(text)
    if found is None and short is None:
        return None
    groups = (found or short).groups()  # type: ignore[union-attr] # one of the two matched
    return int(groups[0]), int(groups[1]), int(groups[2]), found is None


def _century(year: int, month: int, day: int, today: str, *, adult: bool) -> int:
    """The later century unless that lies ahead, or makes an infant the head of a household."""
    recent = 2000 + year
    limit = int(today[:4]) - HEAD_OF_HOUSEHOLD if adult else int(today[:4])
    ahead = recent > limit or (not adult and f"{recent:04}-{month:02}-{day:02}" > today)
    return recent - 100 if ahead else recent


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _is_partial(text: str) -> bool:
    """A year, or a year and a month: FHIR allows both, and both say less than a day."""
    return re.fullmatch(r"\d{4}(?:\s?[-./년]\s?\d{0,2}\s?월?)?|\d{6}00|\d{4}0000", text, re.ASCII) is not None
