"""Counting pairs: what was linked, what is true, of which kind an error is. Owns the definitions of every share.

A pair is two records. Linked: both belong to one person of the register. True: both are about one person of the town.
Shown: not linked, but one of the two arrived with "possibly the same as" the other's person.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec

from hub.core.identity.partition import Pair, pair
from hub.core.identity.score import compare

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hub.bench.identity.mentions import Mentioned, Mentions
    from hub.bench.identity.register import Register
    from hub.core.identity.model import Model


class Tally(msgspec.Struct, frozen=True):
    """Pairs of one order: linked and true, linked, true."""

    right: int
    linked: int
    true: int

    @property
    def precision(self) -> float:
        """Share of linked pairs that are true; 1 where nothing was linked."""
        return self.right / self.linked if self.linked else 1.0

    @property
    def auto_recall(self) -> float:
        """Share of true pairs that were linked by the machine alone."""
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Of precision and automatic recall."""
        both = self.precision + self.auto_recall
        return 2 * self.precision * self.auto_recall / both if both else 0.0


def pairs_in(count: int) -> int:
    """Pairs among so many records."""
    return count * (count - 1) // 2


def tally(person_of: Mapping[str, str], town: Mentions) -> Tally:
    """Pairs counted by group sizes, not one by one."""
    linked, true, both = Counter(person_of.values()), Counter[int](), Counter[tuple[str, int]]()
    for record in town.records:
        true[record.person] += 1
        both[person_of[record.id], record.person] += 1
    right, of_linked, of_true = (sum(map(pairs_in, held.values())) for held in (both, linked, true))
    return Tally(right, of_linked, of_true)


def linked_pairs(person_of: Mapping[str, str]) -> set[Pair]:
    """Every linked pair."""
    return {pair(a, b) for ids in grouped(person_of) for a, b in combinations(ids, 2)}


def grouped(person_of: Mapping[str, str]) -> list[list[str]]:
    """Records of each person who has several."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for id_, person in person_of.items():
        groups[person].append(id_)
    return [ids for ids in groups.values() if len(ids) > 1]


def unlinked(person_of: Mapping[str, str], town: Mentions) -> Iterator[tuple[Mentioned, Mentioned]]:
    """True pairs that were not linked."""
    groups: defaultdict[int, list[Mentioned]] = defaultdict(list)
    for record in town.records:
        groups[record.person].append(record)
    for records in groups.values():
        for a, b in combinations(records, 2):
            if person_of[a.id] != person_of[b.id]:
                yield a, b


def false_links(person_of: Mapping[str, str], town: Mentions) -> dict[str, int]:
    """Linked pairs that are not true, by who was taken for whom."""
    by_id = {record.id: record for record in town.records}
    kinds = Counter({"twin": 0, "household": 0, "namesake": 0, "other": 0})
    for ids in grouped(person_of):
        for a, b in combinations([by_id[id_] for id_ in ids], 2):
            if a.person != b.person:
                kinds[_who(a, b, town)] += 1
    return dict(kinds)


def _who(a: Mentioned, b: Mentioned, town: Mentions) -> str:
    mine, other = town.person(a.person), town.person(b.person)
    if mine.household == other.household:
        return "twin" if mine.index + mine.twin == other.index else "household"
    return "namesake" if mine.name == other.name or mine.birth == other.birth else "other"


def missed(pairs: Iterable[tuple[Mentioned, Mentioned]], register: Register, model: Model) -> dict[str, int]:
    """True pairs neither linked nor shown, by the first thing that explains them.

    no_key: nothing they could have been found by. weak: found, and scored under the review threshold. behind: above it,
    but another person fitted better. A guard's name: it kept them apart and another person was linked instead.
    """
    kinds: Counter[str] = Counter()
    for a, b in pairs:
        score = compare(a.features, b.features, model)
        if not register.meet(a.id, b.id):
            kinds["no_key"] += 1
        elif score.bits < model.review:
            kinds["weak"] += 1
        else:
            kinds[score.guard or "behind"] += 1
    return dict(kinds.most_common())
