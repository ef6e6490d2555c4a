"""Our own forms: victim support, reports, readings, answers, and what the hub tells itself."""

from __future__ import annotations

from typing import Any

import pytest

from hub.schemas.canonical import AccessClaim, AgencyClaim, AnswerClaim, Refusal, TickClaim
from hub.schemas.topics import Formats, Types

from .conftest import Intake, wrapped

VICTIM = {"case_no": "V-1", "victim": {"name": "이도윤"}, "needs": ["crime_victim"], "referred_at": "2026-11-17"}
READING = {
    "device": "d-1",
    "kind": "water_meter",
    "reading": "no_flow_hours",
    "value": 61,
    "at": "2026-11-18T06:00:00Z",
}
ANSWER = {"referral": "r-1", "change": "decline", "reason": "no_capacity", "at": "2026-11-18T06:00:00Z"}
AGENCY = {"code": "lh", "kind": "housing_corporation", "name": "LH", "purposes": ["housing"], "legal_basis": "law"}


def refused(claim: Any) -> list[tuple[str, str]]:
    assert isinstance(claim, Refusal), claim
    return [(reason.path, reason.code) for reason in claim.reasons]


def victim(intake: Intake, **changed: Any) -> Any:
    return intake("prosecutors", wrapped("prosecutors", Formats.VICTIM, data=VICTIM | changed))


def reading(intake: Intake, **changed: Any) -> Any:
    return intake("devices", wrapped("devices", Formats.DEVICE, Types.SIGNAL, data=READING | changed))


def answer(intake: Intake, **changed: Any) -> Any:
    return intake("lh", wrapped("lh", Formats.ANSWER, Types.ANSWER, data=ANSWER | changed))


def system(intake: Intake, type_: str, data: dict[str, Any]) -> Any:
    return intake("hub", wrapped("hub", Formats.SYSTEM, type_, data=data))


def test_a_consent_permits_only_purposes_that_are_known(intake: Intake) -> None:
    claim = victim(intake, consent={"by": "self", "scope": ["victim_support", "marketing"], "date": "2026-11-16"})
    assert claim.consent.purposes == ("victim_support",)
    assert claim.flags == ("consent_purpose_unknown",)


def test_the_origin_of_a_victims_referral_is_hidden_unless_it_says_otherwise(intake: Intake) -> None:
    assert (victim(intake).share_origin, victim(intake, share_origin=True).share_origin) == (False, True)


@pytest.mark.parametrize(
    ("changed", "path", "code"),
    [
        ({"needs": ["space_travel"]}, "/needs/0", "unknown_need"),
        ({"needs": []}, "/needs", "too_short"),
        ({"needs": ["food"] * 51}, "/needs", "too_long"),
        ({"referred_at": "2026-02-30"}, "/referred_at", "date_impossible"),
        ({"victim": {}}, "/victim/name", "name_missing"),
        ({"colour": "red"}, "/colour", "extra_forbidden"),
        ({"박순자": "x"}, "/?", "extra_forbidden"),
        ({"case_no": "a\x00b"}, "/case_no", "string_pattern_mismatch"),
    ],
)
def test_a_victim_form_that_says_no_referral_is_refused(
    intake: Intake, changed: dict[str, Any], path: str, code: str
) -> None:
    assert refused(victim(intake, **changed)) == [(path, code)]


@pytest.mark.parametrize(
    ("changed", "urgency", "flags"),
    [
        ({"value": 61}, "urgent", ()),
        ({"value": 24}, "urgent", ()),
        ({"value": 23.9}, "routine", ()),
        ({"value": -5}, "routine", ()),
        ({"kind": "fall_sensor", "reading": "fall", "value": 1}, "sos", ()),
        ({"kind": "fall_sensor", "reading": "fall", "value": True}, "sos", ()),
        ({"kind": "fall_sensor", "reading": "fall", "value": 0}, "routine", ()),
        ({"kind": "tea_kettle", "reading": "boils"}, "routine", ("reading_unknown",)),
    ],
)
def test_a_reading_is_as_urgent_as_the_rules_say(
    intake: Intake, changed: dict[str, Any], urgency: str, flags: tuple[str, ...]
) -> None:
    claim = reading(intake, **changed)
    assert (claim.urgency, claim.flags) == (urgency, flags)


def test_an_answer_is_what_it_says(intake: Intake) -> None:
    assert answer(intake) == AnswerClaim("r-1", "decline", "2026-11-18T06:00:00.000Z", "no_capacity")


@pytest.mark.parametrize(
    ("changed", "path", "code"),
    [
        ({"change": "explode"}, "/change", "literal_error"),
        ({"reason": "bored"}, "/reason", "literal_error"),
        ({"reason": "other"}, "/text", "text_missing"),
        ({"at": "yesterday"}, "/at", "date_impossible"),
        ({"referral": ""}, "/referral", "string_too_short"),
    ],
)
def test_an_answer_outside_the_vocabulary_is_refused(
    intake: Intake, changed: dict[str, Any], path: str, code: str
) -> None:
    assert refused(answer(intake, **changed)) == [(path, code)]


def test_an_unknown_change_is_refused_with_the_known_ones(intake: Intake) -> None:
    assert answer(intake, change="explode").reasons[0].allowed[:2] == ("accept", "decline")


def test_what_the_hub_tells_itself_is_read(intake: Intake) -> None:
    registered = system(intake, Types.AGENCY, AGENCY)
    assert registered == AgencyClaim("lh", "housing_corporation", "LH", ("housing",), "law")
    assert system(intake, Types.AGENCY_STATE, {"code": "lh", "action": "suspend"}).action == "suspend"
    tick = system(intake, Types.TICK, {"at": "2026-11-18T06:00:00Z", "through": {"hub.in.lh/0": 5}, "stuck": ["jeil"]})
    assert tick == TickClaim("2026-11-18T06:00:00.000Z", {"hub.in.lh/0": 5}, ("jeil",))
    seen = {"reader": "lh", "what": "referral", "id": "r-1", "classes": ["contact"], "purpose": "housing"}
    assert system(intake, Types.ACCESS, seen) == AccessClaim(
        "lh", "referral", "r-1", ("contact",), "housing", "2026-11-18T12:00:00.000Z"
    )


def test_nobody_else_speaks_for_the_hub(intake: Intake) -> None:
    assert refused(intake("lh", wrapped("lh", Formats.SYSTEM, Types.TICK, data={"at": "2026-11-18"}))) == [
        ("/type", "hub_only")
    ]
