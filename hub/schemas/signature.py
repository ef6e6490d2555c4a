"""An agency's signature on an event: a detached JWS (RFC 7515, appendix F) in the extension attribute `jws`.

    jws = BASE64URL(header) + ".." + BASE64URL(signature)
    signed bytes = BASE64URL(header) + "." + BASE64URL(payload)

The payload is the event's data in its own bytes: the JSON value of `data` exactly as it stands in the message, or the
octets behind `data_base64`; `of` in the header says which. `ce` in the header repeats every other attribute, so that a
signature fits one event only. No canonical form is needed: both are signed as the bytes they are.

Owns making and checking. EdDSA (Ed25519) and ES256 (P-256), nothing else: the key says which, the header must agree.
`kid` is the public key itself, so a signature can be checked before anybody knows whose keys are registered; whether
the key is the agency's is `core.decide.signing`'s to say.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from hub.errors import Usage

ATTRIBUTE: Final = "jws"
#: A header repeats the attributes, which may be long themselves.
LIMIT: Final = 8_192  # characters
EDDSA, ES256 = "EdDSA", "ES256"
DATA, DATA_BASE64 = "data", "data_base64"
#: Not repeated in `ce`: what is signed otherwise, and what may be added or changed on the way.
UNCOVERED: Final = frozenset({ATTRIBUTE, DATA, DATA_BASE64, "traceparent", "tracestate"})
MEMBERS: Final = frozenset({"alg", "kid", "of", "ce"})
ED25519_BYTES: Final = 32
ED25519_CHARACTERS: Final = 43  # of its key id
P256_BYTES: Final = 33  # SEC 1, compressed
HALF: Final = 32  # of an ES256 signature: r, then s
MAKE_ONE: Final = "Make one: openssl genpkey -algorithm ed25519 -out signing.pem"
_slices = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey
PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


class Signature(msgspec.Struct, frozen=True):
    """What became of a message's signature: the key it was made with, or what is wrong. Neither: it has none."""

    kid: str = ""
    fault: str = ""


# ------------------------------------------------------------------ keys
def kid_of(pem: bytes) -> str:
    """The key id of a public key in PEM. Raises `Usage` for anything but Ed25519 and P-256, a private key included."""
    if b"PRIVATE KEY" in pem:
        remedy = "Give its public half: openssl pkey -in signing.pem -pubout -out signing.pub.pem"
        raise Usage("this is a private key, which stays with the agency.", remedy)
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        remedy = "Give PEM: openssl pkey -in signing.pem -pubout -out signing.pub.pem"
        raise Usage("this is no public key in PEM.", remedy) from error
    return _kid(_usable(key))


def is_kid(kid: str) -> bool:
    """Whether this is a public key that signatures can be checked with."""
    return _public(kid) is not None


