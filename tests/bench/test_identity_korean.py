"""The Korean town is measured as it says: shares that add up, errors counted as what they are, any order the same."""

from __future__ import annotations

import msgspec
import pytest

from hub.bench.identity.korean import Measured, measured
from hub.bench.identity.mentions import Mentions, mentions
from hub.core.identity.model import Model
from hub.rules import texts

SEED = 3
MODEL = Model.load(texts()["weights.json"])


def silent(_: str) -> None:
    """Nobody listens to a test's progress."""


@pytest.fixture(scope="module")
def town() -> Mentions:
    return mentions(5000, 5000, SEED, silent)


@pytest.fixture(scope="module")
def result(town: Mentions) -> Measured:
    return measured(town, 3, SEED, silent)


def with_model(town: Mentions, orders: int, **changes: object) -> Measured:
    return measured(town, orders, SEED, silent, msgspec.structs.replace(MODEL, **changes))


def test_nobody_is_taken_for_somebody_else_in_a_small_town(result: Measured) -> None:
    assert result.precision >= 0.999
    assert result.auto_recall > 0.88
    assert result.missed < 0.02


def test_any_order_links_the_same_pairs(result: Measured) -> None:
    assert result.orders == 3
    assert result.order_changes == 0


def test_any_order_links_the_same_pairs_when_keys_turn_generic(town: Mentions) -> None:
    found = with_model(town, 3, generic=4)
    assert found.generic_keys > 10
    assert found.order_changes == 0


def test_linked_shown_and_missed_are_all_true_pairs(result: Measured) -> None:
    assert result.auto_recall <= result.recall
    assert result.recall + result.missed == pytest.approx(1)
    assert sum(result.missed_kinds.values()) <= sum(result.unlinked_kinds.values())


def test_a_human_sees_some_of_the_reviews(result: Measured) -> None:
    assert 0 < result.human_review < result.review < 0.06


def test_the_curve_passes_through_the_threshold_in_force(result: Measured) -> None:
    here = next(point for point in result.curve if point.auto * 100 == MODEL.auto)
    assert (here.precision, here.auto_recall) == (result.precision, result.auto_recall)
    assert [point.auto for point in result.curve] == list(range(6, 17))


def test_without_the_guards_twins_are_linked_and_counted(town: Mentions, result: Measured) -> None:
    unguarded = with_model(town, 1, guards=frozenset())
    assert unguarded.false_links["twin"] > result.false_links["twin"]
    assert unguarded.precision < result.precision


def test_the_town_is_as_hard_as_the_specification_asks(result: Measured) -> None:
    assert result.twins_share >= 0.014
    assert result.number_missing == pytest.approx(0.55, abs=0.02)


def test_the_same_seed_gives_the_same_records(town: Mentions) -> None:
    assert mentions(5000, 5000, SEED, silent).records == town.records
