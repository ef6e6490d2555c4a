"""Weights learned without labels: u from random pairs, m by expectation maximization over candidate pairs.

Owns the estimate (Fellegi–Sunter's model fitted as Winkler 1988 and Splink do it: u is fixed first, only m and the
share of matches move). Pure and offline: the hub never learns while it runs. Candidates must come of many different
keys, never of phone keys alone: those teach families as persons.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from math import log2
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.core.identity.model import Level

Fields = tuple[tuple[str, int], ...]
_SMALL = 1e-6  # a level nobody has seen yet is rare, not impossible


def shares(values: Iterable[str], seen: int) -> tuple[dict[str, float], float]:
    """Share of each value seen at least `seen` times, and the share the others are given."""
    counts = Counter(value for value in values if value)
    total = sum(counts.values())
    return {v: round(n / total, 6) for v, n in sorted(counts.items()) if n >= seen}, round((seen - 0.5) / total, 6)


def among_strangers(pairs: Iterable[Fields]) -> dict[str, float]:
    """u: how often each level is seen between random records, among those where the field could be compared."""
    return _levels((fields, 1.0) for fields in pairs)


def among_matches(pairs: Sequence[Fields], levels: Mapping[str, Mapping[str, Level]], of: int, rounds: int = 30) -> tuple[dict[str, float], float]:
    """m of each level and the prior in bits. `pairs`: candidates; `of`: how many pairs there are in all.

    The weights in `pairs` carry what frequency adds; m is refined from the levels' own starting values.
    """
    start = {f"{field}:{name}": level.m for field, each in levels.items() for name, level in each.items()}
    m, prior = dict(start), log2(len(pairs) / 10 / of)
    for _ in range(rounds):
        shift = {label: log2(m[label] / start[label]) for label in start}
        chances = [1 / (1 + 2 ** -max(-500.0, _bits(fields, shift, prior))) for fields in pairs]
        found = _levels(zip(pairs, chances, strict=True))
        m = {label: found.get(label, _SMALL) if label.partition(":")[0] in _seen(found) else start[label] for label in start}
        prior = log2(sum(chances) / of)
    return m, prior
