"""The hub's own messages: accounts registered or changed, reads of personal data."""

from __future__ import annotations

from hub.core.entry import Recorder
from hub.schemas import signature, topics
from hub.schemas.canonical import AccessClaim, AgencyClaim, KeyClaim, Reason, Refusal

STATES = {"suspend": "suspended", "resume": "active"}
KEY_CHANGES = {"add_key": "added", "remove_key": "removed"}
#: Two are what a rotation needs; more is room for several systems of one agency.
MOST_KEYS = 8


def agency(recorder: Recorder, claim: AgencyClaim) -> Refusal | None:
    """Register an account, suspend it or let it go on. Only the hub itself may say so."""
    if recorder.message.agency != topics.HUB:
        return Refusal((Reason("/type", "not_allowed", "accounts are changed by the city, not by an agency"),))
    if claim.action != "register":
        if recorder.state.agency(claim.code) is None:
            return Refusal((Reason("/data/code", "agency_unknown", "no such agency"),))
        audience = [f"a:{claim.code}", "p:audit", "p:welfare"]
        facts = {"agency": claim.code, "audience": audience, "reason": "by_city", "state": STATES[claim.action]}
        recorder.emit("agency.changed", facts)
        return None
    facts = {
        "agency": claim.code,
        "agency_kind": claim.kind,
        "areas": list(claim.areas),
        "audience": [f"a:{claim.code}", "p:audit", "p:welfare"],
        "legal_basis": claim.legal_basis,
        "name": claim.name,
        "purposes": list(claim.purposes),
    }
    recorder.emit("agency.registered", facts)
    return None


def key(recorder: Recorder, claim: KeyClaim) -> Refusal | None:
    """Register a key that an agency's events are signed with, or remove one. Only the hub itself may say so."""
    known, adds = recorder.state.agency(claim.code), claim.action == "add_key"
    if recorder.message.agency != topics.HUB:
        return Refusal((Reason("/type", "not_allowed", "accounts are changed by the city, not by an agency"),))
    if known is None:
        return Refusal((Reason("/data/code", "agency_unknown", "no such agency"),))
    why = ""
    if adds and not signature.is_kid(claim.key):
        why = "this is no public key of Ed25519 or P-256"
    elif (claim.key in known.keys) == adds:
        why = "this key is registered already" if adds else "this key is not registered"
    elif adds and len(known.keys) >= MOST_KEYS:
        why = f"an agency has at most {MOST_KEYS} keys: remove one that is not used any more"
    if why:
        return Refusal((Reason("/data/key", "key", why),))
    facts = {
        "agency": claim.code,
        "audience": [f"a:{claim.code}", "p:audit", "p:welfare"],
        "key": claim.key,
        "key_change": KEY_CHANGES[claim.action],
        "reason": "by_city",
        "state": known.state,
    }
    recorder.emit("agency.changed", facts)
    return None


def access(recorder: Recorder, claim: AccessClaim) -> Refusal | None:
    """Keep who read whose personal data, when and why: evidence like any other."""
    if recorder.message.agency != topics.HUB:
        return Refusal((Reason("/type", "not_allowed", "reads are recorded by the hub itself"),))
    facts = {
        "audience": ["p:audit"],
        "classes": list(claim.classes),
        "id": claim.id,
        "purpose": claim.purpose,
        "reader": claim.reader,
        "what": claim.what,
    }
    case = claim.case if claim.case in recorder.state.cases else ""
    recorder.emit("access.recorded", facts, case=case)
    return None
