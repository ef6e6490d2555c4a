"""Which pairs of a register weights are learned from, and what the engine sees between them.

Owns the rules that pairs are made by and the rule that must never be: a phone. Whoever shares a phone is mostly family;
weights learned from such pairs take families for one person (`identity.md`). Reads no truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final

import msgspec

from hub.core.identity.features import Features
from hub.core.identity.model import Model
from hub.core.identity.score import compare
from hub.errors import Usage

Rule = tuple[str, ...]
Levels = dict[str, str]  # field → level, for the fields that can be compared
#: Each leaves other fields open. Twins and families share a birth date, a surname, a home: never all of a rule.
RULES: Final[tuple[Rule, ...]] = (("rrn",), ("birth", "given"), ("surname", "given", "building"))

#: What a rule may be made of, and the field that says nothing any more once it is equal.
_PARTS: Final[Mapping[str, tuple[str, Callable[[Features], str]]]] = {
    "rrn": ("rrn", lambda f: f.rrn_index),
    "local_id": ("local_id", lambda f: f.local_id),
    "birth": ("birth", lambda f: f.birth if f.quality != "default" else ""),
    "surname": ("surname", lambda f: f.surname),
    "given": ("given", lambda f: f.given),
    "building": ("address", lambda f: f.building),
    "sigungu": ("address", lambda f: f.sigungu),
}


class Block(msgspec.Struct, frozen=True):
    """The pairs of one rule. keys: place of a record → what it shares; settled: fields the rule has made equal."""

    rule: Rule
    keys: dict[int, str]
    pairs: list[tuple[int, int]]
    settled: frozenset[str]

    @property
    def name(self) -> str:
        """The rule in words."""
        return "+".join(self.rule)


def blocks(records: Sequence[Features], rules: Iterable[Rule], most: int) -> list[Block]:
    """The pairs of each rule; keys of more than `most` records are left out. Raises Usage for a forbidden rule."""
    checked = [_checked(rule) for rule in rules]
    return [found for rule in checked if (found := _block(records, rule, most)).pairs]


def _checked(rule: Rule) -> Rule:
    if "phone" in rule:
        raise Usage(
            "Weights are never learned from pairs that share a phone: families do, and they would pass for one person.",
            "Leave phone out of the blocking rules.",
        )
    unknown = [part for part in rule if part not in _PARTS]
    if unknown or not rule:
        raise Usage(f"No pairs can be made by {', '.join(unknown) or 'nothing'}.", f"Parts are {', '.join(_PARTS)}.")
    return rule


def _block(records: Sequence[Features], rule: Rule, most: int) -> Block:
    members: defaultdict[str, list[int]] = defaultdict(list)
    for place, features in enumerate(records):
        values = [_PARTS[part][1](features) for part in rule]
        if all(values):
            members["|".join(values)].append(place)
    shared = {key: places for key, places in members.items() if 1 < len(places) <= most}
    return Block(
        rule=rule,
        keys={place: key for key, places in shared.items() for place in places},
        pairs=[each for places in shared.values() for each in combinations(places, 2)],
        settled=frozenset(_PARTS[part][0] for part in rule),
    )


def levels(a: Features, b: Features, model: Model) -> Levels:
    """What the engine itself sees: the level of each field that can be compared."""
    lines = (label.partition(":") for label, _ in compare(a, b, model).fields)
    return {field: level for field, _, level in lines if level}
