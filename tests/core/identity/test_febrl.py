"""The engine on published data: FEBRL, no label used for the weights. What it must reach is `identity.md`'s."""

from __future__ import annotations

import pytest

from hub.bench.identity.febrl import Name, measure

BARS: dict[tuple[Name, bool], float] = {
    ("febrl3", False): 0.984,
    ("febrl4", False): 0.993,
    ("febrl3", True): 0.997,
    ("febrl4", True): 0.999,
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "with_number"), BARS)
def test_streamed_in_two_orders_it_links_the_same_pairs_and_reaches_the_bar(name: Name, with_number: bool) -> None:  # noqa: FBT001
    found = measure(name, with_number, orders=2, batches=(1, 500), say=lambda _: None)
    assert found.order_changes == 0
    assert found.f1 >= BARS[name, with_number]
    assert found.details["runs"] == 4
    assert 0 < found.details["largest_key"] <= 200  # no key turned generic, so no edge had to be dropped
