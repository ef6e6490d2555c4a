"""Where a referral goes next: the first offer, the next agency, or unplaced with an owner. Owns no transition rule."""

from __future__ import annotations

from hub.core.calendar import due_answer
from hub.core.entry import Recorder
from hub.core.privacy import audience_of
from hub.core.routing import route, unplaced_owner
from hub.core.state import Case, Referral
from hub.schemas.canonical import URGENCY_RANK


def ask_next(recorder: Recorder, case: Case, referral: Referral) -> None:
    """Offer the referral to the first agency not yet asked, else name the owner of the unplaced need."""
    state, rules = recorder.state, recorder.rules
    need = rules.needs[referral.code]
    inside = referral.restricted
    places = route(
        need,
        dong=referral.dong,
        restricted=inside,
        source=referral.agency,
        agencies=state.directory,
        tried=referral.tried,
        rules=rules,
        spread=referral.id,
    )
    if places:
        _offer(recorder, case, referral, places[0].agency, places[0].reason)
        return
    owner = unplaced_owner(
        dong=referral.dong, restricted=inside or referral.secret, agencies=state.directory, source=referral.agency
    )
    facts = {
        "audience": audience_of(referral, owner.agency),
        "owner": owner.agency,
        "reason": owner.reason,
        "referral": referral.id,
    }
    recorder.emit("referral.unplaced", facts, case=case.id)


def _offer(recorder: Recorder, case: Case, referral: Referral, to: str, reason: str) -> None:
    need = recorder.rules.needs[referral.code]
    facts = {
        "audience": audience_of(referral, to),
        "due": due_answer(recorder.now, referral.urgency, need, referral.needed_by, recorder.rules),
        "rank": len(referral.tried) + 1,
        "reason": reason,
        "referral": referral.id,
        "to": to,
        "urgency": referral.urgency,
    }
    recorder.emit("referral.offered", facts, case=case.id)


def tighten(recorder: Recorder, survivor: Referral, urgency: str, needed_by: str) -> dict[str, str] | None:
    """The higher urgency of a duplicate tightens the survivor's clock, never loosens it."""
    if URGENCY_RANK[urgency] <= URGENCY_RANK[survivor.urgency]:
        return None
    need = recorder.rules.needs[survivor.code]
    due = due_answer(recorder.now, urgency, need, needed_by, recorder.rules) if survivor.due else ""
    return {"due": min(due, survivor.due) if due else "", "referral": survivor.id, "urgency": urgency}
