"""Bodies on their way to the vault: a value sealed under its record's or message's key. Owns no storage."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import msgspec

from hub.core.prepared import Sealed
from hub.core.sealing import seal

#: Gives the data key of a record or raw message: random when live, the kept one on replay.
DataKeys = Callable[[str], bytes]
#: Deterministic JSON: the same value, the same bytes.
encode = msgspec.json.Encoder(order="deterministic").encode


def seal_value(data_key: bytes, wrapped: bytes, key_id: str, cls: str, value: object) -> Sealed:
    """Seal a msgspec value as deterministic JSON."""
    return seal_bytes(data_key, wrapped, key_id, cls, encode(value))


def seal_bytes(data_key: bytes, wrapped: bytes, key_id: str, cls: str, plaintext: bytes) -> Sealed:
    """Seal bytes; `wrapped` is the data key under the key-encryption key, stored beside the ciphertext."""
    ciphertext = seal(data_key, key_id, cls, plaintext)
    return Sealed(key_id, cls, wrapped, ciphertext, sha256(ciphertext).hexdigest())
