"""Who is who, when people say so and when a key stops saying anything: what is recorded, and what follows from it."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from hub.core.decide import Outcome, reviews
from hub.core.state import GENERIC
from hub.schemas.topics import Formats, Types
from tests.core.decide.world import World

FIRST = {
    "성명": "강복남",
    "생년월일": "1951-04-03",
    "전화번호": "010-4111-7222",
    "주소": "진주시 평거로 88, 205동 301호",
}
#: The same woman after a move, under a name as the clerk heard it: no machine would dare.
MOVED = {"성명": "강보람", "생년월일": "", "전화번호": "010-9333-1444", "주소": "진주시 상봉로 12, 1동 102호"}


def person_of(world: World, outcome: Outcome) -> str:
    return world.state.person_of(world.referral(outcome).record)


def kinds(outcome: Outcome) -> list[str]:
    return [e["kind"] for e in outcome.entries]


def reason(outcome: Outcome) -> str:
    assert outcome.verdict == "refused", kinds(outcome)
    return outcome.reasons[0].code


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def two(world: World) -> tuple[str, str]:
    """Two persons the machine sees no reason to link, each asking for food."""
    one, other = world.refer(**FIRST), world.refer(**MOVED)
    return person_of(world, one), person_of(world, other)


def test_a_merge_makes_one_person_and_one_request(world: World, two: tuple[str, str]) -> None:
    older, younger = two
    outcome = world.judge("same", persons=[older, younger])
    assert kinds(outcome)[:2] == ["identity.decided", "person.merged"]
    assert set(kinds(outcome)[2:]) == {"household.changed", "referral.duplicated"}
    assert world.state.living(younger) == older
    merged = next(world.facts("person.merged"))
    assert (merged["absorbed"], merged["into"], len(merged["referrals"])) == (younger, older, 1)


def test_a_merge_takes_nothing_from_whom_somebody_works_on(world: World) -> None:
    older, younger = world.referral(world.refer(**FIRST)), world.referral(world.refer(**MOVED))
    world.answer(younger.receiver, younger.id, "accept")
    world.judge("same", persons=[world.state.person_of(older.record), world.state.person_of(younger.record)])
    assert (younger.state, older.state, older.duplicate_of) == ("accepted", "duplicate", younger.id)


def test_an_unmerge_gives_back_both_persons_their_requests_and_their_ids(world: World, two: tuple[str, str]) -> None:
    older, younger = two
    asked = {r.receiver for c in world.state.cases.values() for r in c.referrals.values()}
    world.judge("same", persons=[older, younger])
    outcome = world.judge("apart", persons=[younger])  # by its former id
    assert kinds(outcome)[:2] == ["identity.decided", "person.split"]
    assert {p for p, records in world.state.persons.items() if records} == {older, younger}
    assert (world.state.living(older), world.state.living(younger)) == (older, younger)
    every = [r for c in world.state.cases.values() for r in c.referrals.values()]
    assert sorted(r.state for r in every) == ["offered", "offered"]
    assert {r.receiver for r in every} == asked  # nobody had refused, so the same agencies are asked again


def test_the_machine_never_undoes_a_human_cannot_link(world: World) -> None:
    one, other = world.refer(**FIRST), world.refer("세탁", **FIRST)
    person = person_of(world, one)
    assert person_of(world, other) == person
    world.judge("apart", persons=[person], records=[world.referral(other).record])
    assert person_of(world, other) != person
    for need in ("도배", "청소", "동행", "이미용", "냉난방"):
        world.refer(need, **FIRST)
    assert person_of(world, other) != person_of(world, one)


def test_merge_then_unmerge_is_the_cannot_link_alone_whoever_arrives_in_between(world: World) -> None:
    plain = World()
    between = [MOVED | {"생년월일": "1951-04-03"}, FIRST | {"전화번호": "010-9333-1444"}]
    for each in (world, plain):
        first, second = each.refer(id_="a", **FIRST), each.refer(id_="b", **MOVED)
        pair = [person_of(each, first), person_of(each, second)]
        if each is world:
            each.judge("same", persons=pair)
        for n, cells in enumerate(between):
            each.refer("세탁", id_=f"between-{n}", **cells)
        records = [each.referral(o).record for o in (first, second)]
        if each is world:
            each.judge("apart", persons=[pair[0]])
        else:
            judge_apart(each, *records)
    assert partition(world) == partition(plain)


def judge_apart(world: World, one: str, other: str) -> None:
    """A cannot-link between two records that are two persons already is said in answer to a review."""
    left, right = world.state.records[one], world.state.records[other]
    left.apart, right.apart = (other,), (one,)


def partition(world: World) -> set[frozenset[str]]:
    """Persons as the sets of their source's message ids."""
    ids = {}
    for arrival, outcome in world.arrivals:
        for entry in outcome.entries:
            if entry["kind"] == "referral.recorded":
                ids[entry["facts"]["record"]] = orjson.loads(arrival.value)["id"]
    return {frozenset(ids[r] for r in records) for records in world.state.persons.values() if records}


