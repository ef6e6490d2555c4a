"""The checkpoint signer: the one process that holds the log's key.

Owns the decision to sign. Never trusts the database it reads: it keeps its own copy of what it signed last (`own`,
beside its key) and extends its own frontier from leaf hashes, so a history rewritten behind it, even together with
the published checkpoints, is refused. Never looks into entries, never asks the clock: a loop calls `sign_once`.

The tree it signs is the tree it signed before, plus leaves: consistency is no proof to check, it is how the root is
computed.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hub.core.merkle import Frontier
from hub.core.note import Checkpoint, Note, NoteError, SigningKey, open_checkpoint
from hub.errors import Halt, Usage
from hub.ledger.keyfile import create_secret, read_secret, sync_folder, write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


class LeafSource(Protocol):
    """The ledger, as far as the signer sees it."""

    def head(self) -> tuple[int, bytes]:
        """The size and root of the committed tree."""
        ...

    def leaves(self, after: int, upto: int) -> Iterable[bytes]:
        """The leaf hashes of the indexes from `after` up to, not including, `upto`, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed checkpoint: its size and root, the note as served, and the frontier (`Frontier.to_bytes`) behind it."""

    size: int
    root: bytes
    note: bytes
    frontier: bytes


class CheckpointStore(Protocol):
    """Where signed checkpoints are kept. Every one stays; the largest is the latest."""

    def latest(self) -> Signed | None:
        """The checkpoint of the largest size, None before the first."""
        ...

    def save(self, checkpoint: Signed) -> None:
        """Keep it, durably, before returning. Saving the same one again changes nothing."""
        ...


class FileStore:
    """The signer's own memory: its last checkpoint, in a file on its own disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def latest(self) -> Signed | None:
        """The last one saved. Raises Halt when the file is damaged: signing on could fork the log."""
        if not self._path.exists():
            return None
        try:
            stored = json.loads(self._path.read_bytes())
            note, frontier = base64.b64decode(stored["note"]), base64.b64decode(stored["frontier"])
        except (ValueError, KeyError, TypeError, binascii.Error):
            raise Halt(f"the signer's memory {self._path} is damaged; what was signed last is unknown") from None
        head = Checkpoint.parse(Note.parse(note).text)
        return Signed(head.size, head.root, note, frontier)

    def save(self, checkpoint: Signed) -> None:
        """Replace the file in one step: a crash leaves the old checkpoint or the new one."""
        parts = {"note": checkpoint.note, "frontier": checkpoint.frontier}
        draft = self._path.with_name(self._path.name + ".new")
        draft.unlink(missing_ok=True)
        write_private(draft, json.dumps({name: base64.b64encode(raw).decode() for name, raw in parts.items()}).encode())
        draft.replace(self._path)
        sync_folder(self._path.parent)


class Signer:
    """Signs each new head of one log. `own` is on the signer's disk, `published` is what the world is served from."""

    def __init__(self, key: SigningKey, source: LeafSource, published: CheckpointStore, own: CheckpointStore) -> None:
        self._key, self._source, self._published, self._own = key, source, published, own
        self._last: Signed | None = None
        self._unpublished: Signed | None = None
        self._frontier = Frontier()
        self._resume(own.latest(), published.latest())

    def sign_once(self) -> Signed | None:
        """Sign the head if it is new; None if it is signed already. Raises Halt on any sign of a rewritten history.

        After any other error, call again: what was signed stays signed, and is published first.
        """
        self._publish()
        size, root = self._source.head()
        if self._last is not None and size == self._last.size:
            self._refuse(root != self._last.root, f"the root at size {size} is not the one signed before")
            return None
        frontier = self._extended(size)
        self._refuse(frontier.root() != root, f"the leaves up to size {size} do not give the head's root")
        signed = self._signed(frontier)
        self._own.save(
            signed
        )  # the commit point: from here on this tree is the only one; a crash leaves it unpublished
        self._last, self._frontier, self._unpublished = signed, frontier, signed
        self._publish()
        return signed

    def _publish(self) -> None:
        if self._unpublished is not None:
            self._published.save(self._unpublished)
            self._unpublished = None

    def _extended(self, size: int) -> Frontier:
        frontier = self._frontier.copy()
        self._refuse(size < frontier.size, f"the tree shrank from {frontier.size} to {size}")
        frontier.extend(self._source.leaves(frontier.size, size))
        self._refuse(frontier.size != size, f"the head says {size} leaves, there are {frontier.size}")
        return frontier

    def _signed(self, frontier: Frontier) -> Signed:
        text = Checkpoint(self._key.name, frontier.size, frontier.root()).text()
        note = Note(text, (self._key.sign(text),)).to_bytes()
        return Signed(frontier.size, frontier.root(), note, frontier.to_bytes())

    def _resume(self, own: Signed | None, published: Signed | None) -> None:
        """Take up where the last run stopped, from the memory that is further; each must bear our own signature."""
        held = [signed for signed in (own, published) if signed is not None]
        for signed in held:
            self._check(signed)
        forked = len(held) > 1 and held[0].size == held[1].size and held[0].root != held[1].root
        self._refuse(forked, "two different trees of one size bear our signature")
        if not held:
            return
        last = max(held, key=lambda signed: signed.size)
        self._last, self._frontier = last, Frontier.from_bytes(last.frontier)
        if own is None or own.size < last.size:
            self._own.save(last)  # a new disk: from now on nobody can take us back behind it
        if published is None or published.size < last.size:
            self._unpublished = last

    def _check(self, stored: Signed) -> None:
        head, frontier = open_checkpoint(stored.note, self._key.verifier()), Frontier.from_bytes(stored.frontier)
        same = (head.size, head.root) == (stored.size, stored.root) == (frontier.size, frontier.root())
        self._refuse(not same, f"the stored checkpoint of size {stored.size} contradicts its own signature")

    def _refuse(self, wrong: bool, why: str) -> None:  # noqa: FBT001 -- reads as "refuse (if) this"
        if wrong:
            raise Halt(f"refusing to sign for {self._key.name}: {why}")


def create_key(path: Path, origin: str, randomness: Callable[[int], bytes]) -> SigningKey:
    """A new log key in a new file (mode 0600), named by the log's origin. Raises Usage when the file exists."""
    key = SigningKey(origin, randomness(32))
    create_secret(path, key.skey() + "\n")
    return key


def load_key(path: Path) -> SigningKey:
    """The log key of a file. Raises Usage when it is missing, open to others or no signing key."""
    try:
        return SigningKey.parse(read_secret(path).strip())
    except NoteError as error:
        raise Usage(f"{path} holds no signing key: {error}.", "Restore it from your key backup.") from None
