"""Standard Webhooks: who signed a call, and our own signatures. Owns keys and comparison; knows no HTTP.

What is signed is `id.timestamp.body`. `v1` is HMAC-SHA256 under a shared secret (`whsec_`), `v1a` Ed25519 (`whpk_` to
verify, `whsk_` to sign). Several keys hold at a time, so that they can be changed without a gap.
Source: Standard Webhooks 1.0.0, sections "Verifying signatures" and "Signature scheme".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.errors import Usage

#: Seconds a timestamp may be off, either way.
TOLERANCE_S: Final = 300
#: Bytes of a shared secret; an Ed25519 key has 32.
SHORTEST, LONGEST, ED25519 = 24, 64, 32
#: Signatures of one call that are looked at: a few keys in rotation, in both versions.
SIGNATURES: Final = 16
#: Without quotes and braces, so that no part of a signed body can pose as an id.
_ID: Final = re.compile(r"[A-Za-z0-9._:@-]{1,256}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}")


class Stamp(msgspec.Struct, frozen=True):
    """The three headers of a call: its id, seconds since 1970, signatures with spaces between them."""

    id: str
    timestamp: str
    signatures: str

    def plausible(self, now: float) -> bool:
        """Whether it is well formed and recent: what can be known before the body is read."""
        if not (_ID.fullmatch(self.id) and _TIMESTAMP.fullmatch(self.timestamp) and self.signatures):
            return False
        return abs(now - int(self.timestamp)) <= TOLERANCE_S

    def content(self, body: bytes) -> bytes:
        """What is signed."""
        return f"{self.id}.{self.timestamp}.".encode() + body


class Ring:
    """Keys that hold. Shared secrets and public keys as written; private keys sign as well."""

    def __init__(self, written: Iterable[str]) -> None:
        self._shared: list[bytes] = []
        self._public: list[Ed25519PublicKey] = []
        self._private: list[Ed25519PrivateKey] = []
        for text in written:
            self._add(text.strip())

    def __len__(self) -> int:
        return len(self._shared) + len(self._public)

    @property
    def signs(self) -> bool:
        """Whether any of them can sign."""
        return bool(self._shared or self._private)

    def holds(self, stamp: Stamp, body: bytes) -> bool:
        """Whether any signature is by any key. Compares in constant time."""
        content = stamp.content(body)
        expected = [hmac.digest(secret, content, hashlib.sha256) for secret in self._shared]
        for signature in stamp.signatures.split(" ")[:SIGNATURES]:
            version, _, coded = signature.partition(",")
            octets = _octets(coded)
            if version == "v1" and any(hmac.compare_digest(octets, one) for one in expected):
                return True
            if version == "v1a" and any(_verifies(key, octets, content) for key in self._public):
                return True
        return False

    def sign(self, id_: str, timestamp: int, body: bytes) -> Stamp:
        """One signature a key that can sign: in a rotation the partner may know any of them."""
        content = f"{id_}.{timestamp}.".encode() + body
        made = [("v1", hmac.digest(secret, content, hashlib.sha256)) for secret in self._shared]
        made += [("v1a", key.sign(content)) for key in self._private]
        return Stamp(id_, str(timestamp), " ".join(f"{v},{base64.b64encode(o).decode()}" for v, o in made))

    def _add(self, text: str) -> None:
        prefix, _, coded = text.partition("_")
        octets = _octets(coded)
        if prefix == "whsec" and SHORTEST <= len(octets) <= LONGEST:
            self._shared.append(octets)
        elif prefix == "whpk" and len(octets) == ED25519:
            self._public.append(Ed25519PublicKey.from_public_bytes(octets))
        elif prefix == "whsk" and len(octets) in {ED25519, 2 * ED25519}:  # with the public half behind it, or without
            key = Ed25519PrivateKey.from_private_bytes(octets[:ED25519])
            self._private.append(key)
            self._public.append(key.public_key())
        else:
            raise Usage(
                "A webhook key cannot be used.",
                f"Write whsec_ (base64 of {SHORTEST} to {LONGEST} bytes), whpk_ or whsk_ (base64 of an Ed25519 key).",
            )


def _verifies(key: Ed25519PublicKey, octets: bytes, content: bytes) -> bool:
    try:
        key.verify(octets, content)
    except InvalidSignature:
        return False
    return True


def _octets(coded: str) -> bytes:
    """Base64, padded or not; empty for anything else."""
    try:
        return base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
