"""Dates and moments as agencies write them: 1948-03-02, 480302, 1939.01.15, 55.12.30, 20261117091500.

Owns reading them. Never repairs a date that cannot be (1999-02-29 stays as written, flagged), and knows no clock: what
is plausible is judged against a day that the caller names. Korea has one zone without summer time (UTC+9) since 1988.

Sources: Dangi years (단기 4285 = 1952) were the law's until 1961 (Act 4 of 1948, Act 775 of 1961) and stand in old
registers; a leap month (윤달) exists in the lunar calendar only, whose months have 29 or 30 days (Korea Astronomy and
Space Science Institute, 음양력 변환); a resident number begins with the birth date (주민등록법 시행규칙 article 2).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from hub.core.normalize.residents import read_resident
from hub.schemas.canonical import DateClaim

KST: Final = timezone(timedelta(hours=9))
OLDEST: Final = 120  # years; nobody referred is older
HEAD_OF_HOUSEHOLD: Final = 15  # years; a 세대주 is no infant
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199

_LONG = re.compile(
    r"(\d{4})\s?[-./년]\s?(\d{1,2})\s?[-./월]\s?(\d{1,2})\s?[일.]?(?:[ T]+(?:오[전후] ?)?\d.*)?", re.ASCII
)
# Followed by hours and minutes or nothing; thirteen digits are a resident number (200304-2… is no April of 2003).
_LONG_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:\d{4}(?:\d\d)?(?:[.+-].*)?)?", re.ASCII)
_SHORT = re.compile(
    r"'?(\d\d)\s?[-./년]\s?(\d{1,2})\s?[-./월]\s?(\d{1,2})\s?[일.]?(?:[ T]+(?:오[전후] ?)?\d.*)?", re.ASCII
)
_SHORT_COMPACT = re.compile(r"(\d\d)(\d\d)(\d\d)", re.ASCII)
_LUNAR = re.compile(r"\(?(?:음력?|윤달?)\)?\.?\s?|\s?\((?:음력?|윤달?)\)|\s?음력?$")
_SOLAR = re.compile(r"\(?양력?\)?\.?\s?|\s?\(양력?\)|\s?양력?$")
# What forms and spreadsheets leave around a date: a remark in brackets (만 74세), 생, '.0' of a number, quotes.
_AROUND = re.compile(r"\s?[(\[][^)\]]*\d[^)\]]*[)\]]|\s?(?:생|출생)$|(?<=\d)\.0$|^[’‘`']")
_MARKS = str.maketrans({"年": "년", "月": "월", "日": "일", "檀": "단", "紀": "기"} | dict.fromkeys("‐‑‒–—―−,", "-"))
_DANGI_BEGINS = 2333  # years before year 1
_SPACED = re.compile(r"(\d{4}|\d\d) (\d{1,2}) (\d{1,2})", re.ASCII)
_NUMBERED = re.compile(r"\d{6}\s?-\s?[1-8](?:\d{6}|[*xX#●○]{0,6})|\d{6}[1-8]\d{6}", re.ASCII)
# What systems put where no date is known and no calendar has; Excel's day 0 is 1900-01-00.
_NO_DATE = re.compile(r"0+|0{1,4}[-./]0{1,2}[-./]0{1,2}|1900-?0?1-?00|9999-?99-?99|9{6,8}", re.ASCII)
_UNKNOWN = frozenset(
    ("미상", "불명", "불상", "모름", "알수없음", "알 수 없음", "없음", "미기재", "unknown", "-", "--", "?", "n/a")
)
_TIME = re.compile(r"[ T](?:오전 |오후 )?(\d{1,2}):(\d\d)(?::(\d\d))?$", re.ASCII)
_HL7 = re.compile(r"(\d{8})(\d\d)(\d\d)(\d\d)?(?:\.\d{1,4})?([+-]\d{4})?", re.ASCII)

_PARTIAL = re.compile(
    r"\d{4}(?:\s?[-./년]\s?(?:\d{0,2}|모)\s?월?(?:\s?모일)?)?(?:생|경)?|\d\d년생?|(?:19|20)\d\d(?:0[1-9]|1[0-2])"
    r"|\d{6}00|\d{4}0000|\d\d0000|\d{4}[-./]\d{1,2}[-./]0{1,2}|\d\d[-./]0{1,2}[-./]0{1,2}",
    re.ASCII,
)
# The same as full dates; 1970-01-01 is not among them: somebody was born that day.
_STAND_INS: Final = frozenset(
    (
        *((1900, 1, 1), (1901, 1, 1), (1, 1, 1), (1899, 12, 30), (1899, 12, 31)),
        *((1111, 11, 11), (9999, 12, 31), (2099, 12, 31), (2999, 12, 31)),
    )
)

Parts = tuple[int, int, int, bool]


def read_birth(text: str, today: str, *, adult: bool = False) -> DateClaim:
    """A birth date as claimed, judged on `today` (YYYY-MM-DD).

    Quality: `short_year` when the century was chosen by plausibility; `default` for January 1 (kept: it can be true);
    `lunar` when marked so (not converted); `impossible` (value None, raw kept) for days that are not in the calendar,
    in the future or over 120 years ago; `missing` for nothing, 1900-01-01 and its like and what is no full date. Where
    a resident number stands in the column, its date is taken, and `raw` keeps no more of it than the seventh digit.
    """
    if not text:
        return DateClaim()
    raw = text[:64]
    parts = _parts(raw)
    if parts is not None:
        return _dated(parts, raw, today, adult=adult)
    tidy = _tidy(raw)
    if _NUMBERED.fullmatch(tidy):
        return _inside(tidy, today)
    lunar = "음" in tidy or "윤" in tidy
    parts = _parts(_SOLAR.sub("", _LUNAR.sub("", tidy)) if lunar or "양" in tidy else tidy)
    if parts is None:
        return DateClaim(None, raw, "missing" if _is_unknown(tidy) else "impossible")
    return _dated(parts, raw, today, adult=adult, lunar=lunar)


def _dated(parts: Parts, raw: str, today: str, *, adult: bool, lunar: bool = False) -> DateClaim:
    year, month, day, short = parts
    if (year, month, day) in _STAND_INS:
        return DateClaim(None, raw, "missing")
    if short:
        year = _century(year, month, day, today, adult=adult)
    elif year > _DANGI_BEGINS + EARLIEST_YEAR:
        year -= _DANGI_BEGINS
    if lunar:
        return _lunar(year, month, day, raw, today)
    value = _iso(year, month, day)
    if value is None and _is_unknown(_tidy(raw)):
        return DateClaim(None, raw, "missing")
    return _judged(value, raw, today, short=short)


def _tidy(text: str) -> str:
    """Full-width, hanja and Dangi forms as everybody writes them, without what stands around the date."""
    text = unicodedata.normalize("NFKC", text).translate(_MARKS).strip()
    text = _AROUND.sub("", text).strip().removeprefix("단기").lstrip()
    spaced = _SPACED.fullmatch(text)
    return "-".join(spaced.groups()) if spaced else text


def _inside(number: str, today: str) -> DateClaim:
    """The date of a resident number that was written where the date belongs."""
    birth = read_resident(number).birth
    if not birth:  # 111111-1111111 is nobody's
        return DateClaim(None, number, "missing")
    claim = read_birth(birth, today)
    front = number[:6] + "-" + number[6:].lstrip(" -")[:1]
    return DateClaim(claim.value, front, claim.quality)


def _lunar(year: int, month: int, day: int, raw: str, today: str) -> DateClaim:
    """A lunar month can have a 30th of February, which no solar value holds; none has a 31st or is still to come."""
    value = _iso(year, month, day)
    is_day = 1 <= month <= 12 and 1 <= day <= 30 and int(today[:4]) - year <= OLDEST  # noqa: PLR2004 - of any year
    if not is_day or f"{year:04}-{month:02}-{day:02}" > today:
        return DateClaim(None, raw, "impossible")
    return DateClaim(value, raw, "lunar")


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


def _is_unknown(text: str) -> bool:
    """Nothing, a stand-in, a year, or a year and a month (FHIR allows both): all say less than a day."""
    return text.casefold() in _UNKNOWN or _NO_DATE.fullmatch(text) is not None or is_partial(text)


def is_partial(text: str) -> bool:
    """A year, or a year and a month."""
    return _PARTIAL.fullmatch(text) is not None and _NO_DATE.fullmatch(text) is None
