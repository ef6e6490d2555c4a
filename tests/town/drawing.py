"""What tests of the town draw with: the rate file, and chance that repeats itself."""

from __future__ import annotations

from random import Random

from hub.town.rates import load

RATES = load()


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - reproducible draws, no secret
