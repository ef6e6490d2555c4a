"""Why mentions are one person, and why two persons are not: values ready to be answered, words before numbers.

Owns their shape. Compares mentions anew with the model of today, and says where the comparison of the day they came
gave other bits. Never repeats a personal value, decides nothing, and sees only the mentions it is given: whatever its
reader may not know of is left out before (`core.mentions`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any, Final

import msgspec

from hub.core.identity import explain, guards
from hub.core.identity.model import Model
from hub.core.identity.score import compare
from hub.core.mentions import Happened, Mention, Said, said

View = dict[str, Any]
#: Other persons an explanation names: the likeliest.
MOST_OTHERS: Final = 3
MACHINE, WORKER, UNSEEN = "machine", "worker", "unseen"


class Pair(msgspec.Struct, frozen=True):
    """Two mentions compared. `then`: the centibits on the day they met, None where they never did or are the same."""

    one: Mention
    other: Mention
    bits: int
    fields: explain.Fields
    guard: str
    then: int | None
    said: Said | None

    def is_link(self, model: Model) -> bool:
        """Whether the machine may join two persons on this alone."""
        return self.bits >= model.auto and not self.guard


def pair(one: Mention, other: Mention, model: Model, happened: Sequence[Happened]) -> Pair:
    """Compare two mentions; where one was erased, what was stored when they met is all there is."""
    then = one.edges.get(other.id, other.edges.get(one.id))
    word = said(happened, one.id, other.id)
    if one.features is None or other.features is None:
        guard = one.guards.get(other.id, other.guards.get(one.id, ""))
        return Pair(one, other, then or 0, (), guard, None, word)
    score = compare(one.features, other.features, model)
    return Pair(one, other, score.bits, score.fields, score.guard, then if then != score.bits else None, word)


def both(tell: Callable[..., str], *about: object) -> dict[str, str]:
    """A sentence in both languages."""
    return {"ko": tell(*about, "ko"), "en": tell(*about, "en")}


# ------------------------------------------------------------------ one person
def person(
    id_: str,
    mine: Sequence[Mention],
    others: Sequence[Mention],
    model: Model,
    happened: Sequence[Happened],
) -> View:
    """Why each mention belongs to this person, and who else it might be. `mine` is in the order heard."""
    links = {m.id: found for m, found in _tree(mine, model, happened)}
    records = [
        {"record": m.id, "position": m.position, "link": _link(links[m.id], model) if m.id in links else None}
        for m in mine
    ]
    return {
        "person": id_,
        "records": records,
        "possibly": _possibly(mine, others, model, happened),
    }


def _tree(mine: Sequence[Mention], model: Model, happened: Sequence[Happened]) -> Iterable[tuple[Mention, Pair]]:
    """Each mention but the first with its best tie to those already told: strongest ties first (Prim's tree)."""
    best: dict[str, Pair] = {}
    waiting = list(mine[1:])
    joined = mine[0] if mine else None
    while joined is not None and waiting:
        for m in waiting:
            found = pair(m, joined, model, happened)
            if m.id not in best or _strength(found, model) > _strength(best[m.id], model):
                best[m.id] = found
        joined = max(waiting, key=lambda m: (_strength(best[m.id], model), -m.position))
        waiting.remove(joined)
        yield joined, best[joined.id]


def _strength(found: Pair, model: Model) -> tuple[int, int]:
    """What ties two mentions: the machine's link, else a worker's word, else nothing that is shown.

    Where somebody said that two are one, the machine's opinion of this pair counts no more (`partition`).
    """
    if found.said is not None:
        return int(found.said.decision == "same"), found.bits
    return 2 * found.is_link(model), found.bits


def _link(found: Pair, model: Model) -> View:
    strength, _ = _strength(found, model)
    return comparison(found, model) | {"how": (UNSEEN, WORKER, MACHINE)[strength]}


def comparison(found: Pair, model: Model) -> View:
    """Two mentions compared: in words, then field by field; the bits of the fields sum to `bits`."""
    return {
        "record": found.one.id,
        "other": found.other.id,
        "words": both(explain.words, found.fields),
        "fields": [
            {"level": label, "words": both(explain.level, label), "bits": bits / 100}
            for label, bits in explain.whole_names(found.fields)
        ],
        "bits": found.bits / 100,
        "needed": model.auto / 100,
        "then": None if found.then is None else found.then / 100,
        "guard": found.guard,
        "guard_words": both(explain.guard, found.guard) if found.guard else None,
        "said": _said(found.said),
        "model": model.version,
    }


def _said(word: Said | None) -> View | None:
    if word is None:
        return None
    told: View = msgspec.to_builtins(word)
    return told | {"reason_words": both(explain.reason, word.reason)}


def _possibly(
    mine: Sequence[Mention], others: Sequence[Mention], model: Model, happened: Sequence[Happened]
) -> list[View]:
    """The likeliest other persons that met one of these mentions, each through its best pair."""
    best: dict[str, Pair] = {}
    for m, o in product(mine, others):
        if o.id not in m.edges and m.id not in o.edges:
            continue
        found = pair(m, o, model, happened)
        if found.bits >= model.review and (o.person not in best or found.bits > best[o.person].bits):
            best[o.person] = found
    likeliest = sorted(best.values(), key=lambda found: (-found.bits, found.other.id))[:MOST_OTHERS]
    return [{"person": found.other.person} | comparison(found, model) for found in likeliest]


# ------------------------------------------------------------------ two persons
def two(left: Sequence[Mention], right: Sequence[Mention], model: Model, happened: Sequence[Happened]) -> View:
    """Why two persons are two: their likeliest pair of mentions, and what keeps them apart."""
    one, other = left[0].person, right[0].person
    pairs = [pair(m, o, model, happened) for m, o in product(left, right) if m.id != o.id]
    if not pairs:
        return _one(one)
    best = max(pairs, key=lambda found: (found.bits, not found.guard, found.one.id, found.other.id))
    because, telling = _because(pairs, best, model, one == other, len(left) + len(right))
    return {
        "person": one,
        "other": other,
        "one": one == other,
        "because": because,
        "because_words": both(explain.apart, because),
        "best": comparison(best, model),
        "stopped": None if telling is best else comparison(telling, model),
    }


def _one(person: str) -> View:
    """Nothing to compare: both ids are the same mention."""
    told = {"person": person, "other": person, "one": True, "because": "already_one", "best": None, "stopped": None}
    return told | {"because_words": both(explain.apart, "already_one")}


def _because(pairs: Sequence[Pair], best: Pair, model: Model, is_one: bool, size: int) -> tuple[str, Pair]:  # noqa: FBT001 - a fact, no switch
    """Why, and the pair that says so."""
    if is_one:
        return "already_one", best
    worker = next((p for p in (best, *pairs) if p.said is not None and p.said.decision == "apart"), None)
    if worker is not None:
        return "by_worker", worker
    if best.bits < model.auto:
        return "weak", best
    stopped = best if best.guard else next((p for p in pairs if guards.parts(p.guard)), None)
    if stopped is not None:
        return "guard", stopped
    if size > model.cap:
        return "cap", best
    return ("together" if sum(p.bits for p in pairs) < 0 else "contested"), best
