"""Replay: live equals memory, memory equals replay, and what differs is named."""

from __future__ import annotations

import copy
import random

import msgspec
import pytest

from hub.audit.replay import Replayed, difference, replay
from hub.core.policy import Policy
from hub.ledger.continuations import CONTINUATIONS
from hub.ledger.history import History
from hub.schemas import topics
from hub.schemas.topics import Formats, Types
from hub.town.accounts import accounts
from tests.audit.filled import Filled, Step, step, steps_of
from tests.core.decide.test_identity import crowd, sharing_a_phone
from tests.core.decide.test_properties import lived
from tests.core.decide.world import World, envelope


def replayed(ledger: Filled, policy: Policy | None = None) -> Replayed:
    with History(ledger.url) as history:
        return replay(history, policy or ledger.policy)


@pytest.mark.parametrize("seed", range(3))
def test_any_batch_split_on_a_real_ledger_gives_the_entries_decided_one_by_one_in_memory(
    empty: Filled, seed: int
) -> None:
    world = lived(20 + seed, 150)
    empty.write(steps_of(world), random.Random(seed))  # noqa: S311 - slice sizes
    assert empty.entries() == world.entries
    assert empty.orphans() == 0
    found = replayed(empty)
    assert found.holds, found.difference
    assert (found.matched, found.sealed, found.is_comparison) == (len(world.entries), 0, False)


def test_what_left_no_entry_leaves_no_trace_on_the_clock(empty: Filled) -> None:
    """A no-op tick heard later than the message behind it: partitions keep no common time."""
    world = World()
    steps = steps_of(world)
    late, early = "2026-11-02T00:00:09.000Z", "2026-11-02T00:00:05.000Z"
    tick = envelope(topics.HUB, Types.TICK, Formats.SYSTEM, {"at": late}, "tick", late)
    world.now = early
    world.refer()
    steps += [step(topics.CLOCK, late, tick), steps_of(world)[-1]]
    empty.write(steps, random.Random(1), largest=1)  # noqa: S311 - slice sizes
    assert empty.verdicts["no-op"] == 1
    assert empty.entries() == world.entries
    assert replayed(empty).holds


def test_conflicting_ids_and_bytes_that_are_no_message_are_decided_again_as_they_were(empty: Filled) -> None:
    world = World()
    world.refer(id_="one")
    world.refer("세탁", id_="one", 의뢰번호="X-1")
    world.post(topics.inbound("sangbong"), b"\xff\xfe")
    world.post(topics.inbound("sangbong"), b"\xff\xfe")
    world.refer(agency="nobody")
    conflict = world.arrivals[-4][0]
    world.post(conflict.topic, conflict.value)
    empty.write(steps_of(world), random.Random(2), largest=4)  # noqa: S311 - slice sizes
    assert empty.entries() == world.entries
    assert empty.verdicts == {"recorded": len(accounts()) + 1, "refused": 4, "seen": 1}
    assert replayed(empty).holds


def test_the_conflict_with_a_message_that_changed_nothing_is_one_on_replay_too(empty: Filled) -> None:
    world = World()
    world.tick()
    tick = envelope(topics.HUB, Types.TICK, Formats.SYSTEM, {"at": world.now, "stuck": ["lh"]}, "tick-1", world.now)
    assert world.post(topics.CLOCK, tick).verdict == "refused"
    empty.write(steps_of(world), random.Random(2))  # noqa: S311 - slice sizes
    assert empty.entries() == world.entries
    assert replayed(empty).holds


def test_pages_of_a_large_tick_are_messages_of_their_own(empty: Filled) -> None:
    world = World()
    many = [world.referral(world.refer()) for _ in range(205)]
    world.tick(many[0].due)
    empty.write(steps_of(world), random.Random(2))  # noqa: S311 - slice sizes
    assert len(empty.entries()) == len(world.entries) + 10
    assert replayed(empty).holds


