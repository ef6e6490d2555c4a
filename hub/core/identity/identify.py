"""A new record among those already known: its edges, its component, and what that makes of the persons there.

Owns the step from candidates to persons and who keeps which person id. Never reads the database itself (`Register` is
its window, gathered under the lock), never draws an id, never looks at a clock.

The partition follows from the set of records alone; ids may follow arrival: a person is called after its oldest record,
so on a merge the older person survives, and on a split the side with the oldest record keeps the id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from hub.core.identity.partition import Record, persons
from hub.core.identity.score import Score, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from hub.core.identity.features import Features
    from hub.core.identity.model import Model

How = Literal["new", "auto", "provisional"]
NONE_YET: Final[Mapping[str, Score]] = {}
_SHOWN_MAX = 8  # candidates an explanation keeps, best first


class Register(Protocol):
    """What is known, as seen under the lock."""

    def candidates(self, keys: Sequence[int]) -> Collection[str]:
        """Ids of records sharing a key that is not generic."""

    def record(self, id_: str) -> Record:
        """A record by id."""

    def members(self, component: str) -> Collection[str]:
        """Ids of the records of a component."""


class Candidate(msgspec.Struct, frozen=True, array_like=True):
    """A record compared with the new one, with the person it belonged to then."""

    record: str
    person: str
    bits: int
    guard: str = ""


class Explanation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why. `fields` are those of the best candidate and sum to its bits; `runner_up` is the best other person's."""

    model: str
    fields: tuple[tuple[str, int], ...] = ()
    candidates: tuple[Candidate, ...] = ()
    runner_up: int | None = None
    guard: str = ""


class Settled(msgspec.Struct, frozen=True):
    """What became of the persons of one component. `persons`: only the records whose person changed.

    merged: (survivor, absorbed); split: (kept, new, the records that left).
    """

    persons: dict[str, str]
    merged: tuple[tuple[str, str], ...] = ()
    split: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


class Identified(msgspec.Struct, frozen=True):
    """The answer for one new record. Records of `absorbed` components now belong to `component`."""

    person: str
    how: How
    component: str
    absorbed: tuple[str, ...]
    edges: dict[str, int]
    guards: dict[str, str]
    persons: dict[str, str]
    possibly: tuple[str, ...]
    merged: tuple[tuple[str, str], ...]
    split: tuple[tuple[str, str, tuple[str, ...]], ...]
    explain: Explanation


def identify(
    register: Register,
    record_id: str,
    features: Features,
    keys: Sequence[int],
    model: Model,
    person_id_for: Callable[[str], str],
    scores: Mapping[str, Score] = NONE_YET,
) -> Identified:
    """Who the new record is. Under the lock; `scores` are those made before it, by known record: the rest is made now.

    A score is a function of two records' features and of nothing else, so it does not matter when it was made.
    """
    found = _candidates(register, record_id, features, keys, model, scores)
    edges = {id_: score.bits for id_, (_, score) in found.items()}
    stopped = {id_: score.guard for id_, (_, score) in found.items() if score.guard}
    joined = {found[id_][0].component for id_, bits in edges.items() if bits >= model.link and id_ not in stopped}
    newcomer = Record(record_id, features, edges=edges, guards=stopped, keys=tuple(keys))
    component, absorbed, settled = _join(register, newcomer, joined, model, person_id_for)
    person = settled.persons[record_id]
    now = {id_: settled.persons.get(id_, record.person) for id_, (record, _) in found.items()}
    own = max((bits for id_, bits in edges.items() if now[id_] == person), default=None)
    possibly = _possibly(edges, now, person, model.review if own is None else own - model.margin)
    return Identified(
        person=person,
        how="auto" if own is not None else "provisional" if possibly else "new",
        component=component,
        absorbed=absorbed,
        edges=edges,
        guards=stopped,
        persons=settled.persons,
        possibly=possibly,
        merged=settled.merged,
        split=settled.split,
        explain=_explain(found, now, model),
    )


def resettle(
    register: Register, components: Sequence[str], model: Model, person_id_for: Callable[[str], str]
) -> Settled:
    """The persons of some components once more, as one: after a merge, an unmerge, or changed edges."""
    records = {id_: register.record(id_) for component in components for id_ in register.members(component)}
    return _name(records, persons(records, model), person_id_for)


def _candidates(
    register: Register,
    record_id: str,
    features: Features,
    keys: Sequence[int],
    model: Model,
    scores: Mapping[str, Score],
) -> dict[str, tuple[Record, Score]]:
    """Records worth an edge, best first, ties by id."""
    found = []
    for id_ in register.candidates(keys):
        if id_ == record_id:
            continue
        record = register.record(id_)
        score = scores.get(id_) or compare(features, record.features, model)
        if score.bits >= model.review:
            found.append((-score.bits, id_, record, score))
    found.sort(key=_rank)
    return {id_: (record, score) for _, id_, record, score in found}


