"""How urgent a referral is: the sample's facts, and the rule's properties."""

from __future__ import annotations

import pytest

from hub.core.rules import Rules
from hub.core.urgency import decide
from hub.rules import texts
from hub.schemas.canonical import URGENCY_RANK, Urgency

NEEDS = Rules.load(texts()).needs
CLAIMS: tuple[Urgency | None, ...] = (None, "routine", "urgent", "sos")


@pytest.mark.parametrize(
    ("referral", "code", "claim", "mark", "urgency"),
    [
        ("SB-2611-01", "meal_delivery", None, True, "sos"),
        ("JI-26-3391", "discharge_care", "urgent", False, "urgent"),
        ("GS-2026-0001", "discharge_care", "urgent", False, "urgent"),
        ("GS-2026-0002", "medical_bill", "routine", False, "routine"),
        ("LH-26-0411", "rent_arrears", None, False, "urgent"),
        ("JI-26-3392", "dementia", "routine", False, "routine"),
        ("SB-2611-05", "heating_fuel", None, False, "routine"),
        ("2026-VS-0077", "crime_victim", None, False, "urgent"),
    ],
)
def test_the_samples(referral: str, code: str, claim: Urgency | None, *, mark: bool, urgency: str) -> None:
    assert decide(claim, mark, NEEDS[code]) == urgency, referral


@pytest.mark.parametrize("code", sorted(c for c, n in NEEDS.items() if n.gap_support))
def test_the_mark_makes_a_gap_support_code_sos(code: str) -> None:
    assert decide(None, True, NEEDS[code]) == "sos"


def test_the_mark_makes_another_code_urgent() -> None:
    assert decide(None, True, NEEDS["haircut"]) == "urgent"


@pytest.mark.parametrize("code", sorted(c for c, n in NEEDS.items() if n.mode == "report"))
def test_a_reported_code_is_sos_whatever_the_source_says(code: str) -> None:
    assert {decide(claim, False, NEEDS[code]) for claim in CLAIMS} == {"sos"}


@pytest.mark.parametrize("claim", CLAIMS)
def test_nothing_lowers_urgency(claim: Urgency | None) -> None:
    for need in NEEDS.values():
        plain, marked = (URGENCY_RANK[decide(claim, mark, need)] for mark in (False, True))
        assert marked >= plain >= max(URGENCY_RANK[claim or "routine"], URGENCY_RANK[need.default_urgency])
