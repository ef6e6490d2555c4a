"""decide(state, message, policy) → outcome: the one door to every decision. Pure; exactly one verdict a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from hub.core.decide import (
    answer,
    dwelling,
    identity,
    listing,
    redo,
    referral,
    signal,
    signing,
    system,
    tick,
    withdrawal,
)
from hub.core.entry import Entry, Recorder
from hub.core.policy import Policy
from hub.core.prepared import Prepared, Sealed
from hub.core.sealing import keyed_digest
from hub.core.state import Seen, State
from hub.schemas import topics
from hub.schemas.canonical import (
    AccessClaim,
    AgencyClaim,
    AnswerClaim,
    HouseholdClaim,
    IdentityClaim,
    KeyClaim,
    ListingClaim,
    Reason,
    RedoClaim,
    ReferralClaim,
    Refusal,
    SignalClaim,
    TickClaim,
    WithdrawalClaim,
)

RECORDED, REFUSED, SEEN, NO_OP, HELD = "recorded", "refused", "seen", "no-op", "held"
UNSIGNED: Final = signing.UNSIGNED
#: An agency whose recent messages are refused by more than this share is paused (one shifted spreadsheet …).
PAUSE_SHARE, PAUSE_LEAST = 0.5, 50


class Outcome(msgspec.Struct, frozen=True):
    """What became of one message. `held`: its agency is paused; nothing was decided, it stays on its topic."""

    verdict: str
    cause: bytes
    entries: list[Entry]
    bodies: list[Sealed]
    first_position: int
    reasons: tuple[Reason, ...] = ()


def decide(state: State, message: Prepared, policy: Policy) -> Outcome:
    """Decide one message and apply what it caused to `state`."""
    agency = state.agency(message.agency)
    content = message.content
    if agency is not None and agency.state == "paused" and not isinstance(content, AnswerClaim):
        return Outcome(HELD, message.cause, [], [], 0)
    fault = signing.fault(agency, message)
    if fault is None and agency is not None and agency.keys:
        message = signing.reopened(message, state.seen, policy)
    known = state.seen.get(message.cause)
    if known is not None and known.data_digest != message.data_digest:
        message = conflicting(message, policy)
        known = state.seen.get(message.cause)
    if fault is not None:
        message = signing.unsigned(message, fault)
    content = message.content
    if known is not None:
        return Outcome(SEEN, message.cause, [], [], known.position)
    recorder = Recorder(state, message, policy, _actor(message))
    first = state.size + 1
    refusal = content if isinstance(content, Refusal) else DECIDERS[type(content)](recorder, content)
    if refusal is not None:
        _refuse(recorder, refusal, counts=fault is None)
    verdict = UNSIGNED if fault else REFUSED if refusal else RECORDED if recorder.entries else NO_OP
    position = first if recorder.entries else 0
    state.seen[message.cause] = Seen(message.data_digest, verdict, position)
    reasons = refusal.reasons if refusal else ()
    return Outcome(verdict, message.cause, recorder.entries, recorder.bodies, position, reasons)


def conflicting(message: Prepared, policy: Policy) -> Prepared:
    """The same id with other data: a conflict to be shown, under a cause of its own, never a repeat."""
    cause = keyed_digest(policy.keys.pepper, message.cause, message.data_digest)
    refusal = Refusal((Reason("/id", "id_conflict", "this id was used before with other data: send a new id"),))
    return msgspec.structs.replace(message, cause=cause, content=refusal)


#: One decider a claim: a claim without one is a defect that the tests of `canonical.Claim` find.
DECIDERS: Final[dict[type, Callable[[Recorder, Any], Refusal | None]]] = {
    ReferralClaim: referral.decide,
    AnswerClaim: answer.decide,
    IdentityClaim: identity.decide,
    HouseholdClaim: dwelling.decide,
    RedoClaim: redo.decide,
    WithdrawalClaim: withdrawal.decide,
    SignalClaim: signal.decide,
    ListingClaim: listing.decide,
    TickClaim: tick.decide,
    AgencyClaim: system.agency,
    KeyClaim: system.key,
    AccessClaim: system.access,
}


def _actor(message: Prepared) -> str:
    return "hub" if message.agency == topics.HUB else "agency"


def _refuse(recorder: Recorder, refusal: Refusal, *, counts: bool) -> None:
    """Record the refusal; past the share that is too much, pause the agency and tell it.

    counts: not where the signature is wrong: whoever has only stolen a password must not be able to stop an agency.
    """
    message, state = recorder.message, recorder.state
    counts = counts and not isinstance(message.content, AnswerClaim) and message.agency in state.directory
    reasons = [_reason(r) for r in refusal.reasons]
    facts = {"agency": message.agency, "audience": [f"a:{message.agency}"], "counts": counts, "reasons": reasons}
    recorder.emit("message.refused", facts, bodies=(message.raw,))
    total, refused = state.refusals.get(message.agency, (0, 0))
    active = counts and state.directory[message.agency].state == "active"  # a suspended one stays suspended
    if active and total >= PAUSE_LEAST and refused > PAUSE_SHARE * total:
        audience = [f"a:{message.agency}", "p:audit", "p:welfare"]
        facts = {"agency": message.agency, "audience": audience, "reason": "refusals", "state": "paused"}
        recorder.emit("agency.changed", facts)


def _reason(reason: Reason) -> dict[str, object]:
    value: dict[str, object] = {"code": reason.code, "path": reason.path, "text": reason.text}
    if reason.allowed or reason.state:
        value |= {"allowed": list(reason.allowed), "state": reason.state}
    return value
