"""The facts of each kind of entry: ids, codes, times and amounts that describe no one.

Owns their shape, one model per kind; `hub.schemas.entries` makes the closed union of them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
NoId = Literal[""]
Instant = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
Code = Annotated[str, StringConstraints(max_length=128)]
Listener = Annotated[str, StringConstraints(pattern=r"^[ap]:[a-z0-9_-]+$")]
Urgency = Literal["routine", "urgent", "sos"]


class Part(BaseModel):
    """Part of an entry: frozen, and an unknown field is a misunderstanding."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Facts(Part):
    """What every kind says: who may know of it."""

    audience: tuple[Listener, ...]


# ------------------------------------------------------------------ agencies
class AgencyRegisteredFacts(Facts):
    """An account of the directory. Its name is an office's, not a person's."""

    agency: Code
    agency_kind: Code
    areas: tuple[str, ...]
    legal_basis: str
    name: str
    purposes: tuple[Code, ...]


class AgencyChangedFacts(Facts):
    """An account changed: its state, by the city or because too much was refused, or a key its events are signed with.

    key: the public key (`schemas.signature`) that was `key_change`: added or removed; the state is then what it was.
    """

    agency: Code
    reason: Literal["by_city", "refusals"]
    state: Literal["active", "suspended", "paused"]
    key: Code | None = None
    key_change: Literal["added", "removed"] | None = None


# ------------------------------------------------------------------ referrals
class Tightens(Part):
    """What a duplicate does to the referral it points to: a higher urgency, an earlier answer ('' without a clock)."""

    due: Instant | NoId
    referral: Id
    urgency: Urgency


class ReferralRecordedFacts(Facts):
    """One need of one person or household, asked for by one agency. `code` is absent where it says too much."""

    agency: Code
    flags: tuple[Code, ...]
    how: Literal["new", "auto", "provisional", "none"]
    need: Id
    person: Id | NoId
    record: Id | NoId
    referral: Id
    repairs: tuple[str, ...]
    state: Literal["received", "duplicate"]
    urgency: Urgency
    code: Code = ""
    dong: str = ""
    duplicate_of: Id | NoId = ""
    dwelling: Literal[True] | None = None
    joins: Literal[True] | None = None
    needed_by: str = ""
    origin_hidden: Literal[True] | None = None
    related_to: Id | NoId = ""
    restricted: Literal[True] | None = None
    secret: Literal[True] | None = None
    tightens: Tightens | None = None


class ReferralCorrectedFacts(Facts):
    """The same referral number under a new message id: urgency and answers due, by referral.

    `record`, `person`, `how`: where it says otherwise who it is about. `flags`: what the number contradicts now,
    instead of what it was flagged for; absent before 0.4.0, when earlier flags stayed.
    """

    agency: Code
    due: dict[Id, Instant]
    referrals: tuple[Id, ...]
    urgency: dict[Id, Urgency]
    flags: tuple[Code, ...] | None = None
    how: Literal["new", "auto", "provisional"] | None = None
    needed_by: str = ""
    person: Id | None = None
    record: Id | None = None


class ReferralDuplicatedFacts(Facts):
    """A request found to be somebody's second one after persons merged."""

    duplicate_of: Id
    referral: Id
    tightens: Tightens | None = None


class ReferralOfferedFacts(Facts):
    """Asked of an agency: the `rank`-th, by when, and why that one."""

    due: Instant
    rank: Annotated[int, Field(ge=1)]
    reason: str
    referral: Id
    to: Code
    urgency: Urgency


class ReferralUnplacedFacts(Facts):
    """Nobody left to ask: who owns it now, and why."""

    owner: Code
    reason: str
    referral: Id


class ReferralChangedFacts(Facts):
    """Somebody moved it. `by` is 'source' where the origin is hidden."""

    by: Code
    change: Code
    from_: Code = Field(alias="from")
    reason: Code
    referral: Id
    to: Code
    on_behalf: Code = ""


class OfferExpiredFacts(Facts):
    """An offer nobody answered by `due`."""

    due: Instant
    referral: Id
    to: Code


# ------------------------------------------------------------------ persons and households
class PersonsChangedFacts(Facts):
    """Records that belong to another person now, with the referrals made for them.

    `absorbed` is the id that ceased to be a person (a merge).
    """

    absorbed: Id | NoId
    into: Id
    records: tuple[Id, ...]
    referrals: tuple[Id, ...]
    was: Id


class IdentityDecidedFacts(Facts):
    """A worker's word: every record on the left is the same person as, or another than, every one on the right."""

    by: Code
    decision: Literal["same", "apart"]
    left: tuple[Id, ...]
    reason: Code
    review: Id | NoId
    right: tuple[Id, ...]


class ReviewOpenedFacts(Facts):
    """Two persons that may be one. `rank`: probability times consequence, per mille; `human`: a person must look."""

    consequences: tuple[Code, ...]
    guard: Code
    human: bool
    other: Id
    person: Id
    possibly: Id
    rank: Annotated[int, Field(ge=0)]
    record: Id
    review: Id


class KeyRetiredFacts(Facts):
    """A blocking key that too many records share says nothing from now on; links that rest on it are redone."""

    key: str


class IdentityRedoneFacts(Facts):
    """A page of that: links dropped, newer record by newer record; `after`: position up to which it is done."""

    after: Annotated[int, Field(ge=0)]
    dropped: tuple[Id, ...]
    dropped_from: tuple[Id, ...]
    key: str
    more: bool


class HouseholdDecidedFacts(Facts):
    """A worker's word: the persons' records that name this dwelling belong to the household `into`."""

    by: Code
    decision: Literal["split", "join"]
    into: Id
    persons: tuple[Id, ...]
    reason: Code
    records: tuple[Id, ...]


class HouseholdChangedFacts(Facts):
    """A person left a household and joined another; `moved` referrals went along when the first one dissolved."""

    absorbed_into: Id | NoId
    joined: Id
    left: Id | NoId
    moved: tuple[Id, ...]
    person: Id
    was: Id


# ------------------------------------------------------------------ the rest
class SignalRecordedFacts(Facts):
    """An observation, and who watches it."""

    agency: Code
    dong: str
    flags: tuple[Code, ...]
    owner: Code
    signal: Id
    signal_kind: Code
    urgency: Urgency
    dwelling: Literal[True] | None = None


class DirectoryListedFacts(Facts):
    """An organization as a directory publishes it now. `content`: keyed digest of what it says, contacts left out.

    `modified`: the newest change its source dates. Counts are of services, places and people named as contacts.
    """

    agency: Code
    change: Literal["new", "changed"]
    contacts: Annotated[int, Field(ge=0)]
    content: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    dongs: tuple[str, ...]
    flags: tuple[Code, ...]
    listing: Id
    locations: Annotated[int, Field(ge=0)]
    modified: Instant | NoId
    services: Annotated[int, Field(ge=0)]


class RefusalReason(Part):
    """Why a field made a message unacceptable, in the source's own words; never the value."""

    code: Code
    path: str
    text: str
    allowed: tuple[str, ...] = ()
    state: str = ""


class MessageRefusedFacts(Facts):
    """A message that can never be accepted. `counts`: towards the share that pauses its agency."""

    agency: Code
    counts: bool
    reasons: tuple[RefusalReason, ...]


class AccessRecordedFacts(Facts):
    """A read of personal data."""

    classes: tuple[Code, ...]
    id: Code
    purpose: Code
    reader: Code
    what: Code


class ClockPagedFacts(Facts):
    """A tick did as much as one transaction may; a continuation goes on behind `cursor`."""

    cursor: str
    through: Instant
