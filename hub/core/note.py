"""Signed notes and checkpoints, the texts that bind the log.

Byte for byte as C2SP signed-note, tlog-checkpoint and tlog-cosignature (Ed25519) define them. Owns their parsing,
formatting, signing and verification. Never decides what deserves a signature (`producers/signer.py` does), never
stores one and never asks the clock. A note's text means nothing until `verified` has returned.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.core.merkle import HASH_SIZE
from hub.errors import Halt

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal[1, 4]
ED25519: Final = 1
COSIGNATURE: Final = 4
KEY_SIZE: Final = 32
MAX_SIGNATURES: Final = 100
_ID_SIZE: Final = 4
_TIME_SIZE: Final = 8
_SKEY_PREFIX: Final = "PRIVATE+KEY+"
_SIGNATURE_MARK: Final = "— "


class NoteError(Halt):
    """A note or key is malformed, or not signed as required. Our own stores hold none; of a stranger, refuse it."""


def to_base64(raw: bytes) -> str:
    """RFC 4648 section 4, with padding."""
    return base64.b64encode(raw).decode()


def from_base64(text: str) -> bytes:
    """The inverse. Raises NoteError for any spelling but the one `to_base64` gives, so texts cannot be varied."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if to_base64(raw) != text:  # quoted nowhere: it may be a key
        raise NoteError(f"{len(text)} characters are not canonical base64")
    return raw


def number(text: str) -> int:
    """A decimal number without leading zeros, below 2^63."""
    if not (text.isascii() and text.isdigit()) or (len(text) > 1 and text[0] == "0") or int(text[:20]) >= 1 << 63:
        raise NoteError(f"not a decimal number: {text[:40]!r}")
    return int(text)


def _checked_name(name: str) -> str:
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise NoteError(f"not a key name (non-empty, no spaces, no plus): {name[:80]!r}")
    return name


def _key_id(name: str, kind: int, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:_ID_SIZE]


def _key_parts(text: str) -> tuple[str, bytes, Kind, bytes]:
    """Name, key id, kind and key material of 'name+hexid+base64(kind ‖ material)'."""
    name, _, rest = text.partition("+")
    hex_id, _, material = rest.partition("+")
    raw = from_base64(material)
    if len(raw) != 1 + KEY_SIZE or raw[0] not in {ED25519, COSIGNATURE}:
        raise NoteError(f"key {name[:80]!r} is no Ed25519 key")
    try:
        return name, bytes.fromhex(hex_id), COSIGNATURE if raw[0] == COSIGNATURE else ED25519, raw[1:]
    except ValueError:
        raise NoteError(f"key {name[:80]!r} has no hexadecimal id") from None


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line. value: 64 bytes for kind 1, 8 bytes of POSIX seconds and 64 bytes for kind 4."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """As it stands in a note, without the newline."""
        return f"{_SIGNATURE_MARK}{self.name} {to_base64(self.key_id + self.value)}"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """The inverse of `line`."""
        name, _, encoded = line.removeprefix(_SIGNATURE_MARK).partition(" ")
        raw = from_base64(encoded)
        if not line.startswith(_SIGNATURE_MARK) or len(raw) <= _ID_SIZE:
            raise NoteError(f"not a signature line: {line[:80]!r}")
        return cls(_checked_name(name), raw[:_ID_SIZE], raw[_ID_SIZE:])


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under a name. kind 1 signs notes (the log), kind 4 cosigns checkpoints (a witness)."""

    name: str
    public: bytes
    kind: Kind = ED25519

    def __post_init__(self) -> None:
        _checked_name(self.name)

    @property
    def key_id(self) -> bytes:
        """The four bytes that, with the name, say whose a signature line is."""
        return _key_id(self.name, self.kind, self.public)

    def vkey(self) -> str:
        """The text that people pin."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """The inverse of `vkey`; the id must be the key's own."""
        name, key_id, kind, public = _key_parts(vkey)
        verifier = cls(name, public, kind)
        if verifier.key_id != key_id:
            raise NoteError(f"the id of key {name!r} does not belong to it")
        return verifier

    def accepts(self, text: str, value: bytes) -> bool:
        """Whether `value` is this key's signature of the note text."""
        message, signature = text.encode(), value
        if self.kind == COSIGNATURE:
            at, signature = int.from_bytes(value[:_TIME_SIZE], "big"), value[_TIME_SIZE:]
            message = _cosigned(message, at)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


