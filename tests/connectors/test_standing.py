"""What an entry of the outbox says of a referral's standing: state, who has it, until when; and no more than that."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.protocol import Change
from connectors.standing import KOREAN, standing
from hub.core.lifecycle import CHANGES

UNTIL = "2026-11-24T09:00:00.000Z"
LH = {"referral": "r-1", "to": "lh"}
OFFERED = {"state": "offered", "receiver": "lh", "due": UNTIL}
UNPLACED = {"state": "unplaced", "receiver": "city", "due": ""}


@pytest.mark.parametrize(
    ("kind", "facts", "told"),
    [
        ("referral.offered", LH | {"due": UNTIL}, {"r-1": OFFERED}),
        ("referral.unplaced", {"referral": "r-1", "owner": "city", "due": UNTIL}, {"r-1": UNPLACED}),
        ("referral.changed", {"referral": "r-1", "to": "accepted"}, {"r-1": {"state": "accepted", "due": ""}}),
        ("referral.changed", LH | {"to": "in_service", "due": UNTIL}, {"r-1": {"state": "in_service", "due": UNTIL}}),
        ("referral.duplicated", {"referral": "r-1"}, {"r-1": {"state": "duplicate", "due": ""}}),
        ("referral.recorded", {"referral": "r-1", "state": "received"}, {"r-1": {"state": "received"}}),
        ("referral.corrected", {"due": {"r-1": UNTIL, "r-2": ""}}, {"r-1": {"due": UNTIL}, "r-2": {"due": ""}}),
        ("referral.corrected", {"due": None}, {}),
        ("offer.expired", LH, {}),
        ("household.changed", {"referral": "r-1"}, {}),
    ],
)
def test_an_entry_says_where_referrals_stand(kind: str, facts: dict[str, Any], told: dict[str, Any]) -> None:
    assert dict(standing(Change(7, kind, UNTIL, facts))) == told


def test_every_state_a_referral_can_reach_has_a_korean_word() -> None:
    states = {change.to for change in CHANGES.values()} | {"received", "offered", "unplaced", "duplicate"}
    assert states == KOREAN.keys()
