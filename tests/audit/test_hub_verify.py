"""hub-verify as an auditor runs it: a separate program that sees only files."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.core import merkle, tiles
from hub.core.note import COSIGNATURE, Checkpoint, Note, SigningKey, to_base64

PROGRAM = Path(__file__).parents[2] / "hub" / "audit" / "hub_verify.py"
ENTRIES = [b'{"index":%d}' % number for number in range(40)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]
LOG = SigningKey("hub.example/log", b"l" * 32)
WITNESSES = [SigningKey(f"witness{n}.example", bytes([n]) * 32, COSIGNATURE) for n in (1, 2)]
PINNED = ["--log", LOG.verifier().vkey()]
TWO = [arg for key in WITNESSES for arg in ("--witness", key.verifier().vkey())]


def checkpoint(leaves: list[bytes], witnesses: int = 0, log: SigningKey = LOG) -> bytes:
    text = Checkpoint(log.name, len(leaves), merkle.root(leaves)).text()
    return Note(text, (log.sign(text), *(key.cosign(text, 1_700_000_000) for key in WITNESSES[:witnesses]))).to_bytes()


def receipt(index: int, size: int, extra: bytes | None = None) -> bytes:
    path = tuple(merkle.inclusion_proof(LEAVES, index, size))
    return tiles.Receipt(index, path, checkpoint(LEAVES[:size]), extra).to_bytes()


@dataclass
class Folder:
    """The auditor's folder."""

    path: Path

    def put(self, name: str, content: bytes) -> str:
        (self.path / name).write_bytes(content)
        return str(self.path / name)

    def run(self, *args: str, pinned: list[str] = PINNED) -> tuple[int, str]:
        argv = [sys.executable, "-I", str(PROGRAM), *pinned, "--json", *args]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=self.path)
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout)["message"] if done.stdout else done.stderr

    def consistency(self, old: bytes, new: bytes, proof: list[bytes]) -> tuple[int, str]:
        lines = "".join(to_base64(node) + "\n" for node in proof).encode()
        return self.run("consistency", self.put("old", old), self.put("new", new), self.put("proof", lines))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_it_needs_nothing_but_cryptography_and_stays_under_300_lines() -> None:
    source = PROGRAM.read_text(encoding="utf-8")
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported <= {*sys.stdlib_module_names, "cryptography"}
    assert len(source.splitlines()) < 300


def test_a_signed_checkpoint_holds(folder: Folder) -> None:
    code, message = folder.run("checkpoint", folder.put("note", checkpoint(LEAVES)))
    assert code == 0
    assert "40 entries" in message
    assert merkle.root(LEAVES).hex() in message


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (checkpoint(LEAVES).replace(b"\n40\n", b"\n41\n"), "altered or forged"),
        (checkpoint(LEAVES, log=SigningKey(LOG.name, b"x" * 32)), "no signature of the log"),
        (checkpoint(LEAVES, log=SigningKey("other", b"l" * 32)), "no signature of the log"),
        (Note("other\n1\n", (LOG.sign("other\n1\n"),)).to_bytes(), "no checkpoint"),
        (Note("other\n1\nx\n", (LOG.sign("other\n1\nx\n"),)).to_bytes(), "not of"),
        (b"", "not a signed note"),
        (b"\xff\n\n\xff", "not a signed note"),
    ],
    ids=["altered", "other key", "other name", "no checkpoint", "other origin", "empty", "garbage"],
)
def test_a_checkpoint_that_is_not_the_logs_is_broken(folder: Folder, raw: bytes, says: str) -> None:
    code, message = folder.run("checkpoint", folder.put("note", raw))
    assert (code, says in message) == (1, True)


@pytest.mark.parametrize(
    ("witnesses", "need", "expected"), [(2, [], 0), (1, [], 1), (1, ["--need", "1"], 0), (0, ["--need", "1"], 1)]
)
def test_enough_witnesses_must_have_cosigned(folder: Folder, witnesses: int, need: list[str], expected: int) -> None:
    note = folder.put("note", checkpoint(LEAVES, witnesses))
    assert folder.run("checkpoint", note, pinned=[*PINNED, *TWO, *need])[0] == expected


def test_one_witness_pinned_twice_counts_once(folder: Folder) -> None:
    note = folder.put("note", checkpoint(LEAVES, 1))
    assert folder.run("checkpoint", note, pinned=[*PINNED, *TWO[:2], *TWO[:2]])[0] == 1


def test_every_extension_is_consistent(folder: Folder) -> None:
    for old, new in ((0, 0), (0, 7), (1, 40), (7, 40), (8, 40), (32, 40), (40, 40)):
        proof = merkle.consistency_proof(LEAVES, old, new)
        assert folder.consistency(checkpoint(LEAVES[:old]), checkpoint(LEAVES[:new]), proof)[0] == 0, (old, new)


@pytest.mark.parametrize("old", [7, 8, 40])
def test_a_rewritten_history_is_broken(folder: Folder, old: int) -> None:
    forged = [merkle.leaf_hash(b"forged"), *LEAVES[1:]]
    proof = merkle.consistency_proof(forged, old)
    assert folder.consistency(checkpoint(LEAVES[:old]), checkpoint(forged), proof)[0] == 1


