#!/usr/bin/env python3
"""hub-verify: checks the hub's evidence without the hub.

Owns the checks; needs Python 3.11 and `cryptography`, imports nothing else, sends nothing, writes nothing.

  checkpoint NOTE              is it signed by the pinned log key and enough witnesses?
  consistency OLD NEW PROOF    does NEW extend OLD, the last one I trusted? PROOF: one base64 hash per line
  receipt RECEIPT ENTRY        does my own copy of an entry stand in the signed tree, at the index I expect (--index N)?
  entries FILE NOTE...         re-hash every entry (joined tlog-tiles bundles: each after its length, big-endian
                               uint16) and compare with every checkpoint given; the largest needs the witnesses

Keys are pinned by --log VKEY, --witness VKEY (repeat) and --need K (default: all witnesses named).
Exit code 0: everything holds. 1: something does not, and it says what. 2: it could not be checked.
Formats: RFC 6962/9162 and C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-proof.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from collections.abc import Iterator
from functools import reduce
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HASH = 32
EMPTY = sha256(b"").digest()
ED25519, COSIGNATURE = 1, 4
NOTE = re.compile(r"(.*\n)\n((?:— [^ \n]+ [^ \n]+\n)+)", re.DOTALL)


class Broken(Exception):  # noqa: N818 -- what the evidence is, not what went wrong
    """The evidence does not hold. The message says where."""


class Key(NamedTuple):
    """A pinned public key: 'name+hexid+base64(kind ‖ key)'."""

    name: str
    key_id: bytes
    kind: int
    public: bytes


class Checkpoint(NamedTuple):
    """A verified tree head, and the names of who signed it."""

    size: int
    root: bytes
    signers: tuple[str, ...]


class Policy(NamedTuple):
    """Whom we believe: the log's key, and `need` of the witnesses."""

    log: Key
    witnesses: tuple[Key, ...]
    need: int


