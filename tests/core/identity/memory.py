"""A register in memory: what the tests of identity use in place of PostgreSQL."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from hub.core.identity.features import Features, build
from hub.core.identity.identify import Identified, identify, resettle
from hub.core.identity.keys import blocking
from hub.core.identity.model import Model
from hub.core.identity.partition import Pair, Record, pair

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from hub.schemas.canonical import PersonClaim

PEPPER = b"a pepper for tests"
MODEL = Model.load((Path(__file__).parents[3] / "hub" / "rules" / "weights.json").read_bytes())


class Memory:
    """Records, keys and components, updated as the ledger would be after each `identify`."""

    def __init__(self, model: Model = MODEL) -> None:
        self.model = model
        self.records: dict[str, Record] = {}
        self.by_key: defaultdict[int, list[str]] = defaultdict(list)
        self.by_component: defaultdict[str, list[str]] = defaultdict(list)

    def candidates(self, keys: Sequence[int]) -> Collection[str]:
        shared = [self.by_key[key] for key in keys if key in self.by_key]
        return {id_ for ids in shared if len(ids) <= self.model.generic for id_ in ids}

    def record(self, id_: str) -> Record:
        return self.records[id_]

    def members(self, component: str) -> Collection[str]:
        return self.by_component[component]

    def arrive(self, id_: str, features: Features, keys: Sequence[int] | None = None) -> Identified:
        keys = blocking(features, PEPPER) if keys is None else keys
        found = identify(self, id_, features, keys, self.model, person_id)
        self.store(id_, features, keys, found)
        return found

    def store(self, id_: str, features: Features, keys: Sequence[int], found: Identified) -> None:
        self.records[id_] = Record(
            id_, features, found.component, found.person, len(self.records), found.edges, found.guards, tuple(keys)
        )
        for key in keys:
            self.by_key[key].append(id_)
        self.by_component[found.component].append(id_)
        self.join(found.component, found.absorbed)
        self.rename(found.persons)

    def join(self, component: str, absorbed: Iterable[str]) -> None:
        for other in absorbed:
            for id_ in self.by_component.pop(other):
                self.records[id_].component = component
                self.by_component[component].append(id_)

    def rename(self, persons: dict[str, str]) -> None:
        for id_, person in persons.items():
            self.records[id_].person = person

    def human(self, *, apart: Iterable[Pair] = (), same: Iterable[Pair] = ()) -> None:
        """Writes a human decision and settles the components it touches, as `hub person merge|unmerge` does."""
        for a, b in apart:
            self.say(a, b, apart=True)
        for a, b in same:
            self.say(a, b, apart=False)
        touched = {self.records[id_].component for p in (*apart, *same) for id_ in p}
        first, *others = sorted(touched, key=lambda c: min(self.records[id_].seq for id_ in self.by_component[c]))
        self.join(first, others)
        self.rename(resettle(self, [first], self.model, person_id).persons)

    def say(self, a: str, b: str, *, apart: bool) -> None:
        """The last word on a pair is the one that counts."""
        for id_, other in ((a, b), (b, a)):
            record = self.records[id_]
            same, parted = (set(held) - {other} for held in (record.same, record.apart))
            (parted if apart else same).add(other)
            record.same, record.apart = tuple(sorted(same)), tuple(sorted(parted))

    def partition(self) -> set[frozenset[str]]:
        persons: defaultdict[str, set[str]] = defaultdict(set)
        for record in self.records.values():
            persons[record.person].add(record.id)
        return {frozenset(ids) for ids in persons.values()}

    def linked(self) -> set[Pair]:
        return {pair(a, b) for group in self.partition() for a, b in combinations(sorted(group), 2)}

    def check(self) -> None:
        """What must hold after any step: one component a record, a person inside one component, ids by record."""
        assert sum(len(ids) for ids in self.by_component.values()) == len(self.records)
        homes = {(record.person, record.component) for record in self.records.values()}
        assert max(Counter(person for person, _ in homes).values(), default=1) == 1


def person_id(record_id: str) -> str:
    return f"person-{record_id}"


def features(claim: PersonClaim) -> Features:
    return build(claim, PEPPER)


def register_of(records: Iterable[tuple[str, Features]], model: Model = MODEL) -> Memory:
    memory = Memory(model)
    for id_, each in records:
        memory.arrive(id_, each)
    return memory
