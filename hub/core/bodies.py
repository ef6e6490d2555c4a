"""What is written beside the ledger, encrypted and erasable: the values inside the bodies an entry points to.

Owns their shapes. A body is deterministic JSON of one of these, sealed under the key of its record or message.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hub.core.identity.features import Features
from hub.schemas.canonical import AddressClaim, ConsentClaim, GuardianClaim, PersonClaim

IDENTITY, LISTING, MATCHING, NEED, NOTES, RAW = "identity", "listing", "matching", "need", "notes", "raw"


class IdentityBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who one message is about, as claimed, and the source's own number for it."""

    number: str
    claim: PersonClaim
    at: str
    guardian: GuardianClaim | None = None
    consent: ConsentClaim | None = None
    offence_class: str = ""
    notes: tuple[str, ...] = ()


class MatchingBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why the record was linked, or not: edges to earlier records and guards (centibits), and the explanation."""

    component: str
    absorbed: tuple[str, ...]
    edges: dict[str, int]
    guards: dict[str, str]
    explain: msgspec.Raw = msgspec.Raw(b"{}")


class NeedBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A need's code where the code itself says too much (health, offence, protected location)."""

    code: str


class SignalBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was observed, where and by whom. The reporter stays hidden from every view."""

    ref: str
    observed: str = ""
    value: str = ""
    about: str = ""
    reporter: str = ""
    address: AddressClaim | None = None


class ChangeBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """The free text of an answer."""

    text: str


class ListingBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """An organization as published: HSDS 3 as far as the hub reads it. People named as contacts are not among it."""

    content: dict[str, Any]


class AgencyBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Nothing personal, yet no code either: an agency's name in its own words."""

    name: str


class Opened(msgspec.Struct, frozen=True):
    """The bodies of one entry that still open. `features` and `keys` spare the live path a second normalization."""

    identity: IdentityBody | None = None
    matching: MatchingBody | None = None
    need: NeedBody | None = None
    features: Features | None = None
    keys: tuple[int, ...] = ()
    number_key: bytes = b""
    unit: int | None = None
    listing: ListingBody | None = None


NOTHING = Opened()
