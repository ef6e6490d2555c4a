"""An answer to a referral, as it is. Owns its date; whether the change is legal is the lifecycle's to say."""

from __future__ import annotations

from hub.core.normalize.draft import Draft
from hub.core.normalize.referral import read_at
from hub.schemas.canonical import AnswerClaim, Refusal
from hub.schemas.native.answer import ReferralAnswer


def normalize(answer: ReferralAnswer, heard: str) -> AnswerClaim | Refusal:
    """The claim; 'other' without a text says nothing and is refused."""
    draft = Draft()
    draft.put("at", "/at", answer.at)
    at = read_at(draft, heard)
    if answer.reason == "other" and not answer.text.strip():
        draft.refuse("/text", "text_missing", "The reason 'other' needs a text.")
    if draft.reasons:
        return draft.refusal()
    return AnswerClaim(answer.referral, answer.change, at, answer.reason, answer.text, answer.on_behalf)
