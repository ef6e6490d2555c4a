"""Weights learned without labels: u from random pairs, m by expectation maximization over candidate pairs.

Owns the estimate (Fellegi and Sunter's model, fitted as Winkler 1988 and Splink do: u is fixed first, only m and the
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

Fields = tuple[tuple[str, int], ...]
_UNSEEN = 0.5  # a level nobody has seen yet is rare, not impossible: as if half a pair had shown it
_BITS_MAX = 500.0


class Fit(msgspec.Struct, frozen=True):
    """m of each level ('birth:exact') and the prior in bits."""

    m: dict[str, float]
    prior: float


def shares(values: Iterable[str], seen: int) -> tuple[dict[str, float], float]:
    """Share of each value that occurs at least `seen` times, and the share all others are given."""
    counts = Counter(value for value in values if value)
    total = counts.total()
    often = sorted((value, round(count / total, 6)) for value, count in counts.items() if count >= seen)
    return dict(often), round((seen - 1) / total, 6)


def among_strangers(pairs: Iterable[Fields]) -> dict[str, float]:
    """u: how often each level is seen between random records, where the field can be compared."""
    return _rates((fields, 1.0) for fields in pairs)


def among_matches(pairs: Sequence[Fields], start: Mapping[str, float], of: int, rounds: int = 25) -> Fit:
    """The m of each level and the prior, from candidates `pairs` out of `of` pairs in all.

    `start` are the m with which the weights in `pairs` were made, and only these move; other lines keep their weight.
    """
    fit = Fit(dict(start), log2(len(pairs) / of) - 3)
    for _ in range(rounds):
        shift = {label: log2(m / start[label]) for label, m in fit.m.items()}
        chances = [_chance(fields, shift, fit.prior) for fields in pairs]
        rates = _rates(zip(pairs, chances, strict=True))
        fit = Fit({label: rates.get(label, m) for label, m in fit.m.items()}, log2(sum(chances) / of))
    return fit


def _chance(fields: Fields, shift: Mapping[str, float], prior: float) -> float:
    """Probability that a pair is one person."""
    bits = prior + sum(weight / 100 + shift.get(label, 0.0) for label, weight in fields if label != "prior")
    return 1 / (1 + 2 ** -max(-_BITS_MAX, min(_BITS_MAX, bits)))


def _rates(pairs: Iterable[tuple[Fields, float]]) -> dict[str, float]:
    seen: defaultdict[str, float] = defaultdict(float)
    compared: defaultdict[str, float] = defaultdict(float)
    for fields, chance in pairs:
        for label, _ in fields:
            seen[label] += chance
            compared[label.partition(":")[0]] += chance
    return {
        label: (weight + _UNSEEN) / (compared[label.partition(":")[0]] + 2 * _UNSEEN) for label, weight in seen.items()
    }