def _rank(found: tuple[int, str, Record, Score]) -> tuple[int, str]:
    return found[0], found[1]


def _join(
    register: Register,
    newcomer: Record,
    joined: Collection[str],
    model: Model,
    person_id_for: Callable[[str], str],
) -> tuple[str, tuple[str, ...], Settled]:
    """Component, absorbed components, persons. With nobody to join, the newcomer is alone in its own."""
    if not joined:
        return newcomer.id, (), Settled({newcomer.id: person_id_for(newcomer.id)})
    components = sorted(joined)
    records = {id_: register.record(id_) for component in components for id_ in register.members(component)}
    oldest = min(records.values(), key=_age)
    newcomer.seq = max(record.seq for record in records.values()) + 1
    person = _sole_person(records, newcomer, model)
    records[newcomer.id] = newcomer
    absorbed = tuple(component for component in components if component != oldest.component)
    if person:
        return oldest.component, absorbed, Settled({newcomer.id: person})
    return oldest.component, absorbed, _name(records, persons(records, model), person_id_for)


def _age(record: Record) -> int:
    return record.seq


def _sole_person(records: Mapping[str, Record], newcomer: Record, model: Model) -> str:
    """The fast path: one person so far, and nothing against anybody. '' where the rule itself must be asked.

    With every pair compared, unguarded and not negative, every union of the rule succeeds; with no third group no
    margin can speak.
    """
    people = {record.person for record in records.values()}
    if len(people) != 1 or len(records) >= model.cap or newcomer.guards:
        return ""
    if any(record.same or record.apart for record in records.values()):
        return ""
    ids = set(records)
    if max(newcomer.edges[id_] for id_ in ids if id_ in newcomer.edges) < model.auto:
        return ""
    before = [sum([bits >= 0 for id_, bits in record.edges.items() if id_ in ids]) for record in records.values()]
    now = sum([bits >= 0 for id_, bits in newcomer.edges.items() if id_ in ids])
    return people.pop() if now == len(ids) and sum(before) == len(ids) * (len(ids) - 1) // 2 else ""


def _name(
    records: Mapping[str, Record], groups: Iterable[Sequence[str]], person_id_for: Callable[[str], str]
) -> Settled:
    """Gives each group its person id.

    Its oldest record's former one, where that record is also the oldest of that former person; else a new one. So no
    two groups can claim one id.
    """
    former: dict[str, list[Record]] = {}
    for record in sorted(records.values(), key=_age):
        former.setdefault(record.person, []).append(record)
    person_of: dict[str, str] = {}
    for group in groups:
        oldest = min((records[id_] for id_ in group), key=_age)
        is_heir = oldest.person != "" and former[oldest.person][0] is oldest
        person_of.update(dict.fromkeys(group, oldest.person if is_heir else person_id_for(oldest.id)))
    former.pop("", None)
    changed = {id_: person for id_, person in person_of.items() if person != records[id_].person}
    return Settled(changed, *_moves(former, person_of))


def _moves(
    former: Mapping[str, Sequence[Record]], person_of: Mapping[str, str]
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str, tuple[str, ...]], ...]]:
    """Merges and splits: what became of each former person."""
    merged, split = [], []
    for person, members in former.items():
        kept = person_of[members[0].id]
        if kept != person:
            merged.append((kept, person))
        left: dict[str, list[str]] = {}
        for record in members:
            left.setdefault(person_of[record.id], []).append(record.id)
        left.pop(kept)
        split += [(kept, new, tuple(ids)) for new, ids in left.items()]
    return tuple(merged), tuple(split)


def _possibly(edges: Mapping[str, int], now: Mapping[str, str], person: str, least: int) -> tuple[str, ...]:
    """Persons the record may also be, likeliest first."""
    return tuple(dict.fromkeys(now[id_] for id_, bits in edges.items() if bits >= least and now[id_] != person))


def _explain(found: Mapping[str, tuple[Record, Score]], now: Mapping[str, str], model: Model) -> Explanation:
    if not found:
        return Explanation(model.version)
    shown = [Candidate(id_, record.person, score.bits, score.guard) for id_, (record, score) in found.items()]
    best = shown[0]
    return Explanation(
        model=model.version,
        fields=found[best.record][1].fields,
        candidates=tuple(shown[:_SHOWN_MAX]),
        runner_up=next((other.bits for other in shown if now[other.record] != now[best.record]), None),
        guard=best.guard,
    )
