"""A register in memory that forgets what a generic key taught it, as the ledger's redo does. Owns keys and components.

A key is generic from `model.generic` + 1 members. From then on it finds nobody, and what only it had found is taken
back: edges between its members that share no other usable key go, and their persons are settled again. So the persons
follow from the set of records, whichever came first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.core.identity.identify import Identified, identify, resettle
from hub.core.identity.partition import Record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from hub.bench.identity.mentions import Mentioned
    from hub.core.identity.model import Model


class Register:
    """Records, keys and components after each arrival."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.records: dict[str, Record] = {}
        self.by_component: dict[str, list[str]] = {}
        self.turned_generic = 0
        self._by_key: dict[int, list[str]] = {}

    def candidates(self, keys: Sequence[int]) -> Collection[str]:
        """Ids of records sharing a key that is not generic."""
        limit = self.model.generic
        found: set[str] = set()
        for key in keys:
            ids = self._by_key.get(key)
            if ids is not None and len(ids) <= limit:
                found.update(ids)
        return found

    def record(self, id_: str) -> Record:
        """A record by id."""
        return self.records[id_]

    def members(self, component: str) -> Collection[str]:
        """Ids of the records of a component."""
        return self.by_component[component]

    def arrive(self, one: Mentioned) -> Identified:
        """Decides one record and keeps it."""
        found = identify(self, one.id, one.features, one.keys, self.model, person_id)
        seq = len(self.records)
        self.records[one.id] = Record(
            one.id, one.features, found.component, found.person, seq, found.edges, found.guards, one.keys
        )
        self._join(one.id, found)
        self._rename(found.persons)
        for key in one.keys:
            ids = self._by_key.setdefault(key, [])
            ids.append(one.id)
            if len(ids) == self.model.generic + 1:
                self._forget(ids)
        return found

    def _join(self, id_: str, found: Identified) -> None:
        members = self.by_component.setdefault(found.component, [])
        members.append(id_)
        for other in found.absorbed:
            for absorbed in self.by_component.pop(other):
                self.records[absorbed].component = found.component
                members.append(absorbed)

    def _rename(self, persons: dict[str, str]) -> None:
        for id_, person in persons.items():
            self.records[id_].person = person

    def _forget(self, ids: Iterable[str]) -> None:
        """Takes back the edges that only this key had found, and settles who was held together by them."""
        self.turned_generic += 1
        touched: set[str] = set()
        together = set(ids)
        for id_ in together:
            record = self.records[id_]
            gone = [other for other in record.edges if other in together and not self.meet(id_, other)]
            for other in gone:
                del record.edges[other]
                record.guards.pop(other, None)
            if gone:
                touched |= {self.records[other].component for other in (id_, *gone)}
        for component in sorted(touched):
            # All parts at once: settled one by one, two could keep the id of the person they were together.
            self._rename(resettle(self, self._divided(component), self.model, person_id).persons)

    def _divided(self, component: str) -> list[str]:
        """The component as what its edges still hold together; each part is called after its oldest record."""
        parts: dict[str, list[str]] = {}
        part_of: dict[str, list[str]] = {}
        for id_ in sorted(self.by_component.pop(component), key=lambda id_: self.records[id_].seq):
            record = self.records[id_]
            part = part_of[id_] = [id_]
            for other, bits in record.edges.items():
                joined = part_of.get(other)
                if joined is not None and joined is not part and bits >= self.model.link and other not in record.guards:
                    part = joined + part
                    part_of.update(dict.fromkeys(part, part))
        for part in {id(part): part for part in part_of.values()}.values():
            parts[min(part, key=lambda id_: self.records[id_].seq)] = part
        for name, part in parts.items():
            for id_ in part:
                self.records[id_].component = name
        self.by_component.update(parts)
        return list(parts)

    def meet(self, one: str, other: str) -> bool:
        """Whether two records share a usable key."""
        keys = set(self.records[other].keys)
        limit = self.model.generic
        return any(key in keys and len(self._by_key[key]) <= limit for key in self.records[one].keys)

    def persons(self) -> dict[str, str]:
        """Person by record, in order of record id."""
        return {id_: self.records[id_].person for id_ in sorted(self.records)}


def person_id(record_id: str) -> str:
    """The id of a person first seen in this record."""
    return f"person-{record_id}"
