"""Properties of every history: repeats change nothing, conflicts are refused, entries alone give the state."""

from __future__ import annotations

import copy
import random
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.bodies import MatchingBody
from hub.core.decide import Outcome
from hub.core.identity.identify import Explanation
from hub.core.state import State
from hub.schemas.entries import parse
from hub.schemas.topics import Formats, Types, inbound
from hub.town.referrals import generate
from tests.core.decide.world import World, town_messages

Message = tuple[str, dict[str, Any]]


def facts_of(state: State) -> dict[str, object]:
    """Everything decisions can ask a state, in one comparable value."""
    plain = msgspec.to_builtins
    return {
        "agencies": {code: plain(agency) for code, agency in state.directory.items()},
        "cases": {id_: plain(case) for id_, case in state.cases.items()},
        "records": {id_: plain(record) for id_, record in state.records.items()},
        "filed": {id_: plain(filed) for id_, filed in state.filed.items()},
        "persons": {id_: sorted(held) for id_, held in state.persons.items() if held},
        "components": {id_: sorted(held) for id_, held in state.components.items() if held},
        "keys": {key: sorted(held) for key, held in state.keys.items()},
        "numbers": {key: sorted(held) for key, held in state.numbers.items()},
        "units": state.units,
        "referrals": state.referral_case,
        "aliases": state.aliases,
        "reviews": {id_: plain(review) for id_, review in state.reviews.items()},
        "refusals": state.refusals,
        "due": sorted({pair for pair in state.due_heap if is_open(state, *pair)}),
        "head": (state.size, state.heard),
    }


def is_open(state: State, due: str, referral: str) -> bool:
    found = state.find(referral)
    return found is not None and (found[1].state, found[1].due) == ("offered", due)


def lived(seed: int, count: int = 250) -> World:
    """A town's messages with answers, ticks, withdrawals and corrections in between, as chance has it."""
    chance = random.Random(seed)  # noqa: S311 - a scenario
    world = World()
    sent: list[Message] = []
    for topic, message in town_messages(120, count, seed):
        sent.append((topic, message))
        world.post(topic, message)
        stir(world, chance)
        if world.state.records and chance.random() < 0.15:
            judged(world, chance)
        if chance.random() < 0.05:
            world.post(*corrected(chance.choice(sent), chance))
    return world


def stir(world: World, chance: random.Random) -> None:
    """Somebody answers, time passes, somebody withdraws."""
    every = [r for c in world.state.cases.values() for r in c.referrals.values()]
    if not every or chance.random() < 0.5:
        return
    referral = chance.choice(every)
    who = chance.choice([referral.receiver or "city", referral.agency, "dong-pyeonggeo", "lh"])
    change = chance.choice(["accept", "start", "deliver", "decline", "fail", "withdraw", "hold", "close"])
    world.answer(who, referral.id, change, chance.choice(["", "no_capacity"]), text=chance.choice(["", "전화 안 받음"]))
    if chance.random() < 0.2:
        world.wait(hours=chance.choice([1, 20, 80]))
        world.tick()


def judged(world: World, chance: random.Random) -> None:
    """Somebody says who is who: merges two persons, takes a merge back, sets a record apart, answers a review."""
    persons = sorted(p for p, records in world.state.persons.items() if records)
    former = sorted(world.state.aliases)
    one, two = chance.choice(persons), chance.choice([*persons, *former])
    mine = world.state.persons[one]
    case = world.state.cases[world.state.filed[min(mine)].case]
    match chance.randrange(6):
        case 4:
            world.settle("split", case=case.id, persons=[chance.choice([one, *case.members])])
        case 5:
            world.settle("join", case=case.id, other=chance.choice(sorted(world.state.cases)))
        case 0:
            world.judge("same", persons=[one, two])
        case 1:
            world.judge("apart", persons=[one])
        case 2:
            world.judge("apart", persons=[one], records=[chance.choice(sorted(mine))])
        case _ if world.state.reviews:
            world.judge(chance.choice(["same", "apart"]), review=chance.choice(sorted(world.state.reviews)))


def corrected(before: Message, chance: random.Random) -> Message:
    """The same referral number under a new id: from row writers with another need beside the first."""
    topic, message = before
    message = copy.deepcopy(message) | {"id": f"again-{chance.random()}"}
    if message["dataschema"] == Formats.WELFARE:
        message["data"]["cells"][6] += ", 세탁"
    return topic, message


@pytest.fixture(scope="module", params=range(4))
def world(request: pytest.FixtureRequest) -> World:
    return lived(request.param)


def test_entries_and_opened_bodies_alone_give_the_state(world: World) -> None:
    assert facts_of(world.reapplied()) == facts_of(world.state)


def test_the_scenario_meets_every_kind_of_verdict(world: World) -> None:
    assert {"recorded", "refused", "seen", "no-op"} >= {o.verdict for _, o in world.arrivals} >= {"recorded", "refused"}
    kinds = {orjson.loads(e)["kind"] for e in world.entries}
    assert {"referral.corrected", "referral.changed", "offer.expired", "household.changed"} <= kinds
    assert {"identity.decided", "person.merged", "person.split", "review.opened", "household.decided"} <= kinds


def test_the_bits_of_every_stored_decision_sum_to_its_score(world: World) -> None:
    seen = 0
    for key_id, cls in world.bodies:
        if cls == "matching":
            body = msgspec.json.decode(world.body(key_id, cls) or b"", type=MatchingBody)
            why = msgspec.json.decode(bytes(body.explain), type=Explanation)
            seen += 1
            assert sum(bits for _, bits in why.fields) == why.candidates[0].bits == max(body.edges.values())
    assert seen > 20