class Signer:
    """Signs an agency's events with its private key."""

    def __init__(self, pem: bytes) -> None:
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise Usage("the signing key is no private key in PEM without a password.", MAKE_ONE) from error
        if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
            raise Usage("the signing key is neither Ed25519 nor P-256.", MAKE_ONE)
        self._key: PrivateKey = key
        self.kid = _kid(_usable(key.public_key()))

    def sign(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The same event, signed. It is to be sent as `orjson.dumps` writes it: those are the signed bytes."""
        held = {name: value for name, value in event.items() if name != ATTRIBUTE and value is not None}
        of = DATA_BASE64 if DATA_BASE64 in held else DATA
        covered = {name: value for name, value in held.items() if name not in UNCOVERED}
        alg = EDDSA if isinstance(self._key, ed25519.Ed25519PrivateKey) else ES256
        header = _encode(orjson.dumps({"alg": alg, "kid": self.kid, "of": of, "ce": covered}))
        payload = binascii.a2b_base64(held[of]) if of == DATA_BASE64 else orjson.dumps(held[of])
        return held | {ATTRIBUTE: f"{header}..{_encode(self._signature(f'{header}.{_encode(payload)}'.encode()))}"}

    def _signature(self, signed: bytes) -> bytes:
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(signed)
        r, s = decode_dss_signature(self._key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(HALF, "big") + s.to_bytes(HALF, "big")


# ------------------------------------------------------------------ checking
def check(raw: bytes) -> Signature:
    """What the signature of an acceptable message (`schemas.envelope.parse`) came to. Never raises."""
    event: dict[str, Any] = orjson.loads(raw)
    jws = event.get(ATTRIBUTE)
    if jws is None:
        return Signature()
    header, gap, signature = (jws if isinstance(jws, str) else "").partition("..")
    head, made = _decode(header), _decode(signature)
    if not gap or not head or not made:
        return Signature(fault="jws is <header>..<signature>, both in base64url without padding")
    read = _header(head)
    if isinstance(read, str):
        return Signature(fault=read)
    differing = _differing(read["ce"], read["of"], event)
    if differing:
        return Signature(fault=f"the signature is another event's: {differing} is not as the header's ce has it")
    payload = _payload(raw, event, read["of"])
    if payload is None or not _fits(read["kid"], f"{header}.{_encode(payload)}".encode(), made):
        return Signature(fault="the signature does not fit: data, header or signature were changed after signing")
    return Signature(read["kid"])


def _header(raw: bytes) -> dict[str, Any] | str:
    """The protected header, or what is wrong with it. A member nobody knows (`crit`, `b64`, `jwk` …) is refused."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return "the header is not JSON"
    if not isinstance(value, dict) or value.keys() != MEMBERS or not isinstance(value["ce"], dict):
        return "the header has the members alg, kid, of and ce, and no other"
    key = _public(value["kid"]) if isinstance(value["kid"], str) else None
    if key is None:
        return "kid is the public key: base64url of 32 bytes (Ed25519) or of a compressed point (P-256)"
    if value["alg"] != (EDDSA if isinstance(key, ed25519.Ed25519PublicKey) else ES256):
        return "alg is EdDSA with an Ed25519 key or ES256 with a P-256 key"
    return value


def _differing(covered: Mapping[str, Any], of: object, event: Mapping[str, Any]) -> str:
    """The first attribute that is not as it was signed, '' for none. An absent one and null are the same."""
    held = {name: value for name, value in event.items() if name not in UNCOVERED and value is not None}
    for name in sorted(held.keys() | covered.keys()):
        mine, signed = held.get(name), covered.get(name)
        if mine != signed or type(mine) is not type(signed):  # 1 and true are equal, and not the same
            return name if name in held else "an attribute that is missing"
    return "" if of == (DATA if event.get(DATA) is not None else DATA_BASE64) else "of"


def _payload(raw: bytes, event: Mapping[str, Any], of: str) -> bytes | None:
    if of == DATA_BASE64:
        return binascii.a2b_base64(event[DATA_BASE64])
    try:
        return bytes(_slices(raw)[DATA])
    except msgspec.DecodeError:
        return None


def _fits(kid: str, signed: bytes, signature: bytes) -> bool:
    key = _public(kid)
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        elif key is not None and len(signature) == 2 * HALF:
            r, s = (int.from_bytes(half, "big") for half in (signature[:HALF], signature[HALF:]))
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


# ------------------------------------------------------------------ coding
def _usable(key: object) -> PublicKey:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise Usage("the key is neither Ed25519 nor P-256.", MAKE_ONE)


def _kid(key: PublicKey) -> str:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return _encode(key.public_bytes_raw())
    form = serialization.PublicFormat.CompressedPoint
    return _encode(key.public_bytes(serialization.Encoding.X962, form))


@lru_cache(maxsize=1024)
def _public(kid: str) -> PublicKey | None:
    """The key of this id, None when it is none."""
    raw = _decode(kid)
    try:
        if raw is not None and len(raw) == ED25519_BYTES:
            return ed25519.Ed25519PublicKey.from_public_bytes(raw)
        if raw is not None and len(raw) == P256_BYTES:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError:
        return None
    return None


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    """Base64url without padding; None for anything else, a second way to write the same bytes included."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return raw if _encode(raw) == text else None
