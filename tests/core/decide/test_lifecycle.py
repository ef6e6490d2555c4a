"""A referral's way from offer to closing, who may move it, and what happens when nobody answers."""

from __future__ import annotations

import base64

import pytest

from hub.core.calendar import later
from hub.core.decide import Outcome
from hub.core.state import Referral
from hub.schemas.canonical import AgencyClaim
from hub.schemas.topics import Formats, Types
from tests.core.decide.world import World, envelope, registration

SOURCE = "sangbong"


@pytest.fixture
def world() -> World:
    return World()


def offered(world: World, need: str = "식품", **cells: str) -> Referral:
    referral = world.referral(world.refer(need, **cells))
    assert referral.state == "offered"
    return referral


def test_a_declined_offer_goes_to_the_next_agency_and_is_served_there(world: World) -> None:
    referral = offered(world)
    first = referral.receiver
    assert world.answer(first, referral.id, "decline", "no_capacity").verdict == "recorded"
    second = referral.receiver
    assert (referral.state, second != first, referral.tried) == ("offered", True, [first, second])
    states = []
    for change in ("accept", "start", "hold", "resume", "deliver"):
        assert world.answer(second, referral.id, change).verdict == "recorded"
        states.append(referral.state)
    assert states == ["accepted", "in_service", "on_hold", "in_service", "delivered"]
    assert world.close(referral.id).verdict == "recorded"
    assert referral.state == "closed"


def test_a_change_that_is_not_possible_is_refused_with_those_that_are(world: World) -> None:
    referral = offered(world)
    outcome = world.answer(referral.receiver, referral.id, "deliver")
    assert outcome.verdict == "refused"
    reason = outcome.reasons[0]
    assert (reason.code, reason.state, reason.allowed) == ("illegal_change", "offered", ("accept", "decline"))
    assert referral.state == "offered"
    assert next(reversed(list(world.facts("message.refused"))))["reasons"][0]["allowed"] == ["accept", "decline"]


def test_declining_needs_a_reason_code(world: World) -> None:
    referral = offered(world)
    outcome = world.answer(referral.receiver, referral.id, "decline")
    assert (outcome.verdict, outcome.reasons[0].code) == ("refused", "reason_missing")
    assert "no_capacity" in outcome.reasons[0].allowed


def test_an_agency_that_was_never_asked_finds_no_such_referral(world: World) -> None:
    referral = offered(world, "crime_victim")
    outcome = world.answer("lh", referral.id, "accept")
    assert (outcome.verdict, outcome.reasons[0].code) == ("refused", "unknown_referral")


def test_an_agency_that_declined_cannot_accept_later(world: World) -> None:
    referral = offered(world)
    first = referral.receiver
    world.answer(first, referral.id, "decline", "no_capacity")
    outcome = world.answer(first, referral.id, "accept")
    assert (outcome.verdict, outcome.reasons[0].code) == ("refused", "illegal_change")


def test_only_the_hub_closes(world: World) -> None:
    referral = offered(world)
    for change in ("accept", "start", "deliver"):
        world.answer(referral.receiver, referral.id, change)
    assert world.answer(referral.receiver, referral.id, "close").verdict == "refused"
    assert world.answer(SOURCE, referral.id, "close").verdict == "refused"


def test_a_report_cannot_be_declined(world: World) -> None:
    referral = offered(world, "child_abuse")
    outcome = world.answer(referral.receiver, referral.id, "decline", "no_capacity")
    assert (outcome.verdict, outcome.reasons[0].allowed) == ("refused", ("accept",))


def test_an_offer_nobody_answers_goes_to_the_next_agency_when_its_time_is_up(world: World) -> None:
    referral = offered(world)
    first, due = referral.receiver, referral.due
    world.tick(due)
    assert (referral.state, referral.tried[0], referral.receiver != first) == ("offered", first, True)
    assert referral.due > due
    assert [f["to"] for f in world.facts("offer.expired")] == [first]


