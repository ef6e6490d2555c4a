"""The state as it was known at a time, and what other rules would have made of the same history."""

from __future__ import annotations

import random

import pytest

from hub.audit.as_of import as_of, cases, instant, text
from hub.audit.compare import compare, under
from hub.errors import Usage
from hub.ledger.history import History
from hub.rules import texts
from tests.audit.filled import Filled, steps_of
from tests.core.decide.test_properties import facts_of, lived
from tests.core.decide.world import KEYS, World, policy


def test_the_state_of_now_is_the_state_that_decided(empty: Filled) -> None:
    world = lived(31, 120)
    empty.write(steps_of(world), random.Random(1))  # noqa: S311 - slice sizes
    with History(empty.url) as history:
        known = as_of(history, KEYS, "2100-01-01T00:00:00Z")
    assert (known.size, known.sealed) == (world.state.size, 0)
    assert facts_of(known.state) == facts_of(world.state)


def test_what_was_heard_later_was_not_known(empty: Filled) -> None:
    world = World()
    referral = world.referral(world.refer())
    before = world.now
    world.wait(hours=2)
    world.answer(referral.receiver, referral.id, "accept")
    empty.write(steps_of(world), random.Random(1))  # noqa: S311 - slice sizes
    with History(empty.url) as history:
        then = as_of(history, KEYS, before)
        (view,) = cases(then)
    assert view["referrals"][0]["state"] == "offered"
    assert view["referrals"][0]["number"] == referral.number
    with History(empty.url) as history:
        now = as_of(history, KEYS, world.now)
        lines = list(text(cases(now), now))
    assert any("accepted at" in line for line in lines)


def test_what_was_erased_shows_as_sealed(empty: Filled) -> None:
    world = World()
    world.refer("dementia")
    empty.write(steps_of(world), random.Random(1))  # noqa: S311 - slice sizes
    empty.harm("UPDATE bodies SET wrapped = NULL WHERE key_id IN (SELECT key_id FROM bodies WHERE cls = 'identity')")
    with History(empty.url) as history:
        known = as_of(history, KEYS, "2100-01-01T00:00:00Z")
        (view,) = cases(known)
    assert known.sealed == 1
    assert [view["referrals"][0][name] for name in ("number", "code", "person")] == ["sealed"] * 3
    assert list(view["members"])


def test_a_time_has_a_zone() -> None:
    assert instant("2026-11-22T09:00:00+09:00") == "2026-11-22T00:00:00.000Z"
    for wrong in ("2026-11-22T09:00:00", "yesterday", "2026-11-22"):
        with pytest.raises(Usage):
            instant(wrong)


def test_the_same_rules_change_nothing(filled: Filled) -> None:
    with History(filled.url) as history:
        assert list(compare(history, under(filled.policy, texts()))) == []


def test_another_route_changes_the_offers_it_concerns(empty: Filled) -> None:
    world = World()
    referral = world.referral(world.refer("식품"))
    empty.write(steps_of(world), random.Random(1))  # noqa: S311 - slice sizes
    files = texts()
    rules = files["routing.toml"]
    start = rules.index("food = [")
    other = rules[:start] + rules[start:].replace("food_bank", "welfare_center", 1)
    with History(empty.url) as history:
        changes = list(compare(history, under(policy(), {**files, "routing.toml": other})))
    assert [(c.kind, c.referral) for c in changes] == [("referral.offered", referral.id)]
    assert changes[0].before["to"] == referral.receiver != changes[0].after["to"]
