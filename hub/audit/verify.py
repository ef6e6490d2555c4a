"""Everything hashed again: entries against the tree, the tree against every checkpoint, bodies against entries.

Owns the findings and whom they concern: each damaged entry is named with its case and the persons of that case, for
there the law's clock starts. Opens no body and needs no key but the log's public one. Decides nothing (`replay` does).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hub.audit.bodies import Bodies, BodyRef
from hub.audit.findings import Finding, Verified
from hub.core.bodies import RAW
from hub.core.merkle import Frontier, leaf_hash
from hub.core.note import NoteError, Verifier, open_checkpoint
from hub.ledger.history import History

Progress = Callable[[int, int], None]
Row = tuple[int, bytes, int, str, str, bytes, bytes]


class Cause(msgspec.Struct, frozen=True, gc=False):
    """The message's digest, and SHA-256 of its encrypted bytes."""

    digest: str
    sealed: str


class Skimmed(msgspec.Struct, frozen=True, gc=False):
    """As much of an entry as verifying needs."""

    case: str
    kind: str
    heard: str
    cause: Cause
    bodies: tuple[BodyRef, ...]


_skim = msgspec.json.Decoder(Skimmed).decode


def verify(history: History, log: Verifier, progress: Progress | None = None) -> Verified:
    """Verify one snapshot. `log` is the log's public key, pinned by whoever asks."""
    head = history.head()
    run = _Run(history, log, Verified(head))
    for page in history.pages():
        run.page(page)
        if progress is not None:
            progress(run.result.entries, head.size)
    run.end()
    run.result.findings = [_with_persons(history, f) for f in run.result.findings]
    return run.result


