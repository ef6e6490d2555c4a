"""The sample town on a real ledger: whatever the order and the size of the batches, the entries decided in memory.

What those entries mean is held against `expected.json` by `tests/core/decide/test_jinju.py`, in the same orders.
"""

from __future__ import annotations

import random

import pytest

from tests.audit.filled import Filled, steps_of
from tests.core.decide.test_jinju import Jinju

SIZES = (1, 7, 1000)


class Always(random.Random):
    """Chance that always says the same: slices of one size."""

    def __init__(self, size: int) -> None:
        super().__init__(0)
        self._size = size

    def randint(self, a: int, b: int) -> int:
        del a, b
        return self._size


@pytest.mark.parametrize(
    ("order", "size"), [(o, SIZES[o % 3]) for o in range(20)] + [(0, 7), (0, 1000), (1, 1), (1, 1000)]
)
def test_any_order_and_any_batch_size_gives_the_same_entries(empty: Filled, order: int, size: int) -> None:
    jinju = Jinju(order)
    empty.write(steps_of(jinju.world), Always(size))
    assert empty.entries() == jinju.world.entries
