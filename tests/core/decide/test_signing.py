"""Once an agency's key is registered, what is not signed with it is refused, and takes nothing from what is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.core.decide import Outcome
from hub.schemas import topics
from hub.schemas.canonical import AgencyClaim
from tests.core.decide.signing import AGENCY, MINE, NEXT, STRANGER, change_key, post, row, signer
from tests.core.decide.world import World, registration


def code_of(outcome: Outcome) -> str:
    return outcome.reasons[0].code if outcome.reasons else ""


def facts(world: World, place: int = -1) -> dict[str, Any]:
    held: dict[str, Any] = orjson.loads(world.entries[place])["facts"]
    return held


@pytest.fixture
def world() -> World:
    made = World()
    assert change_key(made, MINE.kid).verdict == "recorded"
    return made


# ------------------------------------------------------------------ keys
def test_a_key_stands_in_the_ledger_and_in_the_directory(world: World) -> None:
    assert world.state.directory[AGENCY].keys == (MINE.kid,)
    entry = facts(world)
    assert (entry["agency"], entry["key_change"], entry["key"], entry["state"]) == (AGENCY, "added", MINE.kid, "active")
    assert f"a:{AGENCY}" in entry["audience"]
    assert change_key(world, MINE.kid, add=False).verdict == "recorded"
    assert world.state.directory[AGENCY].keys == ()


def test_only_the_city_registers_keys(world: World) -> None:
    outcome = change_key(world, STRANGER.kid, by=AGENCY)
    assert [r.code for r in outcome.reasons] == ["signature_missing", "hub_only"]
    assert code_of(change_key(world, STRANGER.kid, by="lh")) == "hub_only"
    assert world.state.directory[AGENCY].keys == (MINE.kid,)


def test_what_cannot_be_registered_or_removed_is_refused(world: World) -> None:
    assert [r.text for r in change_key(world, MINE.kid).reasons] == ["this key is registered already"]
    assert [r.text for r in change_key(world, "x").reasons] == ["this is no public key of Ed25519 or P-256"]
    assert [r.text for r in change_key(world, NEXT.kid, add=False).reasons] == ["this key is not registered"]
    assert code_of(change_key(world, NEXT.kid, agency="nobody")) == "agency_unknown"
    assert [change_key(world, signer(f"k{n}").kid).verdict for n in range(8)] == ["recorded"] * 7 + ["refused"]


def test_an_account_made_again_keeps_its_keys(world: World) -> None:
    claim = AgencyClaim(AGENCY, "welfare_center", "상봉복지관", ("welfare",), "consent_self")
    again = registration(claim) | {"id": "again"}
    assert world.post(topics.RULES, again).verdict == "recorded"
    assert world.state.directory[AGENCY].name == "상봉복지관"
    assert code_of(post(world, row(1))) == "signature_missing"


# ------------------------------------------------------------------ events
def test_without_a_key_signatures_are_not_asked_for() -> None:
    world = World()
    assert [post(world, row(n), by).verdict for n, by in enumerate((None, MINE, STRANGER), 1)] == ["recorded"] * 3
    broken = STRANGER.sign(row(9)) | {"jws": "a..b"}
    assert post(world, broken).verdict == "recorded"


def test_what_is_signed_with_the_registered_key_is_decided(world: World) -> None:
    assert post(world, row(1), MINE).verdict == "recorded"
    assert post(world, row(1), MINE).verdict == "seen"


@pytest.mark.parametrize(
    ("by", "change", "code"),
    [
        (None, {}, "signature_missing"),
        (STRANGER, {}, "key_unknown"),
        (MINE, {"time": "2026-11-02T00:00:01.000Z"}, "signature_invalid"),
        (MINE, {"id": "other"}, "signature_invalid"),
        (MINE, {"partitionkey": "other"}, "signature_invalid"),
        (MINE, {"data": row(2)["data"]}, "signature_invalid"),
        (MINE, {"jws": "a..b"}, "signature_invalid"),
    ],
)
def test_everything_else_is_refused_with_the_reason_and_the_agency_sees_it(
    world: World, by: Any, change: dict[str, Any], code: str
) -> None:
    cases = len(world.state.cases)
    event = by.sign(row(1)) if by else row(1)
    outcome = post(world, event | change)
    assert (outcome.verdict, code_of(outcome)) == ("unsigned", code)
    entry = facts(world)
    assert (entry["agency"], entry["audience"], entry["counts"]) == (AGENCY, [f"a:{AGENCY}"], False)
    assert (entry["reasons"][0]["path"], entry["reasons"][0]["code"]) == ("/jws", code)
    assert len(world.state.cases) == cases


def test_answers_and_what_is_no_message_are_no_way_around(world: World) -> None:
    assert world.answer(AGENCY, "00000000-0000-8000-8000-000000000001", "accept").verdict == "unsigned"
    unreadable = world.post(topics.inbound(AGENCY), b"\xff")
    assert unreadable.verdict == "unsigned"
    assert [r.code for r in unreadable.reasons] == ["signature_missing", "not_utf8"]
    assert not facts(world)["counts"]


def test_another_agencys_key_is_no_key_of_this_one(world: World) -> None:
    assert change_key(world, STRANGER.kid, agency="lh").verdict == "recorded"
    assert code_of(post(world, row(1), STRANGER)) == "key_unknown"


def test_two_keys_hold_while_one_is_replaced_by_the_other(world: World) -> None:
    change_key(world, NEXT.kid)
    assert [post(world, row(n), by).verdict for n, by in ((1, MINE), (2, NEXT))] == ["recorded", "recorded"]
    assert post(world, row(1), NEXT).verdict == "seen"
    change_key(world, MINE.kid, add=False)
    assert code_of(post(world, row(3), MINE)) == "key_unknown"
    assert post(world, row(4), NEXT).verdict == "recorded"
    change_key(world, NEXT.kid, add=False)
    assert post(world, row(5)).verdict == "recorded"


# ------------------------------------------------------------------ what a stranger's copy takes: nothing
def test_a_strangers_copy_does_not_use_up_the_id(world: World) -> None:
    first = post(world, row(1))
    assert post(world, row(1)).verdict == "seen"
    signed = post(world, row(1), MINE)
    assert (first.verdict, signed.verdict) == ("unsigned", "recorded")
    assert [post(world, row(1), by).verdict for by in (MINE, None, STRANGER)] == ["seen"] * 3
    assert post(world, row(1), MINE).first_position == signed.first_position


def test_nor_does_one_with_other_data(world: World) -> None:
    assert post(world, row(1) | {"data": row(2)["data"]}).verdict == "unsigned"
    assert post(world, row(1), MINE).verdict == "recorded"
    # The id is taken now, by what was signed.
    other = post(world, row(1) | {"data": row(3)["data"]}, MINE)
    assert (other.verdict, code_of(other)) == ("refused", "id_conflict")
    assert post(world, row(1) | {"data": row(3)["data"]}, MINE).verdict == "seen"


def test_an_event_sent_before_its_key_was_registered_is_decided_when_it_comes_again(world: World) -> None:
    assert code_of(post(world, row(1), NEXT)) == "key_unknown"
    change_key(world, NEXT.kid)
    assert post(world, row(1), NEXT).verdict == "recorded"


def test_what_was_recorded_unsigned_before_the_first_key_is_seen_when_it_comes_signed() -> None:
    world = World()
    assert post(world, row(1)).verdict == "recorded"
    change_key(world, MINE.kid)
    assert [post(world, row(1), by).verdict for by in (MINE, None)] == ["seen", "seen"]


def test_a_signed_event_that_is_refused_for_its_content_stays_refused(world: World) -> None:
    assert post(world, row(1, 욕구="없는 것"), MINE).verdict == "refused"
    assert post(world, row(1, 욕구="없는 것"), MINE).verdict == "seen"


def test_a_flood_of_unsigned_events_does_not_stop_the_agency(world: World) -> None:
    assert {post(world, row(n)).verdict for n in range(100, 300)} == {"unsigned"}
    assert world.state.directory[AGENCY].state == "active"
    assert post(world, row(1), MINE).verdict == "recorded"
