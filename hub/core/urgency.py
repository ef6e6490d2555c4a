"""How urgent a referral is. Owns that one rule; clocks are `calendar`'s."""

from __future__ import annotations

from hub.core.rules import NeedCode
from hub.schemas.canonical import URGENCY_RANK, Urgency


def decide(claim_urgency: Urgency | None, urgent_mark: bool, need: NeedCode) -> Urgency:  # noqa: FBT001
    """The highest of what the source claims, what the code says by itself, and the mark 긴급.

    The mark makes a code with gap support sos (SOS 긴급 틈새), any other urgent. A claim never lowers a code's default.
    """
    marked: Urgency = "routine"
    if urgent_mark:
        marked = "sos" if need.gap_support else "urgent"
    return max((claim_urgency or "routine", need.default_urgency, marked), key=URGENCY_RANK.__getitem__)
