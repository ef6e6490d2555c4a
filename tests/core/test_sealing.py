"""Bodies, wrapped keys, digests and derived ids: deterministic, bound to their place, and unambiguous."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core import sealing
from hub.core.sealing import Keys
from hub.errors import Halt, Usage
from hub.ledger import keyfile

if TYPE_CHECKING:
    from pathlib import Path

KEY, OTHER = b"k" * 32, b"o" * 32
TEXT = "이름: 김○○".encode()
SEALED = sealing.seal(KEY, "record-1", "identity", TEXT)


def test_a_body_is_the_same_bytes_on_replay() -> None:
    assert sealing.seal(KEY, "record-1", "identity", TEXT) == SEALED
    assert len(SEALED) == len(TEXT) + 16


def test_the_bytes_of_a_body_never_change_between_releases() -> None:
    assert sealing.seal(b"\0" * 32, "r", "c", b"x").hex() == "00303128f176478aaece6c24630c4355ce"
    assert (
        sealing.wrap(b"\0" * 32, b"\1" * 32, "r").hex()
        == "24900fbdc6928c93d63d3a4fc60d32faa2c916f69d48ff743bfae7d3ec6afe8d0afa4111391fa89b5cfc8d692b365b40"
    )
    assert sealing.derive_id(b"\2" * 32, "need", 3) == "d4826104-085f-821c-bb97-fd56d579f439"


@given(st.binary(max_size=2000), st.text(max_size=40), st.text(max_size=20))
def test_a_body_opens_with_its_key_record_and_class(plaintext: bytes, record: str, cls: str) -> None:
    assert sealing.open_(KEY, record, cls, sealing.seal(KEY, record, cls, plaintext)) == plaintext


@pytest.mark.parametrize(
    ("key", "record", "cls", "sealed"),
    [
        (OTHER, "record-1", "identity", SEALED),
        (KEY, "record-2", "identity", SEALED),
        (KEY, "record-1", "health", SEALED),
        (KEY, "record-1i", "dentity", SEALED),
        (KEY, "record-1", "identity", SEALED[:-1]),
        (KEY, "record-1", "identity", bytes([SEALED[0] ^ 1]) + SEALED[1:]),
        (KEY, "record-1", "identity", b""),
    ],
    ids=["other key", "other record", "other class", "shifted border", "cut", "flipped bit", "empty"],
)
def test_a_body_that_was_changed_or_moved_halts(key: bytes, record: str, cls: str, sealed: bytes) -> None:
    with pytest.raises(Halt, match="does not open"):
        sealing.open_(key, record, cls, sealed)


def test_a_key_unwraps_only_under_its_own_id_and_key() -> None:
    wrapped = sealing.wrap(KEY, OTHER, "record-1")
    assert sealing.wrap(KEY, OTHER, "record-1") == wrapped
    assert len(wrapped) == 48
    assert sealing.unwrap(KEY, wrapped, "record-1") == OTHER
    for kek, key_id in ((OTHER, "record-1"), (KEY, "record-2"), (KEY, "")):
        with pytest.raises(Halt, match="does not unwrap"):
            sealing.unwrap(kek, wrapped, key_id)


def test_a_keyed_digest_is_hmac_sha256_over_length_prefixed_parts() -> None:
    expected = hmac.new(KEY, b"\0\0\0\2ab\0\0\0\1c", hashlib.sha256).digest()
    assert sealing.keyed_digest(KEY, "ab", b"c") == expected
    assert sealing.cause_digest(KEY, "ab", "c") == expected


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_only_equal_parts_have_equal_digests(one: list[str], two: list[str]) -> None:
    assert (sealing.keyed_digest(KEY, *one) == sealing.keyed_digest(KEY, *two)) == (one == two)


def test_another_pepper_gives_another_digest() -> None:
    assert sealing.cause_digest(KEY, "a", "b") != sealing.cause_digest(OTHER, "a", "b")


@given(st.binary(min_size=32, max_size=32), st.text(max_size=10), st.integers(0, 10**6))
def test_a_derived_id_is_a_uuid_of_version_8(cause: bytes, kind: str, ordinal: int) -> None:
    derived = sealing.derive_id(cause, kind, ordinal)
    assert str(UUID(derived)) == derived
    assert UUID(derived).version == 8
    assert UUID(derived).variant == "specified in RFC 4122"


def test_derived_ids_differ_by_cause_kind_and_ordinal() -> None:
    parts = [(KEY, "need", 0), (OTHER, "need", 0), (KEY, "need", 1), (KEY, "record", 0), (KEY, "need1", 0)]
    assert len({sealing.derive_id(*part) for part in parts}) == len(parts)


def test_keys_do_not_show_themselves_and_have_one_length() -> None:
    assert "kkkk" not in repr(Keys(KEY, OTHER))
    with pytest.raises(Halt):
        Keys(KEY, b"short")


def test_a_key_file_gives_back_its_keys_and_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.key"
    keys = keyfile.create_keys(path)
    assert keyfile.load_keys(path) == keys
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["ledger.key"]


def test_a_key_file_is_never_replaced(tmp_path: Path) -> None:
    keys = keyfile.create_keys(tmp_path / "ledger.key")
    with pytest.raises(Usage, match="exists already"):
        keyfile.create_keys(tmp_path / "ledger.key")
    assert keyfile.load_keys(tmp_path / "ledger.key") == keys


def test_a_draft_left_by_a_crash_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "ledger.key.new").write_text("torn")
    keyfile.create_keys(tmp_path / "ledger.key")
    assert [entry.name for entry in tmp_path.iterdir()] == ["ledger.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o700, 0o660])
def test_a_key_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    keyfile.create_keys(tmp_path / "ledger.key")
    (tmp_path / "ledger.key").chmod(mode)
    with pytest.raises(Usage, match="chmod 600"):
        keyfile.load_keys(tmp_path / "ledger.key")


def test_a_key_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyfile.create_keys(tmp_path / "ledger.key")
    monkeypatch.setattr(os, "geteuid", lambda: (tmp_path / "ledger.key").stat().st_uid + 1)
    with pytest.raises(Usage, match="another user"):
        keyfile.load_keys(tmp_path / "ledger.key")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"v":1,"kek":"zz","pepper":""}', '{"v":2,"kek":"","pepper":""}'])
def test_what_is_no_key_file_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    keyfile.create_secret(tmp_path / "ledger.key", text)
    with pytest.raises(Usage, match="key file"):
        keyfile.load_keys(tmp_path / "ledger.key")


def test_a_missing_key_file_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="key backup"):
        keyfile.load_keys(tmp_path / "none.key")