# ------------------------------------------------------------------ who may, and what is refused
def test_what_cannot_be_decided_is_refused_with_its_reason(world: World, two: tuple[str, str]) -> None:
    older, younger = two
    nobody = "00000000-0000-8000-8000-000000000000"
    assert reason(world.judge("same", persons=[older, nobody])) == "unknown_person"
    assert reason(world.judge("same", persons=[older, older])) == "already_one"
    assert reason(world.judge("apart", persons=[older])) == "records_missing"
    mine = world.state.persons[older]
    assert reason(world.judge("apart", persons=[older], records=list(mine))) == "nothing_left"
    assert reason(world.judge("apart", persons=[older], records=[nobody])) == "unknown_record"
    assert reason(world.judge("same", review=nobody)) == "unknown_review"
    assert reason(world.judge("same", persons=[older, younger], agency="sangbong")) == "not_allowed"
    assert reason(world.judge("same", persons=[older, younger], reason="other")) == "text_missing"
    assert reason(world.judge("same", persons=[older, younger], records=["x"])) == "subject"


def test_a_merge_with_a_former_id_of_the_same_person_is_no_circle(world: World, two: tuple[str, str]) -> None:
    older, younger = two
    world.judge("same", persons=[older, younger])
    assert reason(world.judge("same", persons=[younger, older])) == "already_one"
    third = person_of(world, world.refer(성명="문석빈", 생년월일="1933-01-15"))
    world.judge("same", persons=[third, younger])
    assert {world.state.living(p) for p in (older, younger, third)} == {older}


def test_what_only_victim_support_knows_is_no_person_to_the_city(world: World, two: tuple[str, str]) -> None:
    hidden = person_of(world, world.refer("심리상담", agency="prosecutors", **FIRST | {"성명": "윤달래"}))
    case, referral = next(world.state.referrals_of(hidden))
    referral.secret = True
    assert case.id
    assert reason(world.judge("same", persons=[two[0], hidden])) == "unknown_person"


# ------------------------------------------------------------------ reviews
def twins(world: World) -> tuple[Outcome, Outcome]:
    shared = {"생년월일": "1951-04-03", "전화번호": "010-4111-7222", "주소": "진주시 평거로 88, 205동 301호"}
    return world.refer(성명="강복남", **shared), world.refer(성명="강복순", **shared)


def test_twins_who_ask_for_the_same_are_a_question_for_a_person(world: World) -> None:
    one, other = twins(world)
    asked = next(world.facts("review.opened"))
    assert (asked["guard"], asked["human"], asked["consequences"]) == ("twin", True, ["duplicate"])
    assert {asked["person"], asked["possibly"]} == {person_of(world, one), person_of(world, other)}
    assert world.referral(other).state == "offered"  # nobody waits for the answer
    assert "possibly_same" in world.referral(other).flags


@pytest.mark.parametrize("decision", ["same", "apart"])
def test_the_answer_to_a_review_holds(world: World, decision: str) -> None:
    one, other = twins(world)
    review = next(world.facts("review.opened"))["review"]
    world.judge(decision, review=review)
    assert world.state.reviews[review].decided == decision
    for name in ("강복남", "강복순", "강복남"):
        world.refer("세탁", 성명=name, 생년월일="1951-04-03", 주소="진주시 평거로 88, 205동 301호")
    assert (person_of(world, one) == person_of(world, other)) == (decision == "same")


def test_a_review_ranks_by_probability_times_consequence() -> None:
    assert [reviews.chance(bits) for bits in (-900, -400, 0, 400, 990, 5000)] == [59, 59, 500, 941, 998, 999]
    assert reviews.WEIGHTS["safety"] > reviews.WEIGHTS["duplicate"] > reviews.WEIGHTS["money"] > 0


# ------------------------------------------------------------------ households
def home_of(world: World, outcome: Outcome) -> str:
    return world.state.home(person_of(world, outcome))


