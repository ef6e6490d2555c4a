"""A long report waits while more is told about its rows, and not for ever."""

from __future__ import annotations

from typing import Any, cast

import pytest

from connectors.files.outcomes import Filed
from connectors.files.reports import LONGEST_S, MANY, Reports


def due(version: int, rows: int = MANY) -> Filed:
    return Filed(1, "a.xlsx", {}, version, True, rows)


@pytest.fixture
def made() -> Reports:
    nothing = cast("Any", None)
    return Reports(nothing, nothing, nothing, nothing)


def test_it_waits_until_two_looks_see_the_same(made: Reports) -> None:
    assert [made._settled(due(version), version) for version in (1, 2, 3)] == [False, False, False]
    assert made._settled(due(3), 4)
    assert not made._settled(due(9), 5), "what is told later makes it wait again"


def test_it_waits_no_longer_than_a_minute(made: Reports) -> None:
    written = [made._settled(due(version), float(version)) for version in range(1, int(LONGEST_S) + 2)]
    assert written == [False] * int(LONGEST_S) + [True]


def test_a_short_one_is_written_at_once(made: Reports) -> None:
    assert made._settled(due(1, MANY - 1), 0)
