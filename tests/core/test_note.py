"""Signed notes against published vectors, and every way to alter one."""

from __future__ import annotations

import pytest

from hub.core.note import COSIGNATURE, Checkpoint, Note, NoteError, Signature, SigningKey, Verifier, open_checkpoint

# From the documentation of golang.org/x/mod/sumdb/note.
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = (
    TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()

LOG = SigningKey("hub.example/log", b"l" * 32)
WITNESSES = [SigningKey(f"witness{n}.example", bytes([n]) * 32, COSIGNATURE) for n in (1, 2, 3)]
HEAD = Checkpoint("hub.example/log", 7, b"r" * 32)


def signed(head: Checkpoint = HEAD, witnesses: int = 0, log: SigningKey = LOG) -> bytes:
    text = head.text()
    cosigned = tuple(key.cosign(text, 1_700_000_000) for key in WITNESSES[:witnesses])
    return Note(text, (log.sign(text), *cosigned)).to_bytes()


def test_the_published_note_verifies_with_its_published_key() -> None:
    key = Verifier.parse(VKEY)
    assert Note.parse(NOTE).verified([key]) == {key}


def test_the_published_key_signs_the_published_note() -> None:
    key = SigningKey.parse(SKEY)
    assert Note(TEXT, (key.sign(TEXT),)).to_bytes() == NOTE
    assert (key.verifier().vkey(), key.skey()) == (VKEY, SKEY)


@pytest.mark.parametrize("key", [LOG, WITNESSES[0]], ids=["log", "witness"])
def test_keys_survive_their_text_form(key: SigningKey) -> None:
    assert SigningKey.parse(key.skey()) == key
    assert Verifier.parse(key.verifier().vkey()) == key.verifier()


def test_a_signing_key_does_not_show_its_secret() -> None:
    assert "seed" not in repr(LOG)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        VKEY.replace("c74f20a3", "c74f20a4"),
        VKEY.replace("c74f20a3", "zz"),
        VKEY.replace("PeterNeumann", "Peter Neumann"),
        VKEY.replace("PeterNeumann", ""),
        VKEY + "=",
        VKEY.replace("+ARpc", "+BRpc"),
        SKEY,
    ],
)
def test_a_malformed_key_is_refused(vkey: str) -> None:
    with pytest.raises(NoteError):
        Verifier.parse(vkey)


@pytest.mark.parametrize("skey", ["", VKEY, SKEY.replace("c74f20a3", "c74f20a4"), SKEY[:-1], SKEY + "!"])
def test_a_malformed_signing_key_is_refused_without_quoting_it(skey: str) -> None:
    with pytest.raises(NoteError) as refused:
        SigningKey.parse(skey)
    assert "AYEK" not in str(refused.value)


def test_a_signing_key_pinned_by_mistake_is_not_quoted() -> None:
    with pytest.raises(NoteError) as refused:
        Verifier.parse(SKEY)
    assert "AYEK" not in str(refused.value)


def test_an_altered_text_is_refused() -> None:
    with pytest.raises(NoteError, match="is wrong"):
        Note.parse(NOTE.replace(b"answer", b"ANSWER")).verified([Verifier.parse(VKEY)])


def test_unknown_signatures_are_ignored_even_under_a_known_name() -> None:
    stranger = SigningKey("PeterNeumann", b"s" * 32)
    note = Note(TEXT, (stranger.sign(TEXT), *Note.parse(NOTE).signatures))
    assert len(Note.parse(note.to_bytes()).verified([Verifier.parse(VKEY)])) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAA=",
        b"text\n\n- name AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 name\n",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAA=\n",
        b"te\txt\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"text\n\n" + b"\xe2\x80\x94 name AAAAAAA=\n" * 101,
    ],
)
def test_a_malformed_note_is_refused(raw: bytes) -> None:
    with pytest.raises(NoteError):
        Note.parse(raw)


def test_a_note_text_may_hold_empty_lines() -> None:
    text = "one\n\ntwo\n"
    assert Note.parse(Note(text, (LOG.sign(text),)).to_bytes()).text == text


def test_a_checkpoint_survives_signing_and_parsing() -> None:
    head = Checkpoint("hub.example/log", 0, b"r" * 32, ("one", "two"))
    assert open_checkpoint(signed(head), LOG.verifier()) == head


@pytest.mark.parametrize(
    "text",
    [
        "o\n5\n",
        "o\n05\n" + "A" * 43 + "=\n",
        "o\n-5\n" + "A" * 43 + "=\n",
        "o\n٥\n" + "A" * 43 + "=\n",
        "o\n9223372036854775808\n" + "A" * 43 + "=\n",
        "o\n" + "9" * 5000 + "\n" + "A" * 43 + "=\n",
        "\n5\n" + "A" * 43 + "=\n",
        "o\n5\nAAAA\n",
        "o\n5\n" + "A" * 42 + "B=\n",
        "o\n5\n" + "A" * 43 + "=\n\nx\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_an_origin_cannot_smuggle_in_a_line() -> None:
    with pytest.raises(NoteError):
        Checkpoint("hub.example/log\n9", 7, b"r" * 32)


def test_a_checkpoint_of_another_origin_is_refused() -> None:
    with pytest.raises(NoteError, match="not of"):
        open_checkpoint(signed(Checkpoint("other", 7, b"r" * 32)), LOG.verifier())


def test_a_checkpoint_signed_by_another_key_of_the_same_name_is_refused() -> None:
    forged = signed(log=SigningKey(LOG.name, b"x" * 32))
    with pytest.raises(NoteError, match="not signed"):
        open_checkpoint(forged, LOG.verifier())


@pytest.mark.parametrize(("cosigned", "enough"), [(0, False), (1, False), (2, True), (3, True)])
def test_two_of_three_witnesses_are_needed(cosigned: int, enough: bool) -> None:  # noqa: FBT001
    keys = [key.verifier() for key in WITNESSES]
    if enough:
        assert open_checkpoint(signed(witnesses=cosigned), LOG.verifier(), keys, 2) == HEAD
    else:
        with pytest.raises(NoteError, match="2 are needed"):
            open_checkpoint(signed(witnesses=cosigned), LOG.verifier(), keys, 2)


def test_one_witness_under_two_names_counts_once() -> None:
    twin = SigningKey("twin.example", WITNESSES[0].seed, COSIGNATURE)
    text = HEAD.text()
    raw = Note(text, (LOG.sign(text), WITNESSES[0].cosign(text, 1), twin.cosign(text, 2))).to_bytes()
    with pytest.raises(NoteError, match="1 known witnesses"):
        open_checkpoint(raw, LOG.verifier(), [WITNESSES[0].verifier(), twin.verifier()], 2)


def test_the_time_of_a_cosignature_is_signed() -> None:
    line = WITNESSES[0].cosign(HEAD.text(), 1_700_000_000)
    later = Signature(line.name, line.key_id, (1_700_000_001).to_bytes(8, "big") + line.value[8:])
    with pytest.raises(NoteError, match="is wrong"):
        Note(HEAD.text(), (later,)).verified([WITNESSES[0].verifier()])


def test_a_log_key_does_not_cosign_and_a_witness_key_does_not_sign() -> None:
    with pytest.raises(NoteError):
        LOG.cosign("x\n", 1)
    with pytest.raises(NoteError):
        WITNESSES[0].sign("x\n")
