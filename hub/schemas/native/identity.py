"""A worker's decision about who is who, or who lives with whom. Owns the shapes; the ledger says what can be done."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hub.schemas.native.wire import Own, Text, Token, Word

#: Why somebody is sure. Free text goes to `text` and stays encrypted.
IdentityReason = Literal["asked_person", "documents_seen", "agency_confirmed", "entry_error", "other"]
Ids = Annotated[tuple[Token, ...], Field(max_length=100)]


class IdentityDecision(Own):
    """`review`: an open review; or `persons`: two that are one; or one person whose `records` are somebody else's."""

    decision: Literal["same", "apart"]
    reason: IdentityReason
    persons: Annotated[Ids, Field(max_length=2)] = ()
    records: Ids = ()
    review: Word = ""
    text: Text = ""
    at: Word = ""


class HouseholdDecision(Own):
    """Split: `persons` of `case` live on their own. Join: the households of `case` and `other` are one."""

    decision: Literal["split", "join"]
    reason: IdentityReason
    case: Token
    persons: Ids = ()
    other: Word = ""
    text: Text = ""
    at: Word = ""