def test_a_shrunk_log_and_a_wrong_proof_length_are_broken(folder: Folder) -> None:
    small, large, proof = checkpoint(LEAVES[:7]), checkpoint(LEAVES), merkle.consistency_proof(LEAVES, 7)
    assert "shrank" in folder.consistency(large, small, [])[1]
    for wrong in ([], proof[:-1], [*proof, LEAVES[0]], [b"short"]):
        assert folder.consistency(small, large, wrong)[0] == 1


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 40), (17, 40), (39, 40), (6, 7)])
@pytest.mark.parametrize("extra", [None, b"note"])
def test_my_entry_stands_in_the_tree(folder: Folder, index: int, size: int, extra: bytes | None) -> None:
    proof, entry = folder.put("r.tlog-proof", receipt(index, size, extra)), folder.put("entry", ENTRIES[index])
    code, message = folder.run("receipt", proof, entry, "--index", str(index))
    assert (code, f"index {index} of {size}" in message) == (0, True)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"index 17", b"index 16", "does not stand"),
        (b"index 17", b"index 40", "outside"),
        (b"index 17", b"index 017", "not a decimal"),
        (b"index 17\n", b"index 17\n" + to_base64(LEAVES[0]).encode() + b"\n", "too long"),
        (b"tlog-proof@v1", b"tlog-proof@v2", "not a receipt"),
        (b"\n40\n", b"\n39\n", "altered or forged"),
        (to_base64(LEAVES[16]).encode() + b"\n", b"", "too short"),
        (to_base64(LEAVES[16]).encode(), to_base64(LEAVES[15]).encode(), "does not stand"),
    ],
)
def test_a_tampered_receipt_is_broken(folder: Folder, old: bytes, new: bytes, says: str) -> None:
    raw = receipt(17, 40)
    assert old in raw
    proof, entry = folder.put("r", raw.replace(old, new)), folder.put("entry", ENTRIES[17])
    code, message = folder.run("receipt", proof, entry)
    assert (code, says in message) == (1, True), message


def test_another_entry_or_another_index_than_mine_is_broken(folder: Folder) -> None:
    proof = folder.put("r", receipt(17, 40))
    assert folder.run("receipt", proof, folder.put("e", ENTRIES[17] + b" "))[0] == 1
    assert folder.run("receipt", proof, folder.put("e", ENTRIES[17]), "--index", "18")[0] == 1


def notes(folder: Folder, *sizes: int) -> list[str]:
    return [folder.put(f"note{size}", checkpoint(LEAVES[:size])) for size in sizes]


def test_every_entry_and_every_past_checkpoint_hold(folder: Folder) -> None:
    bundle = folder.put("entries", tiles.join_entries(ENTRIES))
    code, message = folder.run("entries", bundle, *notes(folder, 30, 0, 7))
    assert code == 0
    assert "30 entries re-hashed, 3 checkpoints hold, 10 further" in message


def test_the_span_of_a_changed_entry_is_named(folder: Folder) -> None:
    changed = [*ENTRIES[:12], b"changed", *ENTRIES[13:]]
    code, message = folder.run("entries", folder.put("e", tiles.join_entries(changed)), *notes(folder, 7, 20, 40))
    assert code == 1
    assert "signed at 20 entries" in message
    assert "first 7" in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (tiles.join_entries(ENTRIES[:-1]), "40 were signed"),
        (tiles.join_entries(ENTRIES)[:-1], "ends inside"),
        (tiles.join_entries([*ENTRIES[:3], ENTRIES[4], ENTRIES[3], *ENTRIES[5:]]), "not theirs"),
        (b"", "40 were signed"),
    ],
    ids=["last one missing", "torn", "swapped", "empty"],
)
def test_missing_torn_and_swapped_entries_are_found(folder: Folder, content: bytes, says: str) -> None:
    code, message = folder.run("entries", folder.put("e", content), *notes(folder, 40))
    assert (code, says in message) == (1, True)


def test_a_fork_among_past_checkpoints_is_found(folder: Folder) -> None:
    fork = folder.put("fork", checkpoint([merkle.leaf_hash(b"forged"), *LEAVES[1:20]]))
    bundle = folder.put("entries", tiles.join_entries(ENTRIES))
    assert folder.run("entries", bundle, fork, *notes(folder, 20, 40))[0] == 1


@pytest.mark.parametrize("vkey", ["", "x", LOG.verifier().vkey().replace("A", "B"), LOG.skey()])
def test_an_unusable_key_leaves_it_unchecked(folder: Folder, vkey: str) -> None:
    note = folder.put("note", checkpoint(LEAVES))
    code, message = folder.run("checkpoint", note, pinned=["--log", vkey])
    assert code == 2
    assert LOG.skey()[-20:] not in message


def test_a_missing_file_leaves_it_unchecked_and_is_named(folder: Folder) -> None:
    code, message = folder.run("checkpoint", "nothing-here")
    assert (code, "nothing-here" in message) == (2, True)


def test_people_read_one_plain_line(folder: Folder) -> None:
    note = folder.put("note", checkpoint(LEAVES))
    argv = [sys.executable, "-I", str(PROGRAM), *PINNED, "checkpoint", note]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("HOLDS: hub.example/log: 40 entries, root ")