class _Run:
    """One pass over the entries, with the tree growing beside them."""

    def __init__(self, history: History, log: Verifier, result: Verified) -> None:
        self.history, self.log, self.result = history, log, result
        self.frontier = Frontier()
        self.trusted = 0  # the last size a checkpoint agreed with
        self.checkpoints = history.checkpoints()
        self.signed = next(self.checkpoints, None)
        self.causes = history.causes()
        self.told = next(self.causes, None)
        self.bodies = Bodies(history, result)
        self.heard, self.cause, self.ordinal, self.expected = "", b"", 0, 1
        self._checkpoints(0)  # the empty tree may have been signed, too

    # ------------------------------------------------------------- entries
    def page(self, rows: list[Row]) -> None:
        """Hash a page of entries, then look at the bodies they point to."""
        leaves: list[bytes] = []
        for row in rows:
            position = row[0]
            if position != self.expected:
                self._missing(position, leaves)
            leaves.append(row[5])
            self._entry(row)
            self.expected = position + 1
            if self.signed is not None and self.signed[0] <= position:
                self._grow(leaves)
                self._checkpoints(position)
        self._grow(leaves)
        self.result.entries += len(rows)
        self.bodies.follow()

    def _entry(self, row: Row) -> None:
        position, cause, ordinal, case, kind, leaf, raw = row
        if leaf_hash(raw) != leaf:
            self.result.find("damaged", position, "the entry's bytes do not give its leaf", case=case)
        try:
            skimmed = _skim(raw)
        except msgspec.DecodeError:
            self.result.find("damaged", position, "what is stored is no entry", case=case)
            self._caused(position, cause, ordinal, case)
            return
        if (skimmed.cause.digest, skimmed.case, skimmed.kind) != (cause.hex(), case, kind):
            self.result.find("misfiled", position, "cause, case or kind beside the entry are not its own", case=case)
        if skimmed.heard < self.heard:
            self.result.find("disordered", position, "heard before the entry in front of it", case=case)
        self.heard = skimmed.heard
        self._caused(position, cause, ordinal, case, skimmed.cause.sealed)
        for ref in skimmed.bodies:
            self.bodies.expect(ref, position, case)

    def _caused(self, position: int, cause: bytes, ordinal: int, case: str, sealed: str = "") -> None:
        """Entries of one cause stand together, numbered from 0, behind the verdict on their message."""
        if cause == self.cause:
            self.ordinal += 1
        else:
            self.cause, self.ordinal = cause, 0
            self._told(position, cause, case, sealed)
        if ordinal != self.ordinal:
            text = f"entry {ordinal} of its cause where {self.ordinal} belongs"
            self.result.find("misfiled", position, text, case=case)

    def _told(self, position: int, cause: bytes, case: str, sealed: str) -> None:
        """The verdict in front of a cause's entries; it knows where the raw evidence is that the entry vouches for."""
        while self.told is not None and self.told[0] < position:
            self.result.find("verdict", self.told[0], "a verdict names a position where no cause begins")
            self.told = next(self.causes, None)
        if self.told is None or self.told[:2] != (position, cause):
            self.result.find("verdict", position, "no verdict on a message stands behind this entry", case=case)
            return
        self.result.messages += 1
        if sealed:
            self.bodies.expect(BodyRef(RAW, self.told[2], sealed), position, case)
        self.told = next(self.causes, None)

    def _missing(self, position: int, leaves: list[bytes]) -> None:
        """A gap: the tree cannot be rebuilt over it, but a later checkpoint's own frontier lets it go on."""
        self._grow(leaves)
        self.result.find("missing", self.expected, "entries are not there", last=position - 1)

    # ------------------------------------------------------------- the tree
    def _grow(self, leaves: list[bytes]) -> None:
        self.frontier.extend(leaves)
        leaves.clear()

    def _checkpoints(self, position: int) -> None:
        """Compare with the checkpoints up to here. One that differs dates the damage, and the tree goes on from it."""
        while self.signed is not None and self.signed[0] <= position:
            size, note, frontier = self.signed
            self.signed = next(self.checkpoints, None)
            self.result.checkpoints += 1
            try:
                checkpoint = open_checkpoint(note, self.log)
            except NoteError as error:
                self.result.find("checkpoint", size, str(error))
                continue
            if (checkpoint.size, self.frontier.size) != (size, size) or checkpoint.root != self.frontier.root():
                text = "the tree is not the one that was signed: an entry was changed together with its leaf"
                self.result.find("tree", self.trusted + 1, text, last=size)
                kept = Frontier.from_bytes(frontier)
                if (kept.size, kept.root()) == (checkpoint.size, checkpoint.root):
                    self.frontier = kept
            self.trusted = size

    # ------------------------------------------------------------- the end
    def end(self) -> None:
        """What can only be said at the end: the head, checkpoints and verdicts beyond it, places."""
        result, head = self.result, self.result.head
        self.bodies.end()
        result.bodies, result.erased = self.bodies.compared, self.bodies.erased
        result.root = self.frontier.root()
        if self.expected != head.size + 1 or result.root != head.root:
            text = f"the head says {head.size} entries; what is there gives another root"
            result.find("head", min(self.trusted + 1, self.expected), text, last=max(self.expected - 1, head.size))
        for size, _, _ in [self.signed, *self.checkpoints] if self.signed else ():
            result.find("missing", self.expected, "a checkpoint was signed beyond what is there", last=size)
        for position, *_ in [self.told, *self.causes] if self.told else ():
            result.find("verdict", position, "a verdict names a position that is not there")
        for text in self.history.misplaced():
            result.find("place", 0, text)


def _with_persons(history: History, finding: Finding) -> Finding:
    """The persons of the damaged entry's case, as its other entries name them."""
    persons: set[str] = set()
    for raw in history.of_case(finding.case) if finding.case else ():
        try:
            facts = msgspec.json.decode(raw)["facts"]
        except (msgspec.DecodeError, KeyError, TypeError):
            continue
        persons |= {facts[name] for name in ("person", "was") if facts.get(name)}
    return msgspec.structs.replace(finding, persons=tuple(sorted(persons)))
