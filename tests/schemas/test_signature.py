"""A signature fits one event, in its own bytes, and one key: whatever is changed, moved or made up does not."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Usage
from hub.schemas import signature
from hub.schemas.canonical import Refusal
from hub.schemas.envelope import parse
from hub.schemas.signature import Signer, check, is_kid, kid_of

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "one",
    "source": "//agency/lh/arrears",
    "type": "kr.ieum.referral.submitted.v1",
    "time": "2026-11-22T01:00:00Z",
    "dataschema": "urn:ieum:format:housing-row:v1",
    "datacontenttype": "application/json",
    "partitionkey": "p1",
    "sequence": 7,
    "data": {"header": ["계약번호"], "cells": ["A-1"], "row": 1, "rate": 1.0},
}
BYTES = {k: v for k, v in EVENT.items() if k != "data"} | {"data_base64": "TVNIfA=="}


def pem(key: Any) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    held: bytes = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return held


def public(key: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    held: bytes = key.public_key().public_bytes(serialization.Encoding.PEM, form)
    return held


ED = ed25519.Ed25519PrivateKey.from_private_bytes(b"e" * 32)
P256 = ec.derive_private_key(7, ec.SECP256R1())
KEYS = {"EdDSA": ED, "ES256": P256}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(event: dict[str, Any]) -> dict[str, Any]:
    held: dict[str, Any] = orjson.loads(unb64(event["jws"].partition("..")[0]))
    return held


def made(header: object, payload: bytes, sign: Callable[[bytes], bytes] = ED.sign) -> str:
    """A JWS made by somebody who writes the header he likes."""
    head = b64(header if isinstance(header, bytes) else orjson.dumps(header))
    return f"{head}..{b64(sign(f'{head}.{b64(payload)}'.encode()))}"


# ------------------------------------------------------------------ what holds
@pytest.mark.parametrize("alg", KEYS)
@pytest.mark.parametrize("event", [EVENT, BYTES], ids=["data", "data_base64"])
def test_what_was_signed_is_acceptable_and_checks(alg: str, event: dict[str, Any]) -> None:
    signer = Signer(pem(KEYS[alg]))
    signed = signer.sign(event)
    assert header_of(signed)["alg"] == alg
    assert not isinstance(parse(orjson.dumps(signed), "lh"), Refusal)
    assert check(orjson.dumps(signed)) == signature.Signature(signer.kid)
    assert signer.kid == kid_of(public(KEYS[alg]))
    assert check(orjson.dumps(signer.sign(signed))).kid == signer.kid


def test_an_event_without_a_signature_has_neither_key_nor_fault() -> None:
    assert check(orjson.dumps(EVENT)) == signature.Signature()
    assert check(orjson.dumps(EVENT | {"jws": None})) == signature.Signature()


def test_the_bytes_count_as_they_stand_and_the_rest_of_the_message_may_be_written_anew() -> None:
    signed = Signer(pem(ED)).sign(EVENT)
    rest = {k: v for k, v in signed.items() if k != "data"} | {"traceparent": "00-1-2-01", "tracestate": "a=b"}
    raw = b'{"d\\u0061ta" : ' + orjson.dumps(EVENT["data"]) + b" ,\n" + orjson.dumps(rest)[1:]
    assert not isinstance(parse(raw, "lh"), Refusal)
    assert check(raw).kid
    spaced = raw.replace(b'"row":1', b'"row": 1')
    assert orjson.loads(spaced) == orjson.loads(raw)
    assert "does not fit" in check(spaced).fault


def test_numbers_that_python_would_write_otherwise_are_signed_as_they_stand() -> None:
    payload = b'{"amount":1.50e2}'
    covered = {k: v for k, v in EVENT.items() if k != "data"}
    header = {"alg": "EdDSA", "kid": Signer(pem(ED)).kid, "of": "data", "ce": covered}
    raw = orjson.dumps(covered | {"jws": made(header, payload)})[:-1] + b',"data":' + payload + b"}"
    assert check(raw).kid


# ------------------------------------------------------------------ what does not
@pytest.mark.parametrize("alg", KEYS)
@pytest.mark.parametrize("name", [n for n in EVENT if n != "data"])
@pytest.mark.parametrize("change", ["other", "gone"])
def test_no_attribute_can_be_changed_or_taken(alg: str, name: str, change: str) -> None:
    signed = Signer(pem(KEYS[alg])).sign(EVENT)
    signed[name] = {"other": "other", "gone": None}[change]
    assert "another event's" in check(orjson.dumps(signed)).fault


def test_no_attribute_can_be_added_or_change_its_kind() -> None:
    signed = Signer(pem(ED)).sign(EVENT)
    for more in ({"subject": "x"}, {"sequence": "7"}, {"sequence": 8}, {"sequence": True}):
        assert "another event's" in check(orjson.dumps(signed | more)).fault
    one = Signer(pem(ED)).sign(EVENT | {"sequence": 1})
    assert "another event's" in check(orjson.dumps(one | {"sequence": True})).fault


@pytest.mark.parametrize(
    "data", [{}, {**EVENT["data"], "row": 2}, {**EVENT["data"], "more": 1}, [EVENT["data"]], "TVNIfA=="]
)
def test_no_data_can_be_changed(data: object) -> None:
    assert "does not fit" in check(orjson.dumps(Signer(pem(ED)).sign(EVENT) | {"data": data})).fault


def test_bytes_are_not_data_that_read_the_same() -> None:
    payload = b'{"a":1}'
    base = {k: v for k, v in EVENT.items() if k != "data"}
    signed = Signer(pem(ED)).sign(base | {"data_base64": base64.b64encode(payload).decode()})
    moved = {k: v for k, v in signed.items() if k != "data_base64"} | {"data": {"a": 1}}
    assert check(orjson.dumps(signed)).kid
    assert "of is not" in check(orjson.dumps(moved)).fault


@given(st.integers(0, 10_000), st.integers(0, 63))
def test_not_one_character_of_it_can_be_another(place: int, other: int) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    jws = str(SIGNED["jws"])
    at = place % len(jws)
    changed = jws[:at] + letters[other] + jws[at + 1 :]
    found = check(orjson.dumps(SIGNED | {"jws": changed}))
    assert bool(found.kid) == (changed == jws)
    assert bool(found.fault) == (changed != jws)


SIGNED = Signer(pem(ED)).sign(EVENT)


@pytest.mark.parametrize(
    "jws", ["", "..", "a", "a..b..c", "a.b.c", "YQ..", "..YQ", "YQ==..YQ", 7, True, "é..é", "W10..YQ", "bnVsbA..YQ"]
)
def test_what_is_no_detached_jws_is_a_fault_and_never_an_error(jws: object) -> None:
    found = check(orjson.dumps(EVENT | {"jws": jws}))
    assert found.fault
    assert not found.kid


def forged(**changes: Any) -> str:
    """The fault of a header with these members changed (None: taken), signed properly all the same."""
    header = {k: v for k, v in (header_of(SIGNED) | changes).items() if v is not None}
    return check(orjson.dumps(EVENT | {"jws": made(header, orjson.dumps(EVENT["data"]))})).fault


def test_the_forger_of_these_tests_can_sign() -> None:
    assert forged() == ""


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "HS256", "RS256", "ES256", "ES512", "eddsa", "", 1, []])
def test_no_other_algorithm_holds(alg: object) -> None:
    assert "alg is" in forged(alg=alg)


def test_the_public_key_is_nobodys_hmac_secret() -> None:
    kid = Signer(pem(ED)).kid
    header = header_of(SIGNED) | {"alg": "HS256"}
    for secret in (kid.encode(), unb64(kid), public(ED)):
        jws = made(header, orjson.dumps(EVENT["data"]), lambda m, s=secret: hmac.digest(s, m, "sha256"))  # type: ignore[misc]
        assert "alg is" in check(orjson.dumps(EVENT | {"jws": jws})).fault


def test_without_a_signature_there_is_none_whatever_the_header_says() -> None:
    head = b64(orjson.dumps(header_of(SIGNED) | {"alg": "none"}))
    assert check(orjson.dumps(EVENT | {"jws": f"{head}.."})).fault
    assert check(orjson.dumps(EVENT | {"jws": f"{head}..AA"})).fault


@pytest.mark.parametrize("more", [{"crit": ["b64"], "b64": False}, {"jwk": {}}, {"jku": "https://x"}, {"typ": "JWT"}])
def test_a_header_says_nothing_more(more: dict[str, Any]) -> None:
    assert "and no other" in forged(**more)


@pytest.mark.parametrize("name", ["alg", "kid", "of", "ce"])
def test_a_header_says_nothing_less(name: str) -> None:
    assert forged(**{name: None})


def test_a_key_that_did_not_sign_does_not_fit() -> None:
    other = Signer(pem(ed25519.Ed25519PrivateKey.from_private_bytes(b"o" * 32))).kid
    assert "does not fit" in forged(kid=other)
    assert "alg is" in forged(kid=Signer(pem(P256)).kid)
    for kid in ("", "x", "A" * 43 + "=", b64(b"\2" + b"\xff" * 32), b64(b"\4" * 65), 7, None):
        assert forged(kid=kid)


def test_a_signature_of_es256_is_two_numbers_and_no_der() -> None:
    header = {"alg": "ES256", "kid": Signer(pem(P256)).kid, "of": "data", "ce": header_of(SIGNED)["ce"]}

    def der(message: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

        return P256.sign(message, ec.ECDSA(hashes.SHA256()))

    for sign in (der, lambda _: bytes(64), lambda _: b"\xff" * 64, lambda _: b""):
        jws = made(header, orjson.dumps(EVENT["data"]), sign)
        assert check(orjson.dumps(EVENT | {"jws": jws})).fault


# ------------------------------------------------------------------ keys
@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 2048), ec.derive_private_key(7, ec.SECP384R1())], ids=["rsa", "p384"]
)
def test_other_kinds_of_keys_are_refused(key: Any) -> None:
    with pytest.raises(Usage, match="neither Ed25519 nor P-256"):
        kid_of(public(key))
    with pytest.raises(Usage, match="neither Ed25519 nor P-256"):
        Signer(pem(key))


@pytest.mark.parametrize("text", [b"", b"x", b"-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_key_is_refused(text: bytes) -> None:
    with pytest.raises(Usage, match="no public key"):
        kid_of(text)
    with pytest.raises(Usage, match="no private key"):
        Signer(text)


def test_a_private_key_is_not_taken_for_registering_and_a_locked_one_not_for_signing() -> None:
    with pytest.raises(Usage, match="stays with the agency"):
        kid_of(pem(ED))
    locked = ED.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    with pytest.raises(Usage, match="without a password"):
        Signer(locked)


def test_a_key_id_is_the_key() -> None:
    assert is_kid(Signer(pem(ED)).kid)
    assert is_kid(Signer(pem(P256)).kid)
    assert not any(is_kid(kid) for kid in ("", "x", "A" * 42, b64(b"\5" + b"1" * 32)))


def test_a_signature_of_the_longest_attributes_still_fits_into_a_message() -> None:
    long = {"id": "i" * 256, "partitionkey": "p" * 1024, "dataschema": EVENT["dataschema"], "subject": "s" * 1024}
    signed = Signer(pem(ED)).sign(EVENT | long)
    assert not isinstance(parse(orjson.dumps(signed), "lh"), Refusal)
    too_long = parse(orjson.dumps(signed | {"jws": "x" * (signature.LIMIT + 1)}), "lh")
    assert isinstance(too_long, Refusal)
    assert too_long.reasons[0].path == "/jws"