def unbase64(text: str, size: int | None = HASH) -> bytes:
    """Base64 in its one canonical spelling, of `size` bytes."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if base64.b64encode(raw).decode() != text or size not in {None, len(raw)}:
        raise Broken(f"not base64 of {size or 'some'} bytes: {text[:60]!r}")
    return raw


def number(text: str) -> int:
    """A decimal number without leading zeros."""
    if not (text.isascii() and text.isdigit()) or str(int(text[:20])) != text:
        raise Broken(f"not a decimal number: {text[:40]!r}")
    return int(text)


def pinned(vkey: str) -> Key:
    """A key given on the command line."""
    name, _, rest = vkey.strip().partition("+")
    hex_id, _, material = rest.partition("+")
    try:
        raw = unbase64(material, 1 + HASH)
        key = Key(name, bytes.fromhex(hex_id), raw[0], raw[1:])
    except (Broken, ValueError):
        raise argparse.ArgumentTypeError("not an Ed25519 verifier key") from None  # unquoted: it may be a secret
    if key.key_id != sha256(name.encode() + b"\n" + raw).digest()[:4] or key.kind not in {ED25519, COSIGNATURE}:
        raise argparse.ArgumentTypeError(f"not an Ed25519 verifier key, or its id is not its own: {name!r}")
    return key


def check_signature(key: Key, text: str, value: bytes) -> None:
    """Raises Broken unless the key signed the text (a witness: with the time of its cosignature)."""
    message, signature = text.encode(), value
    if key.kind == COSIGNATURE:
        message, signature = b"cosignature/v1\ntime %d\n%b" % (int.from_bytes(value[:8], "big"), message), value[8:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        raise Broken(f"the signature of {key.name!r} is wrong: the checkpoint was altered or forged") from None


def open_checkpoint(raw: bytes, policy: Policy) -> Checkpoint:
    """The checkpoint in a signed note, once the log and enough distinct witnesses are found to have signed it."""
    text, signatures = split_note(raw)
    found: dict[bytes, str] = {}
    for key in (policy.log, *policy.witnesses):
        for name, value in signatures:
            if (name, value[:4]) == (key.name, key.key_id):
                check_signature(key, text, value[4:])
                found[key.public] = key.name
    if policy.log.public not in found:
        raise Broken(f"the checkpoint bears no signature of the log {policy.log.name!r}")
    if len(found) - 1 < policy.need:
        raise Broken(f"{len(found) - 1} of the pinned witnesses cosigned, {policy.need} are needed")
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):  # noqa: PLR2004 -- origin, size, root
        raise Broken("the note is signed but is no checkpoint")
    if lines[0] != policy.log.name:
        raise Broken(f"the checkpoint is of the log {lines[0]!r}, not of {policy.log.name!r}")
    return Checkpoint(number(lines[1]), unbase64(lines[2]), tuple(found.values()))


def split_note(raw: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text, and each signature's key name and bytes."""
    match = NOTE.fullmatch(raw.decode(errors="replace"))  # what is replaced here fails its signature
    if match is None:
        raise Broken("not a signed note: text, blank line, signature lines")
    lines = [line.split(" ") for line in match[2][:-1].split("\n")]
    return match[1], [(name, unbase64(signature, None)) for _, name, signature in lines]


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def sides(at: int, last: int, proof: list[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each hash of a proof and whether it stands left of the way up (RFC 9162, 2.1.3.2); raises on a wrong length."""
    for sibling in proof:
        if last == 0:
            raise Broken("the proof is too long for this place and size")
        left = bool(at & 1) or at == last
        yield sibling, left
        while left and at and not at & 1:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    if last:
        raise Broken("the proof is too short for this place and size")


def check_included(leaf: bytes, index: int, tree: Checkpoint, proof: list[bytes]) -> None:
    """Raises Broken unless this leaf hash stands at this index of the tree."""
    if index >= tree.size:
        raise Broken(f"index {index} lies outside the signed tree of {tree.size} entries")
    for sibling, left in sides(index, tree.size - 1, proof):
        leaf = node_hash(sibling, leaf) if left else node_hash(leaf, sibling)
    if leaf != tree.root:
        raise Broken(f"this entry does not stand at index {index} of the signed tree of {tree.size} entries")


def check_consistent(old: Checkpoint, new: Checkpoint, proof: list[bytes]) -> None:
    """Raises Broken unless `new` only appended to `old` (RFC 9162, 2.1.4.2)."""
    if new.size < old.size:
        raise Broken(f"the log shrank from {old.size} to {new.size} entries")
    if old.size in {0, new.size}:
        if old.root != (new.root if old.size else EMPTY) or proof:
            raise Broken(f"two different trees of {old.size} entries were signed, or the proof is not empty")
        return
    path = proof if old.size & (old.size - 1) else [old.root, *proof]
    at, last = old.size - 1, new.size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0] if path else b""
    for sibling, left in sides(at, last, path[1:]):
        before = node_hash(sibling, before) if left else before
        after = node_hash(sibling, after) if left else node_hash(after, sibling)
    if (before, after) != (old.root, new.root):
        raise Broken(f"the tree of {new.size} entries does not extend that of {old.size}: history was rewritten")


def append(roots: list[bytes], size: int, node: bytes) -> None:
    """Add a leaf hash to the roots of a tree's perfect subtrees, largest first."""
    while size & 1:
        node, size = node_hash(roots.pop(), node), size >> 1
    roots.append(node)


def entries_in(path: str) -> Iterator[bytes]:
    """The entries of a file of joined bundles, one at a time."""
    with Path(path).open("rb") as file:
        while head := file.read(2):
            entry = file.read(int.from_bytes(head, "big"))
            if len(head) < 2 or len(entry) < int.from_bytes(head, "big"):  # noqa: PLR2004 -- uint16
                raise Broken("the entries file ends inside an entry")
            yield entry


def run_checkpoint(args: argparse.Namespace, policy: Policy) -> str:
    """Signatures of one checkpoint."""
    head = open_checkpoint(Path(args.note).read_bytes(), policy)
    return f"{policy.log.name}: {head.size} entries, root {head.root.hex()}, signed by {', '.join(head.signers)}"


def run_consistency(args: argparse.Namespace, policy: Policy) -> str:
    """A checkpoint against the last trusted one, which may be older than its witnesses."""
    old = open_checkpoint(Path(args.old).read_bytes(), policy._replace(need=0))
    new = open_checkpoint(Path(args.new).read_bytes(), policy)
    check_consistent(old, new, [unbase64(line) for line in Path(args.proof).read_text("utf-8", "replace").split()])
    return f"the {new.size} entries begin with the {old.size} that were trusted: nothing was changed or removed"


def run_receipt(args: argparse.Namespace, policy: Policy) -> str:
    """My own copy of an entry against its receipt."""
    head, blank, note = Path(args.receipt).read_bytes().partition(b"\n\n")
    lines = head.decode(errors="replace").split("\n")
    if lines[1:] and lines[1].startswith("extra "):
        del lines[1]  # authenticated by nobody
    if not blank or lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1:] or not lines[1].startswith("index "):
        raise Broken("not a receipt (c2sp.org/tlog-proof@v1)")
    tree, index = open_checkpoint(note, policy), number(lines[1].removeprefix("index "))
    if args.index not in {None, index}:
        raise Broken(f"the receipt is for entry {index}, not for entry {args.index}")
    leaf = sha256(b"\x00" + Path(args.entry).read_bytes()).digest()
    check_included(leaf, index, tree, [unbase64(line) for line in lines[2:]])
    return f"this entry stands at index {index} of {tree.size}, signed by {', '.join(tree.signers)}"


def run_entries(args: argparse.Namespace, policy: Policy) -> str:
    """Every entry, re-hashed, against every checkpoint given; names the span that holds the first difference."""
    notes = [Path(path).read_bytes() for path in args.note]
    due = sorted((open_checkpoint(note, policy._replace(need=0)), note) for note in notes)
    open_checkpoint(due[-1][1], policy)
    entries, size, good = entries_in(args.entries), 0, 0
    roots: list[bytes] = []
    for head, _ in due:
        for entry in islice(entries, head.size - size):
            append(roots, size, sha256(b"\x00" + entry).digest())
            size += 1
        if size < head.size:
            raise Broken(f"there are {size} entries, but {head.size} were signed")
        if (reduce(lambda right, left: node_hash(left, right), reversed(roots)) if roots else EMPTY) != head.root:
            raise Broken(f"the root signed at {size} entries is not theirs; the first {good} are as signed")
        good = size
    unsigned = sum(1 for _ in entries)
    return f"{size} entries re-hashed, {len(due)} checkpoints hold, {unsigned} further entries are not signed yet"


def arguments() -> argparse.ArgumentParser:
    """The command line, as the module's docstring shows it."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("hub-verify", description=__doc__, formatter_class=plain)
    parser.add_argument("--log", required=True, type=pinned, metavar="VKEY")
    parser.add_argument("--witness", action="append", default=[], type=pinned, metavar="VKEY")
    parser.add_argument("--need", type=int, metavar="K")
    parser.add_argument("--json", action="store_true")
    commands = parser.add_subparsers(dest="command", required=True)
    for run, *files in (
        (run_checkpoint, "note"),
        (run_consistency, "old", "new", "proof"),
        (run_receipt, "receipt", "entry"),
        (run_entries, "entries"),
    ):
        command = commands.add_parser(run.__name__.removeprefix("run_"))
        command.set_defaults(run=run)
        for file in files:
            command.add_argument(file)
    commands.choices["receipt"].add_argument("--index", type=int)
    commands.choices["entries"].add_argument("note", nargs="+")
    return parser


def main() -> int:
    """Run the check the command line asks for."""
    args = arguments().parse_args()
    try:
        policy = Policy(args.log, tuple(args.witness), len(args.witness) if args.need is None else args.need)
        code, result, message = 0, "HOLDS", args.run(args, policy)
    except Broken as error:
        code, result, message = 1, "BROKEN", str(error)
    except OSError as error:
        code, result, message = 2, "UNCHECKED", str(error)
    answer = {"check": args.command, "result": result, "message": message}
    sys.stdout.write((json.dumps(answer, ensure_ascii=False) if args.json else f"{result}: {message}") + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
