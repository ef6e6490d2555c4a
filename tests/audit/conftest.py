"""One PostgreSQL for all audit tests, a ledger of its own for each."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.audit.filled import Filled, server, steps_of
from tests.core.decide.test_properties import lived

_names = (f"ledger{n}" for n in itertools.count())
Fill = Callable[[int], Filled]


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(tmp_path_factory.mktemp("audit") / "pg") as url:
        yield url


@pytest.fixture
def empty(postgres_url: str) -> Iterator[Filled]:
    """A ledger without entries."""
    made = Filled(postgres_url, next(_names))
    yield made
    made.close()


@pytest.fixture
def filled(empty: Filled, tmp_path: Path) -> Filled:
    """A ledger of about a thousand entries with three checkpoints."""
    steps = steps_of(lived(11, 120))
    for part in (steps[:90], steps[90:180], steps[180:]):
        empty.write(part, random.Random(3))  # noqa: S311 - slice sizes
        empty.sign(tmp_path)
    return empty
