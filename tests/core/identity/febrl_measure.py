"""FEBRL streamed one record at a time: `python -m tests.core.identity.febrl_measure` prints pairwise F1."""

from __future__ import annotations

import random
import re
import time
from itertools import combinations

import msgspec

from hub.core.identity.features import Features
from hub.core.identity.febrl import blocking
from hub.core.identity.model import Model
from hub.core.identity.partition import Pair, pair
from tests.core.identity.febrl_weights import PEPPER, WEIGHTS, load
from tests.core.identity.memory import Memory

Records = list[tuple[str, Features]]


class Found(msgspec.Struct, frozen=True):
    """Precision, recall and F1 of linked pairs, the pairs themselves and the seconds it took."""

    precision: float
    recall: float
    f1: float
    linked: set[Pair]
    seconds: float


def model() -> Model:
    return Model.load(WEIGHTS.read_bytes())


def truth(records: Records) -> set[Pair]:
    """Records of one original: 'rec-17-org', 'rec-17-dup-0'."""
    groups: dict[str, list[str]] = {}
    for id_, _ in records:
        groups.setdefault(re.sub(r"-(org|dup-\d+)$", "", id_), []).append(id_)
    return {pair(a, b) for group in groups.values() for a, b in combinations(group, 2)}


def measure(records: Records, seed: int, weights: Model) -> Found:
    order = list(records)
    random.Random(seed).shuffle(order)  # noqa: S311 - a reproducible order
    memory = Memory(weights)
    started = time.perf_counter()
    for id_, features in order:
        memory.arrive(id_, features, blocking(features, PEPPER))
    seconds = time.perf_counter() - started
    linked, true = memory.linked(), truth(records)
    right = len(linked & true)
    precision, recall = right / len(linked), right / len(true)
    return Found(precision, recall, 2 * precision * recall / (precision + recall), linked, seconds)


def main() -> None:
    weights = model()
    for name, records in load().items():
        for seed in (1, 2):
            found = measure(records, seed, weights)
            each = found.seconds / len(records) * 1e6
            print(f"{name} order {seed}: P {found.precision:.5f} R {found.recall:.5f} F1 {found.f1:.5f}, {each:.0f} µs")  # noqa: T201


if __name__ == "__main__":
    main()
