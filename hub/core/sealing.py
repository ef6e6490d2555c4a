"""Encrypted bodies, wrapped keys and keyed digests: every use of a secret that a decision needs.

Owns the algorithms and the exact bytes that go into them. Never makes randomness (keys are arguments), never reads a
file (`ledger/keyfile.py` does) and never says what is personal: callers choose what becomes a body.

Everything here is deterministic: the same key and the same input give the same bytes, so a replay is byte-identical.
AES-GCM-SIV (RFC 8452) stays safe when a nonce repeats: at worst it shows that two equal texts are equal.
All inputs made of several parts are length-prefixed (4 bytes big-endian each), so no two part lists share their bytes.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from hub.errors import Halt

KEY_SIZE: Final = 32
_NONCE_SIZE: Final = 12
_ID_SIZE: Final = 16
# BLAKE2b personalization (at most 16 bytes): the same parts under two uses never give the same bytes.
_BODY_NONCE: Final = b"ieum body nonce"
_DERIVED_ID: Final = b"ieum derived id"
_length: Final = Struct(">I").pack


@dataclass(frozen=True, slots=True)
class Keys:
    """The two secrets of an installation, 32 bytes each; neither is ever in the database.

    kek: wraps data keys. Destroying it makes every body unreadable.
    pepper: keys all digests. Losing it makes every lookup by identifier miss; leaking it makes them guessable.
    """

    kek: bytes = field(repr=False)
    pepper: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.kek) != KEY_SIZE or len(self.pepper) != KEY_SIZE:
            raise Halt(f"the key-encryption key and the pepper have {KEY_SIZE} bytes each")


def _joined(*parts: bytes) -> bytes:
    return b"".join([_length(len(part)) + part for part in parts])


# The bodies of one record follow each other, and all cases have one key. Their messages hold these keys as well.
@lru_cache(maxsize=4)
def _body_cipher(data_key: bytes) -> AESGCMSIV:
    return AESGCMSIV(data_key)


def _bound(record_id: str, cls: str) -> bytes:
    """What a body belongs to. The length in front keeps (a, bc) apart from (ab, c)."""
    return b"%d|%b|%b" % (len(record_id), record_id.encode(), cls.encode())


def seal(data_key: bytes, record_id: str, cls: str, plaintext: bytes) -> bytes:
    """The body of one class of one record, encrypted: ciphertext and a 16-byte tag, nonce not included.

    data_key: 32 random bytes of this record alone. Raises ValueError on another length.
    """
    bound = _bound(record_id, cls)
    nonce = blake2b(bound, digest_size=_NONCE_SIZE, key=data_key, person=_BODY_NONCE).digest()
    return _body_cipher(data_key).encrypt(nonce, plaintext, bound)


def open_(data_key: bytes, record_id: str, cls: str, sealed: bytes) -> bytes:
    """The plaintext of a body. Raises Halt when body, key, record and class do not belong together."""
    bound = _bound(record_id, cls)
    nonce = blake2b(bound, digest_size=_NONCE_SIZE, key=data_key, person=_BODY_NONCE).digest()
    try:
        return _body_cipher(data_key).decrypt(nonce, sealed, bound)
    except InvalidTag:
        raise Halt(f"body {cls} of record {record_id} does not open: damaged, moved, or under another key") from None


# Two entries: the living key and, while keys are re-wrapped, its successor. It outlives neither the process nor both.
@lru_cache(maxsize=2)
def _kek_cipher(kek: bytes) -> AESGCMSIV:
    return AESGCMSIV(kek)


def _wrap_nonce(key_id: bytes) -> bytes:
    """The end of the id. It need not be unique: data keys are random, and the whole id is associated data."""
    return key_id[-_NONCE_SIZE:].rjust(_NONCE_SIZE, b"\0")


def wrap(kek: bytes, key: bytes, key_id: str) -> bytes:
    """A data key encrypted under the key-encryption key and bound to its id: 48 bytes for a key of 32."""
    bound = key_id.encode()
    return _kek_cipher(kek).encrypt(_wrap_nonce(bound), key, bound)


def unwrap(kek: bytes, wrapped: bytes, key_id: str) -> bytes:
    """The data key again. Raises Halt when it was wrapped under another key or for another id."""
    bound = key_id.encode()
    try:
        return _kek_cipher(kek).decrypt(_wrap_nonce(bound), wrapped, bound)
    except InvalidTag:
        raise Halt(f"key of {key_id} does not unwrap: damaged, moved, or under another key") from None


def keyed_digest(pepper: bytes, *parts: str | bytes) -> bytes:
    """HMAC-SHA256 over the length-prefixed parts, 32 bytes. Text counts as its UTF-8 bytes."""
    return hmac.digest(pepper, _joined(*[p.encode() if isinstance(p, str) else p for p in parts]), "sha256")


def cause_digest(pepper: bytes, source: str, message_id: str) -> bytes:
    """What an entry calls the message that caused it, 32 bytes. Two sources may use the same message id."""
    return hmac.digest(pepper, _joined(source.encode(), message_id.encode()), "sha256")


def derive_id(cause: bytes, kind: str, ordinal: int) -> str:
    """The id of the `ordinal`-th thing of a kind that a cause brought about, as UUID text (version 8, RFC 9562).

    BLAKE2b-128 over the parts; version and variant leave 122 bits of it. A replay derives the same ids.
    """
    parts = b"%d|%b|%b|%d" % (len(cause), cause, kind.encode(), ordinal)
    h = blake2b(parts, digest_size=_ID_SIZE, person=_DERIVED_ID).hexdigest()
    return f"{h[:8]}-{h[8:12]}-8{h[13:16]}-{'89ab'[int(h[16], 16) & 3]}{h[17:20]}-{h[20:]}"


def person_id(record: str) -> str:
    """The id of the person that is called after a record: its oldest."""
    return derive_id(bytes.fromhex(record.replace("-", "")), "person", 0)


def own_case(record: str) -> str:
    """The id of the household of a person who names no dwelling, called after the person's oldest record."""
    return derive_id(bytes.fromhex(record.replace("-", "")), "household", 0)