def _cosigned(text: bytes, at: int) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (at, text)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key under a name: the log's origin for the log, its own for a witness."""

    name: str
    seed: bytes = field(repr=False)
    kind: Kind = ED25519

    def __post_init__(self) -> None:
        _checked_name(self.name)

    def verifier(self) -> Verifier:
        """Its public half."""
        return Verifier(self.name, self._private().public_key().public_bytes_raw(), self.kind)

    def skey(self) -> str:
        """The text of a key file. Secret."""
        material = to_base64(bytes([self.kind]) + self.seed)
        return f"{_SKEY_PREFIX}{self.name}+{self.verifier().key_id.hex()}+{material}"

    @classmethod
    def parse(cls, skey: str) -> SigningKey:
        """The inverse of `skey`. Its errors never quote the key."""
        if not skey.startswith(_SKEY_PREFIX):
            raise NoteError("this is no signing key")
        name, key_id, kind, seed = _key_parts(skey.removeprefix(_SKEY_PREFIX))
        key = cls(name, seed, kind)
        if key.verifier().key_id != key_id:
            raise NoteError(f"the id of signing key {name!r} does not belong to it")
        return key

    def sign(self, text: str) -> Signature:
        """A signature of a note text (kind 1)."""
        if self.kind != ED25519:
            raise NoteError(f"key {self.name!r} only cosigns")
        return Signature(self.name, self.verifier().key_id, self._private().sign(text.encode()))

    def cosign(self, text: str, at: int) -> Signature:
        """A witness's cosignature of a checkpoint text (kind 4). at: POSIX seconds."""
        if self.kind != COSIGNATURE:
            raise NoteError(f"key {self.name!r} does not cosign")
        value = at.to_bytes(_TIME_SIZE, "big") + self._private().sign(_cosigned(text.encode(), at))
        return Signature(self.name, self.verifier().key_id, value)

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and its signatures; parsed is not verified."""

    text: str
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """The note as it is stored and served."""
        return "".join([self.text, "\n", *(signature.line() + "\n" for signature in self.signatures)]).encode()

    @classmethod
    def parse(cls, raw: bytes) -> Note:
        """The inverse of `to_bytes`."""
        try:
            whole = raw.decode()
        except UnicodeDecodeError:
            raise NoteError("the note is not UTF-8") from None
        if any(char < " " and char != "\n" for char in whole):
            raise NoteError("the note holds control characters")
        text, blank, tail = whole.rpartition("\n\n")
        if not blank or not tail.endswith("\n") or tail.count("\n") > MAX_SIGNATURES:
            raise NoteError("the note is not a text, a blank line and signature lines")
        return cls(text + "\n", tuple(Signature.parse(line) for line in tail[:-1].split("\n")))

    def verified(self, keys: Iterable[Verifier]) -> frozenset[Verifier]:
        """Those of `keys` that signed, each public key once. Raises NoteError when a known key's signature is wrong."""
        known = {(key.name, key.key_id): key for key in keys}
        found: dict[bytes, Verifier] = {}
        for signature in self.signatures:
            key = known.get((signature.name, signature.key_id))
            if key is None:
                continue
            if not key.accepts(self.text, signature.value):
                raise NoteError(f"the signature of {key.name!r} is wrong")
            found.setdefault(key.public, key)
        return frozenset(found.values())


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head of one log: its origin, its size, its root (32 bytes) and opaque extension lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.root) != HASH_SIZE or self.size < 0:
            raise NoteError(f"a checkpoint has a size and a root of {HASH_SIZE} bytes")
        if any(not line or "\n" in line for line in (self.origin, *self.extensions)):
            raise NoteError("a checkpoint's lines are not empty and hold no newline")

    def text(self) -> str:
        """The note text that is signed."""
        return "".join(f"{part}\n" for part in (self.origin, self.size, to_base64(self.root), *self.extensions))

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The inverse of `text`."""
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < 3:  # noqa: PLR2004 -- origin, size, root
            raise NoteError("a checkpoint has at least three lines")
        origin, size, root, *extensions = lines
        return cls(origin, number(size), from_base64(root), tuple(extensions))


def open_checkpoint(raw: bytes, log: Verifier, witnesses: Iterable[Verifier] = (), need: int = 0) -> Checkpoint:
    """The checkpoint in a note signed by the log, of the log's origin, and cosigned by `need` of the witnesses."""
    note = Note.parse(raw)
    if log not in note.verified((log,)):
        raise NoteError(f"the checkpoint is not signed by {log.name!r}")
    cosigned = {key.public for key in note.verified(witnesses)} - {log.public}
    if len(cosigned) < need:
        raise NoteError(f"{len(cosigned)} known witnesses cosigned, {need} are needed")
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != log.name:
        raise NoteError(f"the checkpoint is of {checkpoint.origin[:80]!r}, not of {log.name!r}")
    return checkpoint
