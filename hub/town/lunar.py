"""A solar date in the traditional calendar, as people born before the 1960s tell their birthday.

Owns the conversion, by the moon's and the sun's main terms (J. Meeus, Astronomical Algorithms, chapters 25 and 49), in
Korean time: right to the day but for new moons within minutes of midnight, which is more than a simulated town needs.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from math import floor, radians, sin
from typing import Final

_MONTH: Final = 29.530588861  # days from new moon to new moon
_FIRST: Final = 2451550.09766  # Julian day of the new moon of 2000-01-06
_J2000: Final = 2451545.0
_ORDINAL: Final = 1721424.5  # Julian day of midnight before ordinal 0 of `date`
_KOREA: Final = 9 / 24
_SOLSTICE_MONTH: Final = 11  # from here on a month that begins in winter belongs to the year before


@lru_cache(maxsize=65536)
def lunar(iso: str) -> str:
    """The same day as year, month and day of the traditional calendar, in ISO's form: 1950-02-30 can come of it."""
    day = date.fromisoformat(iso)
    ordinal = day.toordinal()
    moon = floor((ordinal + _ORDINAL - _FIRST) / _MONTH) + 1
    while _new_moon(moon) > ordinal:
        moon -= 1
    month = (_sun(_new_moon(moon + 1)) + 1) % 12 + 1
    year = day.year - (month >= _SOLSTICE_MONTH and day.month <= 2)  # noqa: PLR2004 - January and February
    return f"{year}-{month:02d}-{ordinal - _new_moon(moon) + 1:02d}"


@lru_cache(maxsize=4096)
def _new_moon(number: int) -> int:
    """Ordinal of the Korean day of a new moon, counted from the year 2000."""
    sun, moon = radians(2.5534 + 29.1053567 * number), radians(201.5643 + 385.81693528 * number)
    shift = 0.1724 * sin(sun) - 0.4072 * sin(moon) + 0.0161 * sin(2 * moon)
    return floor(_FIRST + _MONTH * number + shift + _KOREA - _ORDINAL)


def _sun(ordinal: int) -> int:
    """Which twelfth of its way, from the spring equinox, the sun has reached as a Korean day begins."""
    days = ordinal + _ORDINAL - _KOREA - _J2000
    anomaly = radians(357.528 + 0.9856003 * days)
    return floor((280.466 + 0.98564736 * days + 1.915 * sin(anomaly) + 0.02 * sin(2 * anomaly)) % 360 / 30)
