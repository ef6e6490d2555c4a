"""Dates as agencies write them."""

from __future__ import annotations

import pytest

from hub.core.normalize.dates import read_birth, read_day, read_instant

TODAY = "2026-11-18"


@pytest.mark.parametrize(
    ("text", "value", "quality"),
    [
        ("1948-03-02", "1948-03-02", "exact"),
        ("19480302", "1948-03-02", "exact"),
        ("1939.01.15", "1939-01-15", "exact"),
        ("1948년 3월 2일", "1948-03-02", "exact"),
        ("1948-03-02 00:00:00", "1948-03-02", "exact"),
        ("480302", "1948-03-02", "short_year"),
        ("55.12.30", "1955-12-30", "short_year"),
        ("130711", "2013-07-11", "short_year"),
        ("1948-01-01", "1948-01-01", "default"),
        ("음 1948.3.2", "1948-03-02", "lunar"),
        ("1948-02-30(음)", None, "lunar"),
        ("1999-02-29", None, "impossible"),
        ("1948-13-02", None, "impossible"),
        ("2030-01-02", None, "impossible"),
        ("1826-01-02", None, "impossible"),
        ("내일", None, "impossible"),
        ("1900-01-01", None, "missing"),
        ("1948-03", None, "missing"),
        ("1948", None, "missing"),
        ("", None, "missing"),
        # Hanja, full width, spaces, dashes and what stands around a date
        ("1952年 3月 4日", "1952-03-04", "exact"),
        ("１９５２．３．４", "1952-03-04", "exact"),
        ("1952년3월4일생", "1952-03-04", "exact"),
        ("1952 3 4", "1952-03-04", "exact"),
        ("1952–03–04", "1952-03-04", "exact"),
        ("1952.3.4(만 74세)", "1952-03-04", "exact"),
        ("1952-03-04(음력 2월 9일)", "1952-03-04", "exact"),
        ("19520304.0", "1952-03-04", "exact"),
        ("19063", None, "impossible"),
        ("1952 34", None, "impossible"),
        ("1952-03-04 또는 05", None, "impossible"),
        # Dangi years: Act 4 of 1948 until 1961
        ("단기 4285년 3월 4일", "1952-03-04", "exact"),
        ("檀紀4285.3.4", "1952-03-04", "exact"),
        ("4285-03-04", "1952-03-04", "exact"),
        ("4385-03-04", None, "impossible"),
        ("단기 1952.3.4", "1952-03-04", "exact"),
        # The lunar calendar: leap months exist there only, no month has a 31st
        ("음력 1952년 윤5월 4일", "1952-05-04", "lunar"),
        ("1952.윤5.4", "1952-05-04", "lunar"),
        ("1952.3.4(음)", "1952-03-04", "lunar"),
        ("음력1952년3월4일", "1952-03-04", "lunar"),
        ("1952.3.4(양)", "1952-03-04", "exact"),
        ("음 1952.3.31", None, "impossible"),
        ("음 1952.13.4", None, "impossible"),
        ("음 2030.1.2", None, "impossible"),
        # Two digits
        ("26.11.18", "2026-11-18", "short_year"),
        ("26.11.19", "1926-11-19", "short_year"),
        ("52년 3월 4일", "1952-03-04", "short_year"),
        # A resident number where the date belongs (주민등록법 시행규칙 art. 2); see below for what is kept
        ("000101", "2000-01-01", "default"),
        # Stand-ins; 1970-01-01 and 1912-11-11 are somebody's day
        ("1901-01-01", None, "missing"),
        ("11111111", None, "missing"),
        ("0000-00-00", None, "missing"),
        ("000000", None, "missing"),
        ("9999-12-31", None, "missing"),
        ("2099.12.31", None, "missing"),
        ("1899-12-30", None, "missing"),
        ("1900-01-00", None, "missing"),
        ("0001-01-01", None, "missing"),
        ("미상", None, "missing"),
        ("1970-01-01", "1970-01-01", "default"),
        ("1912-11-11", "1912-11-11", "exact"),
        ("1999-12-31", "1999-12-31", "exact"),
        # Less than a day
        ("195203", None, "missing"),
        ("1950-00-00", None, "missing"),
        ("500000", None, "missing"),
        ("1952년생", None, "missing"),
        ("52년생", None, "missing"),
        ("1950년 모월 모일", None, "missing"),
        ("195213", None, "impossible"),
        # Month and day exchanged is read where both can be (the matcher compares both ways), never repaired
        ("1952-04-03", "1952-04-03", "exact"),
        ("1952-25-03", None, "impossible"),
    ],
)
def test_a_birth_date_is_read_with_its_quality(text: str, value: str | None, quality: str) -> None:
    claim = read_birth(text, TODAY)
    assert (claim.value, claim.quality, claim.raw) == (value, quality, text)


@pytest.mark.parametrize(
    ("text", "value", "kept"),
    [
        ("520304-2123456", "1952-03-04", "520304-2"),
        ("5203042123456", "1952-03-04", "520304-2"),
        ("520304 - 2******", "1952-03-04", "520304-2"),
        ("050304-4", "2005-03-04", "050304-4"),
        ("520304-6", "1952-03-04", "520304-6"),
    ],
)
def test_a_resident_number_in_the_dates_place_says_the_century_and_is_not_kept(
    text: str, value: str, kept: str
) -> None:
    claim = read_birth(text, TODAY)
    assert (claim.value, claim.quality, claim.raw) == (value, "exact", kept)


@pytest.mark.parametrize("text", ["520304-9", "520304-0123456", "520304-21"])
def test_what_is_no_resident_number_is_no_date(text: str) -> None:
    assert read_birth(text, TODAY).value is None


def test_a_head_of_household_is_no_infant() -> None:
    assert read_birth("251111", TODAY).value == "2025-11-11"
    assert read_birth("251111", TODAY, adult=True).value == "1925-11-11"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-16T10:12:00+09:00", "2026-11-16T01:12:00.000Z"),
        ("2026-11-16T10:12:00", "2026-11-16T01:12:00.000Z"),
        ("2026-11-16T01:12:00.5Z", "2026-11-16T01:12:00.500Z"),
        ("2026-11-18", "2026-11-17T15:00:00.000Z"),
        ("2026.11.18", "2026-11-17T15:00:00.000Z"),
        ("26.11.18", "2026-11-17T15:00:00.000Z"),
        ("2026-11-18 9:30", "2026-11-18T00:30:00.000Z"),
        ("2026-11-18 오후 2:30", "2026-11-18T05:30:00.000Z"),
        ("20261117091500", "2026-11-17T00:15:00.000Z"),
        ("202611170915+0000", "2026-11-17T09:15:00.000Z"),
        ("2026-13-45", None),
        ("2026-11-18T25:00:00Z", None),
        ("20261340091500", None),
        ("0001-01-01T00:00:00+09:00", None),
        ("9999-12-31T23:59:59-09:00", None),
        ("곧", None),
    ],
)
def test_a_moment_is_utc_with_milliseconds(text: str, instant: str | None) -> None:
    assert read_instant(text) == instant


@pytest.mark.parametrize(("text", "day"), [("26.12.01", "2026-12-01"), ("2026-02-30", None), ("", None)])
def test_an_ordinary_date_is_of_this_century(text: str, day: str | None) -> None:
    assert read_day(text) == day
