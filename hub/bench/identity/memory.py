"""A register in memory: what a measurement uses in place of PostgreSQL. Owns keys, records and components.

It answers as the ledger does: what shares a key is fetched once for a whole batch, before the batch is decided, and the
batch's own records are found too. It takes records as they come and never decides; people's decisions it has none of.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from hub.core.identity.identify import Identified, identify
from hub.core.identity.partition import Pair, Record, pair

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from hub.core.identity.features import Features
    from hub.core.identity.model import Model

#: (record id, features, blocking keys)
Arrival = tuple[str, "Features", tuple[int, ...]]


class Memory:
    """Records, keys and components, updated as the ledger would be after each `identify`.

    No edge is dropped when its key turns generic: for sets whose keys stay small, which `largest_key` shows.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.records: dict[str, Record] = {}
        self.by_key: defaultdict[int, list[str]] = defaultdict(list)
        self.by_component: defaultdict[str, list[str]] = defaultdict(list)
        self.fetched: dict[int, list[str]] = {}

    @property
    def largest_key(self) -> int:
        """Members of the key that has most."""
        return max((len(ids) for ids in self.by_key.values()), default=0)

    def candidates(self, keys: Sequence[int]) -> Collection[str]:
        """Ids sharing a key that is not generic, among what was fetched and what the batch has added."""
        shared = [self.fetched[key] for key in keys if key in self.fetched]
        return {id_ for ids in shared if len(ids) <= self.model.generic for id_ in ids}

    def record(self, id_: str) -> Record:
        """A record by id."""
        return self.records[id_]

    def members(self, component: str) -> Collection[str]:
        """Ids of the records of a component."""
        return self.by_component[component]

    def arrive(self, batch: Sequence[Arrival]) -> None:
        """Decides a batch, one record at a time, and keeps it."""
        wanted = {key for _, _, keys in batch for key in keys}
        self.fetched = {key: list(self.by_key[key]) for key in wanted if key in self.by_key}
        for id_, features, keys in batch:
            self._store(id_, features, keys, identify(self, id_, features, keys, self.model, person_id))

    def _store(self, id_: str, features: Features, keys: tuple[int, ...], found: Identified) -> None:
        self.records[id_] = Record(
            id=id_,
            features=features,
            component=found.component,
            person=found.person,
            seq=len(self.records),
            edges=found.edges,
            guards=found.guards,
            keys=keys,
        )
        for key in keys:
            self.by_key[key].append(id_)
            self.fetched.setdefault(key, []).append(id_)
        self.by_component[found.component].append(id_)
        for other in found.absorbed:
            self._absorb(found.component, other)
        for changed, person in found.persons.items():
            self.records[changed].person = person

    def _absorb(self, component: str, other: str) -> None:
        for id_ in self.by_component.pop(other):
            self.records[id_].component = component
            self.by_component[component].append(id_)

    def linked(self) -> set[Pair]:
        """Every pair of records of one person."""
        persons: defaultdict[str, list[str]] = defaultdict(list)
        for record in self.records.values():
            persons[record.person].append(record.id)
        return pairs_within(persons.values())

    def doubtful(self) -> set[str]:
        """Records with an edge to another person's record: "possibly the same as"."""
        found: set[str] = set()
        for record in self.records.values():
            for other, bits in record.edges.items():
                if bits >= self.model.review and record.person != self.records[other].person:
                    found |= {record.id, other}
        return found


def pairs_within(groups: Iterable[Iterable[str]]) -> set[Pair]:
    """Every pair inside each group, smaller id first."""
    return {pair(a, b) for group in groups for a, b in combinations(group, 2)}


def person_id(record_id: str) -> str:
    """The id of a person first seen in this record."""
    return f"person-{record_id}"
