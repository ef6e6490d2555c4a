"""Whether weights hold on errors they have not seen: `python -m hub.bench.identity.seeds` prints it.

Owns the comparison. Never fits: the shipped weights link the same originals with other duplicates, and F1 should stay
near that on the published set (`identity.md`; within 0.003).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from hub.bench.identity.corrupt import corrupted
from hub.bench.identity.febrl import NAMES, Name, Rows, rates, records, rows, stream, truth, weights
from hub.bench.identity.profile import profile, table

SEEDS: Final = (1, 2, 3, 4, 5)
_BATCH = 500


class Seed(msgspec.Struct, frozen=True):
    """The shipped weights on other errors: F1, and how far that is from the published set's."""

    data: str
    seed: int
    f1: float
    difference: float


def corruptions(name: Name, published: Rows, seeds: Sequence[int] = SEEDS) -> dict[int, Rows]:
    """Rows with other errors, by seed."""
    return {seed: corrupted(name, published, seed) for seed in seeds}


def other_seeds(name: Name, published: Rows, made: Mapping[int, Rows], *, with_number: bool) -> list[Seed]:
    """F1 of the same weights on every corruption in `made`, beside that on the published set."""
    known = _f1(published, with_number=with_number)
    data = name if with_number else f"{name}_no_ssn"
    reached = {seed: _f1(found, with_number=with_number) for seed, found in made.items()}
    return [Seed(data, seed, f1, f1 - known) for seed, f1 in reached.items()]


def _f1(found: Rows, *, with_number: bool) -> float:
    run = stream(records(found, with_number=with_number), weights(with_number=with_number), 1, _BATCH)
    return rates(run.linked, truth(found)).f1


def main() -> None:
    """Prints both sets' errors beside ours, then F1 by seed."""
    for name in NAMES:
        published = rows(name)
        made = corruptions(name, published)
        print(f"{name}: duplicates with each error, published / seed {SEEDS[0]}")
        print("\n".join(table(profile(published), profile(made[SEEDS[0]]))))
        for with_number in (False, True):
            for each in other_seeds(name, published, made, with_number=with_number):
                print(f"{each.data} seed {each.seed}: F1 {each.f1:.5f} ({each.difference:+.5f})")


if __name__ == "__main__":
    main()
