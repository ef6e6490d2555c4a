"""One Kafka record on its way to a decision: as it arrived, and as prepared outside the lock.

Owns the two values; `hub.core.prepare` makes the second from the first.
"""

from __future__ import annotations

import msgspec

from hub.core.identity.features import Features
from hub.core.identity.score import Score
from hub.schemas.canonical import Claim, Refusal
from hub.schemas.signature import Signature

NO_SIGNATURE = Signature()


class Arrival(msgspec.Struct, frozen=True):
    """A record as the broker handed it over. `heard` is its append time, RFC 3339 UTC with milliseconds."""

    topic: str
    partition: int
    offset: int
    heard: str
    value: bytes


class Sealed(msgspec.Struct, frozen=True):
    """An encrypted body, ready to be written. `digest` is SHA-256 of the ciphertext, hex."""

    key_id: str
    cls: str
    wrapped: bytes
    ciphertext: bytes
    digest: str


class Prepared(msgspec.Struct):
    """Everything about a message that can be known without the ledger.

    cause: 32 bytes, HMAC(pepper, source|id). records: one id per need-independent mention (today one).
    `keys` are blocking keys, `unit` the dwelling's key, `number_key` HMAC(pepper, agency|number).
    """

    arrival: Arrival
    agency: str
    source: str
    message_id: str
    type: str
    cause: bytes
    data_digest: bytes
    content: Claim | Refusal
    raw: Sealed
    data_key: bytes
    record: str = ""
    features: Features | None = None
    keys: tuple[int, ...] = ()
    unit: int | None = None
    number_key: bytes = b""
    features_sealed: bytes | None = None  # the features as the projection keeps them, sealed outside the lock
    identity: Sealed | None = None
    needs: dict[str, Sealed] = {}
    notes: Sealed | None = None
    listing: str = ""  # id of the listing, and the keyed digest of its content, hex
    listed: str = ""
    signature: Signature = NO_SIGNATURE
    scores: dict[str, Score] = {}  # by known record: made while PostgreSQL looks for more of them
