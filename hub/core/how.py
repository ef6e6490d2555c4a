"""How a person came to be: its mentions and what was decided of them, step by step in the order of the ledger.

Owns the shape of the steps. Says of each mention how it was linked, in the words of the day it came, where the mention
it was compared with is one the reader knows; never a personal value, and never the source where it asked to be hidden.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from hub.core.directory import Agency
from hub.core.feedview import CITY_KIND
from hub.core.identity import explain
from hub.core.identity.identify import Explanation
from hub.core.identity.model import Model
from hub.core.mentions import DECIDED, Happened, Mention
from hub.core.privacy import WITHHELD
from hub.core.why import both, pair

View = dict[str, Any]
RECORDED = "referral.recorded"


class Met(msgspec.Struct, frozen=True):
    """What a mention was likest to when it came, of all its reader knows. `is_link`: the machine linked on it."""

    other: str
    fields: explain.Fields
    bits: int
    guard: str
    is_link: bool


def met(mention: Mention, found: Explanation | None, known: Mapping[str, Mention], model: Model) -> Met | None:
    """The likest candidate that the reader knows; in the words of that day where it was the likest of all."""
    shown = next((c for c in found.candidates if c.record in known), None) if found else None
    if found is None or shown is None:
        return None
    is_link = shown.bits >= model.auto and not shown.guard
    fields = found.fields
    if shown is not found.candidates[0]:
        fields = pair(mention, known[shown.record], model, ()).fields
    return Met(shown.record, fields, shown.bits, shown.guard, is_link)


def steps(
    person: str,
    mine: Sequence[Mention],
    happened: Iterable[Happened],
    likest: Mapping[str, Met | None],
    known: Collection[str],
    agency: Agency,
) -> View:
    """Every step. `happened`: entries this account may know of; `known`: all records in them that it may know of.

    likest: by record of this person, what it was likest to.
    """
    ours = {m.id for m in mine}
    told = (_step(h, ours, likest, known, agency) for h in happened)
    return {"person": person, "steps": [step for step in told if step is not None]}


def _step(
    happened: Happened,
    ours: Collection[str],
    likest: Mapping[str, Met | None],
    known: Collection[str],
    agency: Agency,
) -> View | None:
    facts = happened.facts
    frame = {"position": happened.position, "heard": happened.entry.heard, "kind": happened.kind}
    if happened.kind == RECORDED:
        record = facts["record"]
        return frame | _mention(facts, likest.get(record), agency) if record in ours else None
    if happened.kind == DECIDED:
        return _decided(frame, facts, known)
    records = [r for r in facts["records"] if r in known]
    return frame | {n: facts[n] for n in ("was", "into", "absorbed")} | {"records": records} if records else None


def _mention(facts: View, likest: Met | None, agency: Agency) -> View:
    """A mention: from where, and what it was likest to when it came. `how`: '' where that is not shown."""
    shown = {"record": facts["record"], "referral": facts["referral"], "agency": _source(facts, agency)}
    if likest is None:
        how = facts["how"] if facts["how"] == "new" else ""
        return shown | {"other": "", "how": how, "words": None, "bits": None, "guard": "", "guard_words": None}
    return shown | {
        "other": likest.other,
        "how": facts["how"] if likest.is_link or facts["how"] != "auto" else "",
        "words": both(explain.words, likest.fields),
        "bits": likest.bits / 100,
        "guard": likest.guard,
        "guard_words": both(explain.guard, likest.guard) if likest.guard else None,
    }


def _source(facts: View, agency: Agency) -> str:
    """Who referred: for itself, and for the city's desk (its feed says it) unless the origin is to stay hidden."""
    if facts["agency"] == agency.code:
        return agency.code
    return str(facts["agency"]) if agency.kind == CITY_KIND and not facts.get("origin_hidden") else WITHHELD


def _decided(frame: View, facts: View, known: Collection[str]) -> View | None:
    left, right = ([r for r in facts[side] if r in known] for side in ("left", "right"))
    if not left or not right:
        return None
    told = {n: facts[n] for n in ("decision", "by", "reason", "review")}
    return frame | told | {"reason_words": both(explain.reason, facts["reason"]), "left": left, "right": right}
