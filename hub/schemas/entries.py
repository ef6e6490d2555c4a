"""Ledger entries as one closed union: every kind that is ever written, with the facts it states.

Owns the shape readers rely on (feed, audit, export); `kind` tells which. Never holds a name, a number or a date of a
person: those are bodies. `parse` is the only door; entries of older versions come through `upcast`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import orjson
from pydantic import Field, StringConstraints, TypeAdapter

from hub.schemas import facts as f
from hub.schemas.facts import Code, Id, Instant, NoId, Part
from hub.schemas.upcast import upcast

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Family = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{16})?$")]


class Cause(Part):
    """The message: HMAC of its source and id, and SHA-256 of its encrypted bytes."""

    digest: Digest
    sealed: Digest


class Actor(Part):
    """In which role somebody caused it; who it was stands in facts."""

    role: Literal["agency", "hub"]


class RuleDigests(Part):
    """Digests of the rule files that decided."""

    mapping: Family
    identity: Family
    routing: Family
    clocks: Family
    benefits: Family


class BodyRef(Part):
    """An encrypted body beside the ledger."""

    cls: Code = Field(alias="class")
    key_id: Id
    sha256_of_ciphertext: Digest


class Common(Part):
    """What stands in every entry. `heard` is the broker's time and never goes back; `at` is the source's claim."""

    v: Literal[1]
    id: Id
    case: Id | NoId
    seq_in_case: Annotated[int, Field(ge=0)]
    schema_: Literal[1] = Field(alias="schema")
    release: str
    at: str
    heard: Instant
    cause: Cause
    actor: Actor
    purpose: Code
    legal_basis: str
    rules: RuleDigests
    bodies: tuple[BodyRef, ...]


class AgencyRegistered(Common):
    """See its facts."""

    kind: Literal["agency.registered"]
    facts: f.AgencyRegisteredFacts


class AgencyChanged(Common):
    """See its facts."""

    kind: Literal["agency.changed"]
    facts: f.AgencyChangedFacts


class ReferralRecorded(Common):
    """See its facts."""

    kind: Literal["referral.recorded"]
    facts: f.ReferralRecordedFacts


class ReferralCorrected(Common):
    """See its facts."""

    kind: Literal["referral.corrected"]
    facts: f.ReferralCorrectedFacts


class ReferralDuplicated(Common):
    """See its facts."""

    kind: Literal["referral.duplicated"]
    facts: f.ReferralDuplicatedFacts


class ReferralOffered(Common):
    """See its facts."""

    kind: Literal["referral.offered"]
    facts: f.ReferralOfferedFacts


class ReferralUnplaced(Common):
    """See its facts."""

    kind: Literal["referral.unplaced"]
    facts: f.ReferralUnplacedFacts


class ReferralChanged(Common):
    """See its facts."""

    kind: Literal["referral.changed"]
    facts: f.ReferralChangedFacts


class OfferExpired(Common):
    """See its facts."""

    kind: Literal["offer.expired"]
    facts: f.OfferExpiredFacts


class PersonMerged(Common):
    """See its facts."""

    kind: Literal["person.merged"]
    facts: f.PersonsChangedFacts


class PersonSplit(Common):
    """See its facts."""

    kind: Literal["person.split"]
    facts: f.PersonsChangedFacts


class IdentityDecided(Common):
    """See its facts."""

    kind: Literal["identity.decided"]
    facts: f.IdentityDecidedFacts


class ReviewOpened(Common):
    """See its facts."""

    kind: Literal["review.opened"]
    facts: f.ReviewOpenedFacts


class KeyRetired(Common):
    """See its facts."""

    kind: Literal["key.retired"]
    facts: f.KeyRetiredFacts


class IdentityRedone(Common):
    """See its facts."""

    kind: Literal["identity.redone"]
    facts: f.IdentityRedoneFacts


class HouseholdDecided(Common):
    """See its facts."""

    kind: Literal["household.decided"]
    facts: f.HouseholdDecidedFacts


class HouseholdChanged(Common):
    """See its facts."""

    kind: Literal["household.changed"]
    facts: f.HouseholdChangedFacts


class SignalRecorded(Common):
    """See its facts."""

    kind: Literal["signal.recorded"]
    facts: f.SignalRecordedFacts


class DirectoryListed(Common):
    """See its facts."""

    kind: Literal["directory.listed"]
    facts: f.DirectoryListedFacts


class MessageRefused(Common):
    """See its facts."""

    kind: Literal["message.refused"]
    facts: f.MessageRefusedFacts


class AccessRecorded(Common):
    """See its facts."""

    kind: Literal["access.recorded"]
    facts: f.AccessRecordedFacts


class ClockPaged(Common):
    """See its facts."""

    kind: Literal["clock.paged"]
    facts: f.ClockPagedFacts


Entry = Annotated[
    AgencyRegistered
    | AgencyChanged
    | ReferralRecorded
    | ReferralCorrected
    | ReferralDuplicated
    | ReferralOffered
    | ReferralUnplaced
    | ReferralChanged
    | OfferExpired
    | PersonMerged
    | PersonSplit
    | IdentityDecided
    | ReviewOpened
    | KeyRetired
    | IdentityRedone
    | HouseholdDecided
    | HouseholdChanged
    | SignalRecorded
    | DirectoryListed
    | MessageRefused
    | AccessRecorded
    | ClockPaged,
    Field(discriminator="kind"),
]
ADAPTER: Final[TypeAdapter[Entry]] = TypeAdapter(Entry)


def parse(raw: bytes) -> Entry:
    """The entry in `raw`, of any version ever written. Raises ValueError (pydantic's is one) when it is none."""
    return ADAPTER.validate_python(upcast(orjson.loads(raw)))
