"""Which records are one person: a function of the set of records, never of the order they came in.

Owns the rule. Never reads a register, never names a person (that is `identify`).

Automatic edges are taken strongest first, ties by record id. Each joins two groups, unless that would break a guard, a
human cannot-link or the cap, or the bits between all their records add up to two people. Then the margin: where one of
two joined groups could as well have gone to a third that is not to be joined with the other, that union is barred and
the whole is done again. Bars only grow, so it ends, and every step looks at the set alone, so any order of arrival
gives the same groups.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Literal

import msgspec

from hub.core.identity import guards
from hub.core.identity.features import Features
from hub.core.identity.score import compare

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.core.identity.model import Model

Pair = tuple[str, str]
Group = list[str]
_CERTAIN = 1_000_000  # centibits of what a human said: stronger than any evidence


class Record(msgspec.Struct):
    """One mention of one person in one message. Immutable but for `component` and `person`.

    seq: order of arrival. edges: to earlier records, centibits, from the review threshold up; guards: of those edges.
    same, apart: records that people said are the same person, another person; each pair stands in both its records.
    """

    id: str
    features: Features
    component: str = ""
    person: str = ""
    seq: int = 0
    edges: dict[str, int] = {}
    guards: dict[str, str] = {}
    keys: tuple[int, ...] = ()
    same: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()


class Edge(msgspec.Struct, frozen=True, order=True, array_like=True):
    """Sorts strongest first, then by ids."""

    weight: int  # negative centibits
    a: str
    b: str


class Union(msgspec.Struct, frozen=True):
    """Two groups were joined on this many centibits."""

    left: Group
    right: Group
    bits: int


def pair(a: str, b: str) -> Pair:
    """The two ids, smaller first."""
    return (a, b) if a < b else (b, a)


def persons(records: Mapping[str, Record], model: Model) -> list[Group]:
    """The records of one component as persons: groups of ids, each sorted, in order of their first id."""
    rule = _Rule(records, model)
    barred: set[Pair] = set()
    while True:
        groups, unions = rule.agglomerate(barred)
        doubtful = rule.doubtful(groups, unions)
        if doubtful is None:
            return sorted(sorted(group) for group in groups)
        barred.update(pair(a, b) for a, b in product(doubtful.left, doubtful.right))


class _Rule:
    """One computation: the records, what is known between them, and the edges strong enough to matter."""

    def __init__(self, records: Mapping[str, Record], model: Model) -> None:
        self.records = records
        self.model = model
        self.same = self._said("same")
        self.apart = self._said("apart")
        self.known: dict[Pair, tuple[int, str]] = {}
        self.strong = sorted(self._strong_edges())

    def _said(self, what: Literal["same", "apart"]) -> frozenset[Pair]:
        """The pairs of these records that people decided so."""
        known = self.records
        found: set[Pair] = set()
        for record in known.values():
            others = record.same if what == "same" else record.apart
            if others:
                found.update(pair(record.id, other) for other in others if other in known)
        return frozenset(found)

    def _strong_edges(self) -> Iterable[Edge]:
        for a, b in self.same:
            yield Edge(-_CERTAIN, a, b)
        for record in self.records.values():
            for other, bits in record.edges.items():
                if bits >= self.model.link and other in self.records and self._is_free(record, other):
                    yield Edge(-bits, *pair(record.id, other))

    def _is_free(self, record: Record, other: str) -> bool:
        between = pair(record.id, other)
        return other not in record.guards and between not in self.apart and between not in self.same

    def agglomerate(self, barred: set[Pair]) -> tuple[list[Group], list[Union]]:
        """Groups, and the unions that made them in order."""
        group_of: dict[str, Group] = {id_: [id_] for id_ in self.records}
        unions: list[Union] = []
        for edge in self.strong:
            left, right = group_of[edge.a], group_of[edge.b]
            if -edge.weight < self.model.auto:
                break
            if left is not right and (edge.a, edge.b) not in barred and self._may_join(edge, left, right):
                unions.append(Union(left, right, -edge.weight))
                joined = left + right
                group_of.update(dict.fromkeys(joined, joined))
        return list({id(group): group for group in group_of.values()}.values()), unions

    def _may_join(self, edge: Edge, left: Group, right: Group) -> bool:
        if -edge.weight == _CERTAIN:
            return not any(pair(a, b) in self.apart for a, b in product(left, right))
        return len(left) + len(right) <= self.model.cap and not self._strangers(left, right)

    def _strangers(self, left: Group, right: Group) -> bool:
        """Whether anything says that the two groups are two people, or all that is known of them, added up, does."""
        together = 0
        for a, b in product(left, right):
            bits, guard = self._between(a, b)
            if guards.parts(guard) and not self._is_settled(guard, a, b):
                return True
            together += bits
        return together < 0

    def _between(self, a: str, b: str) -> tuple[int, str]:
        """Bits and guard of any two records: said by a human, stored as an edge, or compared now and kept."""
        between = pair(a, b)
        known = self.known.get(between)
        if known is None:
            known = self.known[between] = self._weigh(between)
        return known

    def _weigh(self, between: Pair) -> tuple[int, str]:
        if between in self.apart:
            return -_CERTAIN, "cannot_link"
        if between in self.same:
            return _CERTAIN, ""
        mine, other = self.records[between[0]], self.records[between[1]]
        if other.id in mine.edges:
            return mine.edges[other.id], mine.guards.get(other.id, "")
        if mine.id in other.edges:
            return other.edges[mine.id], other.guards.get(mine.id, "")
        score = compare(mine.features, other.features, self.model)
        return score.bits, score.guard

    def _is_settled(self, guard: str, a: str, b: str) -> bool:
        """Whether it is known already that this other name, sex or date belongs to the same person.

        A human said so, or the same number stands in two records that differ like this. Who is written like one of the
        two is then not kept from the other.
        """
        if guard not in guards.SLIPS and not (self.same and guard in guards.OF_NAMES):
            return False
        return any(self._is_auto(x, y) for x, other in ((a, b), (b, a)) for y in self._sure(other, guard))

    def _sure(self, id_: str, guard: str) -> Iterable[str]:
        """Records that are certainly the same person as this one."""
        if guard in guards.OF_NAMES:
            yield from (other for other in self.records[id_].same if other in self.records)
        if guard in guards.SLIPS:
            mine = self.records[id_].features
            for other, record in self.records.items():
                if guards.is_known(mine, record.features) and self._is_auto(id_, other):
                    yield other

    def _is_auto(self, a: str, b: str) -> bool:
        if a == b or a not in self.records or b not in self.records:
            return False
        bits, guard = self._between(a, b)
        return bits >= self.model.auto and not guard

    def doubtful(self, groups: list[Group], unions: list[Union]) -> Union | None:
        """The first union that a third group contests: an edge to it within the margin, yet it is not the other's.

        Only the first is told: later ones may rest on it, and are right or wrong without it.
        """
        final = {id_: group for group in groups for id_ in group}
        crossing = [edge for edge in self.strong if final[edge.a] is not final[edge.b]]
        for union in unions if crossing else ():
            if union.bits < _CERTAIN and any(self._contests(edge, union, final) for edge in crossing):
                return union
        return None

    def _contests(self, edge: Edge, union: Union, final: Mapping[str, Group]) -> bool:
        if -edge.weight < union.bits - self.model.margin:
            return False
        for inside, outside in ((edge.a, edge.b), (edge.b, edge.a)):
            for side, other in ((union.left, union.right), (union.right, union.left)):
                if inside in side and self._strangers(other, final[outside]):
                    return True
        return False
