"""Korean days: working days, when an answer is due, and the stage of life an age falls in.

Owns date arithmetic. Never asks what time it is, and holds no deadline of its own: they are `rules.clocks`.
Times are RFC 3339 UTC with milliseconds, 'YYYY-MM-DDTHH:MM:SS.mmmZ', which sort as text. Days are Seoul's: nine hours
ahead, without summer time since 1988, so a fixed offset is exact for every time the hub can hear.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from hub.core.rules import NeedCode, Rules, Span

SEOUL: Final = timezone(timedelta(hours=9))
_SATURDAY: Final = 5
#: First age after each stage; the words are those of needs.csv. Basis: infant-care, child-welfare, youth
#: (Framework Act on Youth, 19–34) and senior welfare (65) law.
STAGES: Final = ((6, "영유아"), (19, "아동·청소년"), (35, "청년"), (65, "중장년"))
SENIOR: Final = "노년"


def seoul_day(at: str) -> str:
    """The day in Seoul of a UTC time, ISO."""
    return at[:10] if at[11:13] < "15" else _next_day(at[:10])


@lru_cache(maxsize=4096)
def _next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def is_working_day(day: date, holidays: frozenset[str]) -> bool:
    """Monday to Friday and no public holiday. Outside the years of holidays.csv only weekends are known."""
    return day.weekday() < _SATURDAY and day.isoformat() not in holidays


@lru_cache(maxsize=65536)
def working_day(day: str, count: int, holidays: frozenset[str]) -> str:
    """The `count`-th working day after (before, when negative) `day`, which itself does not count. 0: `day`."""
    current, left, step = date.fromisoformat(day), abs(count), timedelta(days=1 if count > 0 else -1)
    while left:
        current += step
        left -= is_working_day(current, holidays)
    return current.isoformat()


def end_of(day: str) -> str:
    """The last moment of a Seoul day: midnight is 15:00 UTC of the same date (Civil Act, article 159)."""
    return day + "T15:00:00.000Z"


def instant(at: datetime) -> str:
    """A time with a zone as the ledger writes it: RFC 3339 UTC with milliseconds, so that texts compare as times do."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def later(at: str, **span: float) -> str:
    """`at` moved by a timedelta's arguments."""
    return instant(datetime.fromisoformat(at) + timedelta(**span))


def after(at: str, span: Span, holidays: frozenset[str], *, days: int = 0) -> str:
    """When a span that begins at `at` ends. days: the code's own, for spans that ask for it."""
    count = days if span.code else span.n
    if span.unit == "working_days":
        return end_of(working_day(seoul_day(at), count, holidays))
    return end_of(_moved(seoul_day(at), count)) if span.unit == "days" else later(at, **{span.unit: count})


def _moved(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def due_answer(heard: str, urgency: str, need: NeedCode, needed_by: str, rules: Rules) -> str:
    """When the answer to an offer made at `heard` is due.

    With `needed_by` (a day, or a time) the clock counts backwards: what remains must still hold a first contact. It
    only ever tightens, and never below what an sos leaves: nobody is asked to answer in the past.
    """
    answer = rules.clocks.steps["answer"]
    due = after(heard, answer[urgency], rules.holidays, days=need.answer_days)
    if not needed_by or urgency == "sos":
        return due
    lead = rules.clocks.steps["first_contact"][urgency]
    return min(due, max(before(needed_by, lead, rules.holidays), after(heard, answer["sos"], rules.holidays)))


def before(needed_by: str, lead: Span, holidays: frozenset[str]) -> str:
    """The moment that leaves `lead` before a day ('YYYY-MM-DD', from its midnight in Seoul) or a UTC time."""
    day = needed_by if len(needed_by) == len("YYYY-MM-DD") else seoul_day(needed_by)
    if lead.unit == "working_days":
        return end_of(working_day(day, -lead.n, holidays))
    if lead.unit == "days":
        return end_of(_moved(day, -lead.n - 1))
    return later(end_of(_moved(day, -1)) if day == needed_by else needed_by, **{lead.unit: -lead.n})


def life_stage(birth_iso: str | None, on: str) -> str:
    """The stage of life on a day (or at a time), as needs.csv writes it; '' without a usable birth date."""
    try:
        born, day = date.fromisoformat(birth_iso or ""), date.fromisoformat(seoul_day(on) if "T" in on else on)
    except ValueError:
        return ""
    if born > day:
        return ""
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return next((stage for first_after, stage in STAGES if age < first_after), SENIOR)
