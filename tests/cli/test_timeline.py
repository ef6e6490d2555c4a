"""What a case's story says of one entry, with and without the names of agencies."""

from __future__ import annotations

from typing import Any

import pytest

from hub.cli import timeline
from hub.core.rules import Rules
from hub.rules import texts

RULES = Rules.load(texts())


def told(kind: str, names: dict[str, str] | None = None, **facts: Any) -> str:
    entry = {"position": 1, "heard": "2026-11-22T03:00:00.000Z", "kind": kind, "facts": facts}
    [(_, _, title, detail)] = timeline.lines([entry], RULES, names or {})
    return f"{title}: {detail}"


def test_who_is_asked_is_told_by_name_or_by_code() -> None:
    offer = {"to": "seniors", "urgency": "urgent", "due": "2026-11-24T15:00:00.000Z"}
    assert told("referral.offered", **offer) == "수락 요청: → seniors · 긴급 · 회신기한 11-25 00:00:00"
    assert "→ 진주노인복지관 · " in told("referral.offered", {"seniors": "진주노인복지관"}, **offer)


@pytest.mark.parametrize(("kind", "field"), [("referral.unplaced", "owner"), ("signal.recorded", "owner")])
def test_whoever_owns_what_is_left_is_named(kind: str, field: str) -> None:
    assert "→ city" in told(kind, **{field: "city"})


def test_the_state_that_a_change_leads_to_is_no_agency() -> None:
    assert told("referral.changed", change="accept", to="accepted", **{"from": "offered"}) == "수락: "