def test_a_tick_before_the_time_changes_nothing(world: World) -> None:
    referral = offered(world)
    before = len(world.entries)
    world.wait(minutes=5)
    assert world.tick().verdict == "no-op"
    assert (len(world.entries), referral.state) == (before, "offered")


def test_a_tick_that_runs_ahead_gives_each_agency_its_own_time(world: World) -> None:
    referral = offered(world)
    due = referral.due
    heard, world.now = world.now, due
    world.tick()
    world.now = heard
    assert len(referral.tried) == 2
    assert referral.due > due


def test_offers_of_a_stuck_agency_do_not_expire_meanwhile(world: World) -> None:
    referral = offered(world)
    first = referral.receiver
    world.tick(referral.due, stuck=[first])
    assert (referral.state, referral.receiver) == ("offered", first)
    world.tick()
    assert referral.receiver != first


def test_when_nobody_is_left_the_need_has_an_owner_who_may_still_accept(world: World) -> None:
    referral = offered(world)
    while referral.state == "offered":
        world.tick(referral.due)
    assert (referral.state, referral.receiver) == ("unplaced", "dong-pyeonggeo")
    assert len(set(referral.tried)) == len(referral.tried)
    assert world.answer("dong-pyeonggeo", referral.id, "accept").verdict == "recorded"


def test_a_worker_of_the_area_may_act_for_an_agency_with_a_reason(world: World) -> None:
    referral = offered(world)
    why = {"on_behalf": referral.receiver, "text": "기관에 전산이 없어 전화로 확인"}
    assert world.answer("dong-sangbong", referral.id, "accept", **why).verdict == "refused"
    assert world.answer("dong-pyeonggeo", referral.id, "accept", on_behalf=referral.receiver).verdict == "refused"
    assert world.answer("dong-pyeonggeo", referral.id, "accept", **why).verdict == "recorded"


def test_the_source_withdraws_and_nobody_else_does(world: World) -> None:
    referral = offered(world)
    assert world.answer(referral.receiver, referral.id, "withdraw").verdict == "refused"
    assert world.answer(SOURCE, referral.id, "withdraw").verdict == "recorded"
    assert referral.state == "withdrawn"
    world.tick(world.wait(days=30))
    assert referral.state == "withdrawn"


def test_the_duplicate_of_a_withdrawn_request_is_asked_for_in_its_place(world: World) -> None:
    who = {
        "성명": "노영심",
        "생년월일": "1950-03-03",
        "전화번호": "010-8282-3434",
        "주소": "진주시 평거로 88, 201동 303호",
    }
    first = offered(world, **who)
    second, third = (world.referral(world.refer("식품", agency=a, **who)) for a in ("senior-center", "sangbong"))
    assert [r.duplicate_of for r in (second, third)] == [first.id, first.id]
    world.answer(SOURCE, first.id, "withdraw")
    assert (second.state, third.state, third.duplicate_of) == ("offered", "duplicate", second.id)


def test_a_more_urgent_duplicate_never_gives_more_time(world: World) -> None:
    who = {"성명": "박순자", "생년월일": "1948-03-02", "전화번호": "010-2345-6789"}
    who |= {"주소": "진주시 평거로 88, 201동 303호"}
    first = offered(world, **who)
    due = first.due
    world.now = later(due, minutes=-1)
    world.refer(agency="senior-center", **who, 긴급여부="긴급")
    tightened = list(world.facts("referral.recorded"))[-1]["tightens"]
    assert tightened == {"due": due, "referral": first.id, "urgency": "sos"}
    assert (first.urgency, first.due) == ("sos", due)


def test_a_failed_service_is_asked_of_the_next_agency(world: World) -> None:
    referral = offered(world)
    first = referral.receiver
    world.answer(first, referral.id, "accept")
    world.answer(first, referral.id, "fail", "moved")
    assert (referral.state, referral.receiver != first) == ("offered", True)


def test_more_expiries_than_one_page_go_on_in_a_continuation(world: World) -> None:
    many = [offered(world) for _ in range(205)]
    first = many[0].receiver
    world.tick(many[0].due)
    assert len(list(world.facts("clock.paged"))) == 1
    assert sum(r.receiver == first for r in many) == 5
    world.tick()
    assert sum(r.receiver == first for r in many) == 0


