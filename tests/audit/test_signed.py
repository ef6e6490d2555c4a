"""What was signed, unsigned or signed too late, through the real ledger: as in memory, and the same when replayed."""

from __future__ import annotations

import random

import psycopg
import pytest

from hub.audit.replay import replay
from hub.core.sealing import cause_digest
from hub.ledger.history import History
from hub.ledger.reads import Pool, Reads
from tests.audit.filled import Filled, steps_of
from tests.core.decide.signing import MINE, NEXT, STRANGER, change_key, post, row
from tests.core.decide.world import KEYS, World


def lived() -> World:
    """Every order in which copies of an event can come, over a rotation."""
    world = World()
    post(world, row(1))  # before any key
    change_key(world, MINE.kid)
    chance = random.Random(5)  # noqa: S311 - an order
    copies = [(row(n), by) for n in range(1, 13) for by in (None, MINE, NEXT, STRANGER, MINE)]
    copies += [(row(n) | {"data": row(n + 50)["data"]}, by) for n in range(1, 13) for by in (None, MINE)]
    chance.shuffle(copies)
    for place, (event, by) in enumerate(copies):
        if place == 40:
            change_key(world, NEXT.kid)
        if place == 70:
            change_key(world, MINE.kid, add=False)
        post(world, event, by)
    return world


@pytest.mark.parametrize("largest", [1, 7, 200])
def test_in_slices_of_any_size_the_entries_are_those_in_memory_and_a_replay_agrees(empty: Filled, largest: int) -> None:
    world = lived()
    verdicts = [outcome.verdict for _, outcome in world.arrivals]
    assert min(verdicts.count(v) for v in ("recorded", "refused", "unsigned", "seen")) >= 5
    empty.write(steps_of(world), random.Random(largest), largest=largest)  # noqa: S311 - slice sizes
    assert empty.entries() == world.entries
    assert empty.verdicts == {v: verdicts.count(v) for v in set(verdicts)}
    with History(empty.url) as history:
        found = replay(history, empty.policy)
    assert found.holds, found.difference
    assert (found.matched, found.sealed, found.is_comparison) == (len(world.entries), 0, False)


def test_a_receipt_tells_of_the_signed_copy_once_there_is_one(empty: Filled) -> None:
    world = World()
    change_key(world, MINE.kid)
    post(world, row(1))
    post(world, row(2))
    steps = steps_of(world)
    empty.write(steps, random.Random(1))  # noqa: S311 - slice sizes
    pool = Pool(empty.url, size=1)
    reads = Reads(pool, KEYS)
    one, two = (cause_digest(KEYS.pepper, row(n)["source"], row(n)["id"]) for n in (1, 2))
    told = reads.verdicts([one, two])
    assert {v.verdict for v in told.values()} == {"refused"}
    assert told[one].facts["reasons"][0]["code"] == "signature_missing"
    post(world, row(1), MINE)
    empty.write(steps_of(world)[len(steps) :], random.Random(1))  # noqa: S311 - slice sizes
    assert {c: v.verdict for c, v in reads.verdicts([one, two]).items()} == {one: "recorded", two: "refused"}
    assert [r.number for r in reads.receipts([one])[one].referrals] == ["S-1"]
    pool.close()


def test_no_key_opens_two_bodies(empty: Filled) -> None:
    """A refused copy has left its own: what is recorded is sealed under other keys."""
    empty.write(steps_of(lived()), random.Random(3))  # noqa: S311 - slice sizes
    with psycopg.connect(empty.url) as connection:
        twice = connection.execute(
            "SELECT key_id FROM bodies GROUP BY key_id HAVING count(DISTINCT wrapped) > 1"
        ).fetchall()
    assert twice == []
