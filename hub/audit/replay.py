"""The history decided again from its raw evidence: the same entries, byte for byte, or the first that differs.

Owns the comparison. Under the release and the rules that decided, it is a replay and must arrive at the same Merkle
root; under any other it is a *comparison*, and says so. What was erased is applied as it was decided, counted as
sealed and not decided again; so is what was decided by reading something erased since.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from hub.audit.evidence import Evidence, earlier, evidence
from hub.audit.opening import Erased, Missing, open_entry
from hub.core.apply import apply
from hub.core.bodies import MatchingBody
from hub.core.decide import decide
from hub.core.entry import encode
from hub.core.merkle import Frontier, leaf_hash
from hub.core.policy import Policy
from hub.core.prepared import Prepared
from hub.core.state import State
from hub.ledger.history import Head, History
from hub.schemas.canonical import AnswerClaim

Progress = Callable[[int, int], None]
_matching = msgspec.json.Decoder(MatchingBody).decode


class Difference(msgspec.Struct, frozen=True):
    """The first place where history and rules disagree. `changes`: (JSON pointer, recorded, decided now)."""

    position: int
    kind: str
    why: str
    changes: tuple[tuple[str, Any, Any], ...] = ()


class Replayed(msgspec.Struct):
    """What came of it. `holds`: every entry that could be decided again is the same, and so is the root."""

    entries: int = 0
    matched: int = 0
    sealed: int = 0
    messages: int = 0
    is_comparison: bool = False
    root: bytes = b""
    head: Head | None = None
    difference: Difference | None = None

    @property
    def holds(self) -> bool:
        """Whether the history is what the rules make of the evidence."""
        head = self.head
        return self.difference is None and head is not None and (self.entries, self.root) == (head.size, head.root)


def replay(history: History, policy: Policy, progress: Progress | None = None) -> Replayed:
    """Decide everything again, in ledger order, on one state in memory. Stops at the first difference."""
    run = _Run(history, policy)
    run.result.head = head = history.head()
    for item in evidence(history, policy.keys):
        if not run.take(item):
            break
        if progress is not None:
            progress(run.result.entries, head.size)
    run.result.root = run.frontier.root()
    return run.result


class _Run:
    """One pass: the state, the tree, and what is known to be lost."""

    def __init__(self, history: History, policy: Policy) -> None:
        self.history, self.policy = history, policy
        self.state, self.frontier, self.result = State(), Frontier(), Replayed()
        self.lost: set[str] = set()

    def take(self, item: Evidence) -> bool:
        """One cause. False when it differs."""
        self.result.messages += 1
        if item.first != self.state.size + 1:
            return self._differs(item, 0, f"positions {self.state.size + 1} to {item.first - 1} are missing")
        if item.message is None:
            return self._differs(item, 0, "no message stands behind this entry")
        try:
            prepared = self._prepared(item)
        except Missing as gone:
            return self._differs(item, 0, str(gone))
        if prepared is None:
            self._apply(item)
            return True
        return self._compare(item, self._decide(item, prepared))

    def _prepared(self, item: Evidence) -> Prepared | None:
        """The message, None where it or something it is about was erased."""
        if self._reads_lost(item):
            return None
        try:
            prepared = item.prepared(self.policy)
        except Erased:
            return None
        # A refused answer names its referral nowhere in its entry.
        about = prepared.content.referral if isinstance(prepared.content, AnswerClaim) else ""
        return None if about in self.lost else prepared

    # ------------------------------------------------------------- sealed
    def _reads_lost(self, item: Evidence) -> bool:
        """Whether something was read that is not there any more: the decision would be another one, rightly."""
        return bool(self.lost) and any(self._names_lost(entry, item) for entry in item.entries)

    def _names_lost(self, entry: dict[str, Any], item: Evidence) -> bool:
        named = {entry["case"]}
        for value in entry["facts"].values():
            named |= (
                {value}
                if isinstance(value, str)
                else {v for v in value if isinstance(v, str)}
                if isinstance(value, list)
                else set()
            )
        for ref in entry["bodies"]:
            if ref["class"] == "matching" and (body := item.vault.body(ref["key_id"], "matching")):
                named |= _matching(body).edges.keys()
        return not named.isdisjoint(self.lost)

    def _apply(self, item: Evidence) -> None:
        """Take the entries as they are; from here on, who reads them reads something lost."""
        for entry, raw in zip(item.entries, item.raw, strict=True):
            apply(self.state, entry, open_entry(entry, item.vault.body, self.policy.keys.pepper))
            self._leaf(raw)
            facts = entry["facts"]
            self.lost |= {v for name in ("record", "person", "referral") if (v := facts.get(name))}
            self.lost |= {entry["case"]} - {""}
        self.result.sealed += len(item.entries)
        self.state.settle()

    # ------------------------------------------------------------- decided again
    def _decide(self, item: Evidence, prepared: Prepared) -> list[dict[str, Any]]:
        """A conflict is one because of an earlier message: that one is looked up, so no verdict is kept in memory."""
        self.state.seen.clear()
        self.state.seen.update(earlier(self.history, item, prepared, self.policy.keys))
        entries = decide(self.state, prepared, self.policy).entries
        self.state.settle()
        return entries

    def _compare(self, item: Evidence, decided: list[dict[str, Any]]) -> bool:
        for index, (entry, raw) in enumerate(zip(decided, item.raw, strict=False)):
            encoded = encode(self._under(entry, item.entries[index]))
            if encoded != raw:
                changes = tuple(difference(item.entries[index], orjson.loads(encoded)))
                return self._differs(item, index, "decided otherwise now", changes)
            self._leaf(raw)
        self.result.matched += min(len(decided), len(item.raw))
        if len(decided) != len(item.raw):
            why = f"{len(item.raw)} entries were recorded, {len(decided)} are decided now"
            return self._differs(item, min(len(decided), len(item.raw) - 1), why)
        return True

    def _under(self, entry: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
        """The decision as if this release and these rules were those that decided: then it is a comparison."""
        if (stored["release"], stored["rules"]) == (entry["release"], entry["rules"]):
            return entry
        self.result.is_comparison = True
        return entry | {"release": stored["release"], "rules": stored["rules"]}

    def _leaf(self, raw: bytes) -> None:
        self.frontier.append(leaf_hash(raw))
        self.result.entries += 1

    def _differs(self, item: Evidence, index: int, why: str, changes: tuple[tuple[str, Any, Any], ...] = ()) -> bool:
        self.result.difference = Difference(item.first + index, item.entries[index]["kind"], why, changes)
        return False


def difference(stored: object, decided: object, path: str = "") -> list[tuple[str, Any, Any]]:
    """Where two JSON values differ: (JSON pointer, recorded, decided now); None for what one does not have."""
    if isinstance(stored, dict) and isinstance(decided, dict):
        names = sorted(stored.keys() | decided.keys())
        return [d for name in names for d in difference(stored.get(name), decided.get(name), f"{path}/{name}")]
    return [] if stored == decided else [(path, stored, decided)]