def test_messages_held_while_their_agency_is_paused_are_decided_when_it_goes_on(empty: Filled) -> None:
    world = World()
    broken = [world.refer(의뢰번호="", agency="lh") for _ in range(50)]
    assert broken[-1].entries[-1]["kind"] == "agency.changed"
    first = steps_of(world)
    world.refer(agency="lh")
    offer = world.referral(world.refer("rent_arrears"))
    world.answer("lh", offer.id, "accept")
    held = steps_of(world)[len(first) :]
    resume = world.system(Types.AGENCY_STATE, {"code": "lh", "action": "resume"}, "resume")
    empty.write(first, random.Random(2))  # noqa: S311 - slice sizes
    empty.write(held, random.Random(2), largest=100)  # noqa: S311 - slice sizes
    assert empty._claim(topics.inbound("lh")).next == 50
    empty.write([step(topics.RULES, world.now, resume)], random.Random(2))  # noqa: S311 - slice sizes
    empty.offsets[topics.inbound("lh")] = 50
    again: list[Step] = [s for s in held if s[0] == topics.inbound("lh")]
    empty.write(again, random.Random(2))  # noqa: S311 - slice sizes
    assert empty.verdicts["held"] == 0
    assert replayed(empty).holds


def test_a_changed_entry_is_the_first_that_differs_with_its_fields(filled: Filled) -> None:
    changed = "convert_to(replace(convert_from(entry, 'UTF8'), '\"rank\":1', '\"rank\":7'), 'UTF8')"
    filled.harm(
        f"UPDATE entries SET entry = {changed}"  # noqa: S608 - a test's own words
        " WHERE position = (SELECT position FROM entries WHERE kind = 'referral.offered' ORDER BY position LIMIT 1)"
    )
    found = replayed(filled)
    assert not found.holds
    assert found.difference is not None
    assert (found.difference.kind, found.difference.changes) == ("referral.offered", (("/facts/rank", 7, 1),))


def test_an_entry_without_a_message_is_named(filled: Filled) -> None:
    filled.harm("DELETE FROM messages WHERE position = (SELECT max(position) FROM messages)")
    found = replayed(filled)
    assert found.difference is not None
    assert found.difference.why == "no message stands behind this entry"


def test_what_was_erased_is_applied_and_counted_as_sealed_and_the_root_still_holds(filled: Filled) -> None:
    filled.harm(
        "UPDATE bodies SET wrapped = NULL, sealed = NULL WHERE key_id IN"
        " (SELECT key_id FROM bodies WHERE cls = 'identity' ORDER BY key_id LIMIT 12)"
    )
    found = replayed(filled)
    assert found.holds, found.difference
    assert found.sealed > 12
    assert found.matched + found.sealed == found.entries


def test_erased_raw_evidence_is_sealed_too(filled: Filled) -> None:
    raw = "SELECT key_id FROM bodies WHERE cls = 'raw' AND key_id::text < '4'"
    filled.harm(f"UPDATE bodies SET wrapped = NULL WHERE key_id IN ({raw})")  # noqa: S608 - a test's own words
    found = replayed(filled)
    assert found.holds, found.difference
    assert found.sealed > 0


def test_under_another_release_it_is_a_comparison(filled: Filled) -> None:
    other = msgspec.structs.replace(copy.copy(filled.policy), release="0.0.other")
    found = replayed(filled, other)
    assert found.is_comparison
    assert found.holds


def test_a_difference_names_each_field_by_its_pointer() -> None:
    assert difference({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "d": 3}}) == [("/a/c", 2, None), ("/a/d", None, 3)]


def test_a_retired_key_is_redone_on_a_real_ledger_as_in_memory_and_replayed(empty: Filled) -> None:
    world = World()
    pair, others = sharing_a_phone()
    crowd(world, [*pair, *others])
    assert len(list(world.facts("person.split"))) == 1
    steps = [s for s in steps_of(world) if s[0] != CONTINUATIONS]
    empty.write(steps, random.Random(4))  # noqa: S311 - slice sizes
    assert empty.entries() == world.entries
    assert empty.links() == {id_: record.edges for id_, record in world.state.records.items()}
    found = replayed(empty)
    assert found.holds, found.difference
