"""What the hub tells itself: accounts, the passing of time, reads of personal data. Owns the shapes, no meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hub.schemas.native.wire import Own, Token, Word

Codes = Annotated[tuple[Token, ...], Field(max_length=100)]


class AgencyRegistered(Own):
    """An account as the city made it; the same fields as `AgencyClaim`."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,38}$")]
    kind: Token
    name: Token
    purposes: Codes
    legal_basis: Word
    areas: Codes = ()
    action: Literal["register"] = "register"


class AgencyChanged(Own):
    """A change of an account; what does not change may be left out."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,38}$")]
    action: Literal["register", "suspend", "resume", "add_key", "remove_key"]
    kind: Word = ""
    name: Word = ""
    purposes: Codes = ()
    legal_basis: Word = ""
    areas: Codes = ()
    key: Word = ""


class ClockTicked(Own):
    """A tick: `at` is the clock's time; `through` maps 'topic/partition' to the end offset when it was made."""

    at: Token
    through: Annotated[dict[Token, Annotated[int, Field(ge=0)]], Field(default_factory=dict, max_length=10_000)]
    stuck: Annotated[tuple[Token, ...], Field(max_length=10_000)] = ()
    cursor: Word = ""


class WorkContinued(Own):
    """A page of work a decision left: the key that became generic, the ledger's size then, how far it was done."""

    work: Literal["redo"]
    key: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    before: Annotated[int, Field(ge=0)]
    after: Annotated[int, Field(ge=0)] = 0


class AccessRead(Own):
    """A read of personal data: who, what, which classes, for which purpose."""

    reader: Token
    what: Token
    id: Token
    classes: Codes
    purpose: Token
    at: Word = ""
    case: Word = ""
