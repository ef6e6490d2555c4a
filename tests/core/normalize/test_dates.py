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
    ],
)
def test_a_birth_date_is_read_with_its_quality(text: str, value: str | None, quality: str) -> None:
    claim = read_birth(text, TODAY)
    assert (claim.value, claim.quality, claim.raw) == (value, quality, text)


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
