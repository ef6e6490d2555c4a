"""The same history under other rules: which decisions would have been others. Owns the list, changes nothing.

Every message is decided again on a state of its own, so a change carries on: an answer to an offer that would not have
been made is itself a change. What was erased is applied as it was decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from hub.audit.evidence import Evidence, earlier, evidence
from hub.audit.opening import Erased, open_entry
from hub.core.apply import apply
from hub.core.decide import decide
from hub.core.identity.model import Model
from hub.core.normalize import Mapping as MappingRules
from hub.core.normalize import read_crosswalk, with_partners
from hub.core.policy import Policy
from hub.core.rules import Rules
from hub.core.state import State
from hub.ledger.history import History

#: What of an entry is a decision; ids and audiences follow from it.
DECISIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "referral.recorded": ("person", "state", "urgency", "duplicate_of", "related_to", "dong", "code", "how"),
    "referral.corrected": ("urgency", "due", "flags"),
    "referral.duplicated": ("duplicate_of",),
    "referral.offered": ("to", "due", "urgency"),
    "referral.unplaced": ("owner",),
    "referral.changed": ("change", "to"),
    "offer.expired": ("to", "due"),
    "person.merged": ("into", "was", "records"),
    "person.split": ("into", "was", "records"),
    "household.changed": ("joined", "left", "person"),
    "signal.recorded": ("owner", "urgency", "dong"),
    "directory.listed": ("change", "flags", "dongs"),
    "message.refused": ("reasons",),
}


class Change(msgspec.Struct, frozen=True):
    """One decision that differs; an empty side means that there was, or would be, none."""

    position: int
    kind: str
    referral: str
    before: dict[str, Any]
    after: dict[str, Any]


def under(policy: Policy, texts: Mapping[str, str]) -> Policy:
    """The policy with other rule files, by name as `hub.rules.texts()` has them. Raises `Usage` for a bad one."""
    rules = Rules.load(texts)
    areas = [texts[name] for name in ("areas.csv", "town-areas.csv") if name in texts]
    mapping = MappingRules.load(texts["mapping.toml"], read_crosswalk(*areas), rules.needs)
    mapping = with_partners(mapping, texts, rules.needs)
    return Policy(rules, Model.load(texts["weights.json"]), mapping, policy.keys, policy.release)


def compare(history: History, policy: Policy) -> Iterator[Change]:
    """Each decision that would be another under `policy`, in ledger order."""
    state = State()
    for item in evidence(history, policy.keys):
        yield from _changes(item, _decided(history, policy, state, item))
        state.settle()


def _decided(history: History, policy: Policy, state: State, item: Evidence) -> list[dict[str, Any]]:
    try:
        prepared = item.prepared(policy)
    except Erased:
        for entry in item.entries:
            apply(state, entry, open_entry(entry, item.vault.body, policy.keys.pepper))
        return item.entries
    state.seen.clear()
    state.seen.update(earlier(history, item, prepared, policy.keys))
    return decide(state, prepared, policy).entries


def _changes(item: Evidence, decided: list[dict[str, Any]]) -> Iterator[Change]:
    """Entries are matched by kind and by what they are about; the rest is there on one side only."""
    before, after = _by_subject(item.entries), _by_subject(decided)
    for subject in [*before, *(s for s in after if s not in before)]:
        then, now = before.get(subject, {}), after.get(subject, {})
        if then != now:
            yield Change(item.first, subject[0], subject[1], then, now)


def _by_subject(entries: list[dict[str, Any]]) -> dict[tuple[str, str, int], dict[str, Any]]:
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for entry in entries:
        kind, facts = entry["kind"], entry["facts"]
        subject = facts.get("referral") or facts.get("signal") or facts.get("was") or ""
        nth = sum(k == kind and s == subject for k, s, _ in found)
        found[kind, subject, nth] = {name: facts[name] for name in DECISIONS.get(kind, ()) if name in facts}
    return found
