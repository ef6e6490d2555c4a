"""A worker's decision about persons or households. Owns which parts go together; what they name is the ledger's."""

from __future__ import annotations

from hub.core.normalize.draft import Draft
from hub.core.normalize.referral import read_at
from hub.schemas.canonical import HouseholdClaim, IdentityClaim, Refusal
from hub.schemas.native.identity import HouseholdDecision, IdentityDecision

_PAIR = 2


def normalize(wire: IdentityDecision, heard: str) -> IdentityClaim | Refusal:
    """The claim; a decision about nobody, or about two things at once, is refused."""
    draft = Draft()
    draft.put("at", "/at", wire.at)
    at = read_at(draft, heard)
    if bool(wire.review) == bool(wire.persons):
        draft.refuse("/review", "subject", "Name either a review or persons.")
    elif wire.persons and len(wire.persons) != (_PAIR if wire.decision == "same" else 1):
        draft.refuse("/persons", "subject", "'same' takes two persons, 'apart' one person.")
    if wire.records and (wire.review or wire.decision == "same"):
        draft.refuse("/records", "subject", "Records are named only to set them apart from one person.")
    if wire.reason == "other" and not wire.text.strip():
        draft.refuse("/text", "text_missing", "The reason 'other' needs a text.")
    if draft.reasons:
        return draft.refusal()
    return IdentityClaim(wire.decision, at, wire.persons, wire.records, wire.review, wire.reason, wire.text)


def household(wire: HouseholdDecision, heard: str) -> HouseholdClaim | Refusal:
    """The claim; a split without persons, or a join without the other case, says nothing."""
    draft = Draft()
    draft.put("at", "/at", wire.at)
    at = read_at(draft, heard)
    if wire.decision == "split" and (not wire.persons or wire.other):
        draft.refuse("/persons", "subject", "A split names the persons who live on their own, and no other case.")
    if wire.decision == "join" and (wire.persons or not wire.other):
        draft.refuse("/other", "subject", "A join names the other case, and no persons.")
    if wire.reason == "other" and not wire.text.strip():
        draft.refuse("/text", "text_missing", "The reason 'other' needs a text.")
    if draft.reasons:
        return draft.refusal()
    return HouseholdClaim(wire.decision, at, wire.case, wire.persons, wire.other, wire.reason, wire.text)
