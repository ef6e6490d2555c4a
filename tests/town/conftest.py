"""The town that several files of tests look at."""

from __future__ import annotations

import pytest

from hub.town.people import Person, Town


@pytest.fixture(scope="module")
def everybody() -> list[Person]:
    town = Town(30_000, seed=3)
    return [person for n in range(town.households) for person in town.household(n).members]
