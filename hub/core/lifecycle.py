"""A referral's way, and who may move it. Owns the table of changes; decides nothing about where it goes next.

Source: `docs/glossary.md` and the referral diagram there. A change that is not in the table is refused with the
current state and the allowed ones.
"""

from __future__ import annotations

import msgspec

from hub.schemas.canonical import Reason, Refusal

SOURCE, RECEIVER, WORKER, HUB = "source", "receiver", "worker", "hub"


class Change(msgspec.Struct, frozen=True):
    """One legal change: from which states, to which, by whom, and whether it needs a reason."""

    states: tuple[str, ...]
    to: str
    by: tuple[str, ...]
    reasons: tuple[str, ...] = ()


DECLINES = (
    "no_capacity", "not_eligible", "no_contact", "out_of_area", "unsafe", "already_served", "person_refused",
    "moved", "deceased", "admitted", "budget_exhausted", "other",
)  # fmt: skip
WITHDRAWABLE = ("offered", "unplaced", "accepted", "in_service", "on_hold", "duplicate")
CHANGES: dict[str, Change] = {
    "accept": Change(("offered", "unplaced"), "accepted", (RECEIVER, WORKER)),
    "decline": Change(("offered",), "declined", (RECEIVER, WORKER), DECLINES),
    "start": Change(("accepted",), "in_service", (RECEIVER, WORKER)),
    "hold": Change(("in_service",), "on_hold", (RECEIVER, WORKER)),
    "resume": Change(("on_hold",), "in_service", (RECEIVER, WORKER)),
    "deliver": Change(("in_service",), "delivered", (RECEIVER, WORKER)),
    "fail": Change(("accepted", "in_service", "on_hold"), "failed", (RECEIVER, WORKER), DECLINES),
    "refer-on": Change(("accepted", "in_service", "on_hold"), "failed", (RECEIVER, WORKER), DECLINES),
    "withdraw": Change(WITHDRAWABLE, "withdrawn", (SOURCE, WORKER)),
    "close": Change(("delivered",), "closed", (HUB,)),
}
#: After these the need is open again and the next agency is asked.
ASKS_NEXT = frozenset({"declined", "failed"})


def allowed(state: str, roles: frozenset[str]) -> tuple[str, ...]:
    """The changes somebody with these roles may ask of a referral in `state`."""
    return tuple(name for name, c in CHANGES.items() if state in c.states and roles & set(c.by))


def guard(change: str, state: str, roles: frozenset[str], reason: str, *, report: bool) -> Refusal | Change:
    """The change if it is legal, else why not. `report`: the code's mode knows no decline (child abuse …)."""
    rule = CHANGES.get(change)
    possible = allowed(state, roles)
    if report:
        possible = tuple(c for c in possible if c != "decline")
    if rule is None or change not in possible:
        text = f"this referral is {state}; '{change}' is not possible now"
        return _refuse(Reason("/data/change", "illegal_change", text, possible, state))
    if rule.reasons and reason not in rule.reasons:
        return _refuse(Reason("/data/reason", "reason_missing", "a reason code is needed", rule.reasons, state))
    return rule


def _refuse(reason: Reason) -> Refusal:
    return Refusal((reason,))
