"""A partner's mapping is a rule: what it would change in an old history is a comparison, and the history stays."""

from __future__ import annotations

import random

from hub.audit.compare import compare, under
from hub.audit.replay import replay
from hub.core.policy import Policy
from hub.ledger.history import History
from hub.rules import texts
from hub.schemas.topics import Formats, Types
from tests.audit.filled import Filled, steps_of
from tests.core.decide.world import World, policy

TOML = """
version = "1"
[row.welfare.columns]
number = ["문서번호"]
name = ["대표자"]
"""
ROW = {"문서번호": "SR-1", "대표자": "박단비", "전화번호": "010-2345-6789", "욕구": "식품", "접수일자": "2026-11-01"}


def rules_with(agency: str) -> Policy:
    return under(policy(), texts() | {f"partners/{agency}.toml": TOML})


def lived(rules: Policy | None = None) -> World:
    world = World(rules=rules)
    world.refer("세탁")
    data = {"header": list(ROW), "cells": list(ROW.values()), "row": 1, "register": "대장"}
    world.send("sangbong", Types.REFERRAL, Formats.WELFARE, data)
    return world


def test_a_history_that_the_file_does_not_touch_is_replayed_as_a_comparison(empty: Filled) -> None:
    empty.write(steps_of(lived()), random.Random(1))  # noqa: S311 - slice sizes
    with History(empty.url) as history:
        same, other = replay(history, policy()), replay(history, rules_with("lh"))
    assert (same.holds, same.is_comparison) == (True, False)
    assert (other.holds, other.is_comparison) == (True, True)


def test_what_was_refused_would_be_recorded_and_the_list_says_so(empty: Filled) -> None:
    empty.write(steps_of(lived()), random.Random(1))  # noqa: S311 - slice sizes
    with History(empty.url) as history:
        changes = list(compare(history, rules_with("sangbong")))
        assert list(compare(history, policy())) == []
    assert {(c.kind, bool(c.before), bool(c.after)) for c in changes} == {
        ("message.refused", True, False),
        ("referral.recorded", False, True),
        ("referral.offered", False, True),
    }


def test_a_history_under_the_file_replays_under_the_file(empty: Filled) -> None:
    rules = rules_with("sangbong")
    world = lived(rules)
    assert not [entry for entry in world.entries if b'"message.refused"' in entry]
    empty.policy = empty.ledger._policy = rules
    empty.write(steps_of(world), random.Random(1))  # noqa: S311 - slice sizes
    with History(empty.url) as history:
        found = replay(history, rules)
        assert (found.holds, found.is_comparison) == (True, False)
        assert replay(history, policy()).is_comparison