def test_every_entry_is_one_of_the_closed_union(world: World) -> None:
    for raw in world.entries:
        entry = parse(raw)
        assert orjson.dumps(orjson.loads(entry.model_dump_json(by_alias=True, exclude_unset=True))) is not None
        assert orjson.loads(entry.model_dump_json(by_alias=True, exclude_unset=True)) == orjson.loads(raw)


def test_repeats_of_the_whole_history_are_seen_and_change_nothing(world: World) -> None:
    again = copy.copy(world)
    before = facts_of(world.state)
    count = len(world.entries)
    for arrival, first in list(world.arrivals):
        outcome: Outcome = again.post(arrival.topic, arrival.value)
        if first.cause in world.state.seen:
            assert (outcome.verdict, outcome.entries) == ("seen", [])
    assert (len(world.entries), facts_of(world.state)) == (count, before)


def test_the_same_messages_decided_again_give_the_same_entries(world: World) -> None:
    again = World(agencies=())
    for arrival, _ in world.arrivals:
        again.now = arrival.heard
        again.post(arrival.topic, arrival.value)
    assert again.entries == world.entries


def test_the_needs_of_every_live_referral_have_somebody_to_answer(world: World) -> None:
    for case in world.state.cases.values():
        for referral in case.referrals.values():
            assert referral.state != "received"
            assert referral.need in case.needs
            if referral.state in {"offered", "accepted", "in_service", "on_hold", "unplaced"}:
                assert referral.receiver
            if referral.state == "duplicate":
                found = world.state.find(referral.duplicate_of)
                assert found
                assert found[1].state != "duplicate"


def test_nobody_is_asked_twice_or_asked_their_own(world: World) -> None:
    for case in world.state.cases.values():
        for referral in case.referrals.values():
            assert len(set(referral.tried)) == len(referral.tried)
            assert referral.agency not in referral.tried


def test_members_are_living_persons_each_in_one_household(world: World) -> None:
    living = {p for p, held in world.state.persons.items() if held}
    members = [p for c in world.state.cases.values() for p in c.members]
    assert len(set(members)) == len(members)
    assert set(members) == living


def test_the_same_id_with_other_data_is_refused_and_its_repeat_is_seen() -> None:
    world = World()
    assert world.refer(id_="one").verdict == "recorded"
    conflict = world.refer("세탁", id_="one", 의뢰번호="X-1")
    assert (conflict.verdict, conflict.reasons[0].code) == ("refused", "id_conflict")
    assert world.post(world.arrivals[-1][0].topic, world.arrivals[-1][0].value).verdict == "seen"
    assert [e["kind"] for e in conflict.entries] == ["message.refused"]


def test_refusals_pause_the_agency_that_sent_them_and_nobody_else() -> None:
    world = World()
    for n in range(60):
        world.refer(의뢰번호="", 성명=f"김{n}", agency="lh")
        assert world.refer(agency="sangbong").verdict == "recorded"
    assert world.state.directory["lh"].state == "paused"
    assert world.state.directory["sangbong"].state == "active"
    assert world.refer(agency="lh").verdict == "held"
    assert sum(f["agency"] == "lh" for f in world.facts("agency.changed")) == 1
    held = len(world.entries)
    assert world.refer(agency="sangbong").verdict == "recorded"
    assert len(world.entries) > held


def test_a_paused_agency_may_still_answer_and_goes_on_when_the_city_says_so() -> None:
    world = World()
    referral = world.referral(world.refer("식품"))
    for _ in range(51):
        world.refer(의뢰번호="", agency=referral.receiver)
    assert world.state.directory[referral.receiver].state == "paused"
    assert world.answer(referral.receiver, referral.id, "accept").verdict == "recorded"
    resume = {"code": referral.receiver, "action": "resume"}
    message = World.system(Types.AGENCY_STATE, resume, "resume-1")
    assert world.post("hub.sys.rules", message).verdict == "recorded"
    assert world.refer(agency=referral.receiver).verdict == "recorded"


@settings(max_examples=60)
@given(st.data())
def test_no_bytes_break_the_core(data: st.DataObject) -> None:
    world = World(agencies=())
    value = data.draw(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
    outcome = world.post(inbound("sangbong"), value)
    assert outcome.verdict == "refused"
    assert parse(world.entries[-1]).kind == "message.refused"


@pytest.mark.parametrize("town", range(3))
def test_persons_households_and_requests_of_a_town_do_not_depend_on_the_order_of_arrival(town: int) -> None:
    events = [e for e in generate(60, 150, town) if e.truth["expect"] == "recorded"]
    found = []
    for seed in range(3):
        random.Random(seed).shuffle(events)  # noqa: S311 - an order
        world = World()
        for event in events:
            world.post(inbound(event.agency), event.message)
        found.append(outline(world.state))
    assert found[0] == found[1] == found[2]


def outline(state: State) -> tuple[object, ...]:
    """Persons and households as sets of the sources' numbers; which person's need is asked of somebody."""
    every = [r for c in state.cases.values() for r in c.referrals.values()]
    groups: dict[str, set[str]] = {}
    for referral in every:
        groups.setdefault(state.person_of(referral.record) or referral.id, set()).add(referral.number)
    homes = {frozenset(frozenset(groups[p]) for p in c.members) for c in state.cases.values() if c.members}
    asked = [r for r in every if r.state != "duplicate"]
    live = sorted((r.code, min(groups[state.person_of(r.record) or r.id])) for r in asked)
    return {frozenset(g) for g in groups.values()}, homes, live