def test_a_household_is_split_by_hand_and_stays_split_until_somebody_moves(world: World) -> None:
    who = {"성명": "문석빈", "생년월일": "1970-01-15", "전화번호": "010-5111-2333", "성별": "남"}
    one = world.refer(**FIRST)
    lodger = world.refer(**who, 주소=FIRST["주소"])
    assert home_of(world, one) == home_of(world, lodger)
    case = home_of(world, one)
    outcome = world.settle("split", case=case, persons=[person_of(world, lodger)])
    assert kinds(outcome) == ["household.decided", "household.changed"]
    assert home_of(world, lodger) != case
    assert world.referral(lodger).id in world.state.cases[case].referrals  # made for the household of then
    world.refer("세탁", **who, 주소=FIRST["주소"])
    assert set(world.state.cases[case].members) == {person_of(world, one)}
    world.refer("청소", **who, 주소=MOVED["주소"], 접수일자="2026-11-02")
    assert home_of(world, lodger) == world.state.units[world.state.dwelling(person_of(world, lodger))]


def test_two_households_are_joined_by_hand(world: World) -> None:
    one, other = world.refer(**FIRST), world.refer(**MOVED)
    left, case = home_of(world, other), home_of(world, one)
    outcome = world.settle("join", case=case, other=left)
    assert kinds(outcome)[:2] == ["household.decided", "household.changed"]
    assert set(world.state.cases[case].members) == {person_of(world, one), person_of(world, other)}
    assert world.state.cases[left].members == {}
    assert reason(world.settle("join", case=case, other=left)) == "nobody_left"
    assert reason(world.settle("split", case=case, persons=[person_of(world, one), person_of(world, other)])) == (
        "nobody_left"
    )
    assert reason(world.settle("split", case=case, persons=["nobody"])) == "unknown_person"
    assert reason(world.settle("join", case=case, other=case)) == "unknown_case"
    assert reason(world.settle("split", case=case, persons=[person_of(world, one)], agency="sangbong")) == "not_allowed"


def test_whoever_was_joined_by_hand_can_be_split_off_again_and_stays_away(world: World) -> None:
    one, other = world.refer(**FIRST), world.refer(**MOVED)
    case, joined = home_of(world, one), person_of(world, other)
    world.settle("join", case=case, other=home_of(world, other))
    world.settle("split", case=case, persons=[joined])
    said = list(world.facts("household.decided"))[-1]
    assert said["records"] == [world.referral(other).record]  # of another dwelling: all there are
    assert world.state.home(joined) != case
    world.refer("세탁", **FIRST)
    assert joined not in world.state.cases[case].members


# ------------------------------------------------------------------ keys that stop saying anything
def crowd(world: World, order: list[dict[str, str]]) -> None:
    for cells in order:
        world.refer(id_=cells["성명"] + cells["생년월일"], **cells)
    world.pages()


def sharing_a_phone() -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Two mentions of one woman that only a phone links, and as many others with that phone as make it generic."""
    bare = {"생년월일": "", "주소": "", "성별": "", "전화번호": "010-4111-7222"}
    surnames, given = "김이박최정강조윤장임", "가나다라마바사아자차카타파하거너더러머버"
    others = [bare | {"성명": s + g * 2} for s in surnames for g in given]
    return [bare | {"성명": "남궁달래"}, bare | {"성명": "남궁달래 "}], others[: GENERIC - 1]


def test_links_that_rest_on_a_retired_key_alone_are_dropped_in_any_order() -> None:
    pair, others = sharing_a_phone()
    many = [*pair, *others]
    parts: list[Any] = []
    for seed in (None, 1):
        order = list(many)
        if seed is not None:
            random.Random(seed).shuffle(order)  # noqa: S311 - an order
        world = World()
        world.refer(id_=pair[0]["성명"], **pair[0])
        together = world.refer(id_=pair[1]["성명"], **pair[1])
        linked = len(world.state.persons[person_of(world, together)])
        world = World()
        crowd(world, order)
        assert len(list(world.facts("key.retired"))) == 1
        assert [f["more"] for f in world.facts("identity.redone")] == [True, True, True, True, False]
        parts.append((linked, partition(world)))
    assert parts[0] == parts[1]
    assert parts[0][0] == 2
    assert max(len(group) for group in parts[0][1]) == 1


def test_only_the_hub_continues_work(world: World) -> None:
    data = {"work": "redo", "key": 1, "before": 1}
    assert world.send("sangbong", Types.CONTINUE, Formats.SYSTEM, data).verdict == "refused"
