"""A leak is a need past its clock that nobody serves and nobody is asked about."""

from __future__ import annotations

import pytest

from hub.core.rules import Rules
from hub.core.state import Case, Need, Referral
from hub.ledger.counts import leaks
from hub.rules import texts

HEARD = "2026-11-20T00:00:00.000Z"
LATER = "2026-11-20T01:00:00.000Z"


@pytest.fixture(scope="module")
def rules() -> Rules:
    return Rules.load(texts())


def case(*states: str, due: str = "") -> Case:
    referrals = {
        f"r{n}": Referral(f"r{n}", "", "lh", "n", "food", "routine", state, n, HEARD, due=due)
        for n, state in enumerate(states)
    }
    return Case("c", needs={"n": Need("n", "food", HEARD)}, referrals=referrals)


@pytest.mark.parametrize(
    ("states", "found"),
    [
        (("unplaced",), ["n"]),
        (("withdrawn",), ["n"]),
        (("unplaced", "duplicate"), ["n"]),
        (("accepted",), []),
        (("in_service",), []),
        (("on_hold",), []),
        (("closed",), []),
        (("unplaced", "delivered"), []),
    ],
    ids=" ".join,
)
def test_a_need_is_a_leak_unless_somebody_serves_it(rules: Rules, states: tuple[str, ...], found: list[str]) -> None:
    assert leaks(case(*states), LATER, rules) == found


def test_an_offer_within_its_time_is_live(rules: Rules) -> None:
    assert leaks(case("offered", due="2026-11-20T02:00:00.000Z"), LATER, rules) == []


def test_an_offer_past_its_time_is_not(rules: Rules) -> None:
    assert leaks(case("offered", due="2026-11-20T00:30:00.000Z"), LATER, rules) == ["n"]


def test_a_need_that_is_still_being_placed_is_none(rules: Rules) -> None:
    assert leaks(case("unplaced"), "2026-11-20T00:05:00.000Z", rules) == []
