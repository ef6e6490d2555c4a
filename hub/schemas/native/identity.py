"""A worker's decision about who is who. Owns the shape; whether it can be followed is the ledger's to say."""

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
