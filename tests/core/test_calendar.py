"""Korean working days, answers due, stages of life."""

from __future__ import annotations

import timeit
from datetime import date

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.calendar import after, before, due_answer, is_working_day, life_stage, seoul_day, working_day
from hub.core.rules import Rules, Span
from hub.rules import texts

RULES = Rules.load(texts())
DAYS = RULES.holidays
WEDNESDAY = "2026-11-18T00:30:00.000Z"  # 09:30 in Seoul


def due(code: str, urgency: str, heard: str = WEDNESDAY, needed_by: str = "") -> str:
    return due_answer(heard, urgency, RULES.needs[code], needed_by, RULES)


def test_the_holidays_are_those_of_the_package_for_2020_to_2036() -> None:
    known = {day.isoformat() for day in holidays.KR(years=range(2020, 2037))}
    assert known == DAYS


@pytest.mark.parametrize(
    ("at", "day"),
    [("2026-11-18T14:59:59.999Z", "2026-11-18"), ("2026-11-18T15:00:00.000Z", "2026-11-19"),
     ("2026-12-31T15:00:00.000Z", "2027-01-01")],
)  # fmt: skip
def test_a_day_begins_at_midnight_in_seoul(at: str, day: str) -> None:
    assert seoul_day(at) == day


@pytest.mark.parametrize(
    ("day", "count", "lands"),
    [
        ("2026-11-18", 1, "2026-11-19"),
        ("2026-11-20", 1, "2026-11-23"),  # over a weekend
        ("2026-09-23", 1, "2026-09-28"),  # over 추석
        ("2026-10-02", 1, "2026-10-06"),  # over a substitute holiday
        ("2026-11-23", -1, "2026-11-20"),
        ("2026-11-22", 0, "2026-11-22"),
    ],
)
def test_working_days_skip_weekends_and_holidays(day: str, count: int, lands: str) -> None:
    assert working_day(day, count, DAYS) == lands


@given(st.dates(date(2020, 3, 1), date(2036, 10, 1)), st.integers(1, 30))
def test_counting_forth_and_back_comes_home(day: date, count: int) -> None:
    there = working_day(day.isoformat(), count, DAYS)
    assert is_working_day(date.fromisoformat(there), DAYS)
    home = working_day(there, -count, DAYS)
    assert home == (day.isoformat() if is_working_day(day, DAYS) else working_day(day.isoformat(), -1, DAYS))


@pytest.mark.parametrize(
    ("code", "urgency", "moment"),
    [
        ("dementia", "routine", "2026-11-25T15:00:00.000Z"),  # five working days, to the end of the last
        ("dementia", "urgent", "2026-11-19T15:00:00.000Z"),
        ("dementia", "sos", "2026-11-18T01:30:00.000Z"),  # one hour
        ("haircut", "routine", "2026-12-02T15:00:00.000Z"),
    ],
)
def test_an_answer_is_due(code: str, urgency: str, moment: str) -> None:
    assert due(code, urgency) == moment


def test_what_is_heard_on_a_saturday_counts_from_monday() -> None:
    assert due("dementia", "urgent", "2026-11-21T01:00:00.000Z") == "2026-11-23T15:00:00.000Z"


@pytest.mark.parametrize(
    ("urgency", "needed_by", "moment"),
    [
        ("urgent", "2026-11-19", "2026-11-18T15:00:00.000Z"),  # discharge tomorrow: answer today
        ("urgent", "2026-11-30", "2026-11-19T15:00:00.000Z"),  # far away: nothing changes
        ("urgent", "2026-11-18", "2026-11-18T01:30:00.000Z"),  # today: what an sos leaves
        ("urgent", "2026-11-01", "2026-11-18T01:30:00.000Z"),  # past
        ("routine", "2026-11-26", "2026-11-19T15:00:00.000Z"),  # five working days stay for the first contact
        ("urgent", "2026-11-18T20:00:00.000Z", "2026-11-18T15:00:00.000Z"),  # a time: its day in Seoul, the 19th
    ],
)
def test_needed_by_counts_backwards(urgency: str, needed_by: str, moment: str) -> None:
    assert due("discharge_care", urgency, needed_by=needed_by) == moment


@pytest.mark.parametrize(
    ("needed_by", "lead", "moment"),
    [
        ("2026-11-19", Span(4, "hours"), "2026-11-18T11:00:00.000Z"),
        ("2026-11-19T03:00:00.000Z", Span(30, "minutes"), "2026-11-19T02:30:00.000Z"),
        ("2026-11-19", Span(3, "days"), "2026-11-15T15:00:00.000Z"),
    ],
)
def test_other_leads_are_left_before_a_date(needed_by: str, lead: Span, moment: str) -> None:
    assert before(needed_by, lead, DAYS) == moment


def test_case_management_counts_calendar_days() -> None:
    plan = RULES.clocks.case_management["plan"]
    assert after(WEDNESDAY, plan, DAYS) == "2026-12-18T15:00:00.000Z"


@given(st.sampled_from(sorted(RULES.needs)), st.dates(date(2026, 1, 1), date(2030, 1, 1)))
def test_needed_by_only_tightens(code: str, day: date) -> None:
    for urgency in ("routine", "urgent", "sos"):
        assert WEDNESDAY < due(code, urgency, needed_by=day.isoformat()) <= due(code, urgency)


@pytest.mark.parametrize(
    ("birth", "stage"),
    [
        ("2020-11-19", "영유아"),
        ("2020-11-18", "아동·청소년"),
        ("2013-07-11", "아동·청소년"),
        ("2007-11-18", "청년"),
        ("1991-11-19", "청년"),
        ("1991-11-18", "중장년"),
        ("1961-11-18", "노년"),
        ("1948-03-02", "노년"),
        ("2004-02-29", "청년"),
        ("1999-02-29", ""),
        ("2027-01-01", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_stage_of_life_follows_from_age(birth: str | None, stage: str) -> None:
    assert life_stage(birth, WEDNESDAY) == stage


def test_every_stage_is_one_of_needs_csv() -> None:
    written = {stage for need in RULES.needs.values() for stage in need.life_stages}
    assert written - {"전체"} == {life_stage(f"{year}-01-01", "2026-11-18") for year in (2025, 2015, 2000, 1980, 1940)}


def test_a_due_time_costs_microseconds() -> None:
    best = min(timeit.repeat(lambda: due("dementia", "routine"), number=2000, repeat=5)) / 2000
    assert best < 10e-6