def test_a_suspended_agency_neither_refers_nor_answers_nor_is_asked(world: World) -> None:
    referral = offered(world)
    first = referral.receiver
    claim = AgencyClaim(first, "", "", (), "")
    message = registration(claim)
    message |= {"id": "suspend", "type": "kr.ieum.agency.changed.v1", "data": {"code": first, "action": "suspend"}}
    assert world.post("hub.sys.rules", message).verdict == "recorded"
    assert world.answer(first, referral.id, "accept").verdict == "refused"
    assert world.refer(agency=first).reasons[0].code == "agency_suspended"
    assert offered(world).receiver != first


REF = (
    "MSH|^~\\&|EMR|JEIL|HUB|CITY|20261101090000||REF^{event}|{id}|P|2.5||||||UNICODE UTF-8\r"
    "RF1||R^Routine|laundry^세탁^99IEUM|||JI-77|20261101\r"
    "PID|1||1^^^JEIL||강복남||19510403|F|||진주시 평거로 88, 205동 301호^^^^^KR||010-4111-7222\r"
)


def hl7(world: World, event: str, id_: str, text: str = REF) -> Outcome:
    text = text.format(event=event, id=id_)
    message = envelope("jeil", Types.REFERRAL, Formats.HL7, None, id_, world.now)
    message.pop("data")
    message["data_base64"] = base64.b64encode(text.encode()).decode()
    return world.post("hub.in.jeil", message)


def test_a_hospitals_cancellation_withdraws_by_its_own_number() -> None:
    world = World()
    referral = world.referral(hl7(world, "I12", "m1"))
    assert hl7(world, "I14", "m2").verdict == "recorded"
    assert referral.state == "withdrawn"
    again = hl7(world, "I14", "m3")
    assert (again.verdict, again.reasons[0].code) == ("refused", "illegal_change")


def test_of_several_needs_under_a_number_those_still_open_are_withdrawn() -> None:
    world = World()
    text = REF.replace("laundry^세탁^99IEUM", "laundry^세탁^99IEUM~food^식품^99IEUM")
    outcome = hl7(world, "I12", "m1", text)
    both = [world.referral(outcome, n) for n in range(2)]
    for done in sorted(both, key=lambda r: r.id)[:1]:
        for change in ("accept", "start", "deliver"):
            assert world.answer(done.receiver, done.id, change).verdict == "recorded"
    assert hl7(world, "I14", "m2", text).verdict == "recorded"
    assert sorted(r.state for r in both) == ["delivered", "withdrawn"]


def test_a_number_nobody_asked_under_cannot_be_cancelled() -> None:
    outcome = hl7(World(), "I14", "m1")
    assert (outcome.verdict, outcome.reasons[0].code) == ("refused", "unknown_number")


SOMEBODY = {"성명": "강옥순", "생년월일": "1941-02-03", "전화번호": "010-4110-7110", "주소": "진주시 평거로 88"}


def test_a_correction_says_what_is_contradictory_now(world: World) -> None:
    """A flag that was mended does not stay for ever, and one that comes with a correction is seen."""
    who = SOMEBODY | {"의뢰번호": "W-7"}
    referral = offered(world, **who, 동의="거부")
    assert referral.flags == ["consent_refused"]
    world.refer(**who)
    assert referral.flags == []
    world.refer(**who, 동의="거부", 긴급여부="긴급")
    assert referral.flags == ["consent_refused"]
    assert [f["flags"] for f in world.facts("referral.corrected")] == [[], ["consent_refused"]]


def test_whether_it_is_somebody_known_outlives_a_correction_of_something_else(world: World) -> None:
    who = SOMEBODY | {"의뢰번호": "W-8"}
    referral = offered(world, **who)
    referral.flags = [*referral.flags, "possibly_same"]
    world.refer(**who, 긴급여부="긴급")
    assert referral.flags == ["possibly_same"]
