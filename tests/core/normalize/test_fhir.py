"""FHIR bundles: published examples, several requests, contradictions."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from connectors.reading import Broken, read_fhir_folder
from hub.schemas.canonical import ReferralClaim, Refusal
from hub.schemas.topics import Formats

from .conftest import NOW, SAMPLES, Intake, wrapped

OWN = "urn:kr:ieum:need"
RESOURCE_TYPE = "/entry/3/resource/resourceType"


def bundle() -> dict[str, Any]:
    held: dict[str, Any] = json.loads((SAMPLES / "jinju" / "hospital-fhir-1.json").read_text("utf-8"))
    return held


def request(held: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = held["entry"][1]["resource"]
    return found


def send(intake: Intake, held: dict[str, Any]) -> Any:
    return intake("gyeongsang", wrapped("gyeongsang", Formats.FHIR, data=held))


def add(held: dict[str, Any], **resource: Any) -> dict[str, Any]:
    held["entry"].append({"resource": resource})
    return held


def child(**changed: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": "c1",
        "status": "active",
        "basedOn": [{"reference": "urn:uuid:6f0c0e4e-0001-4c58-9f3a-000000000002"}],
        "code": {"coding": [{"system": OWN, "code": "food"}]},
        **changed,
    }


@pytest.fixture(scope="module")
def gravity() -> dict[str, Any]:
    (event,) = read_fhir_folder([SAMPLES / "fhir-gravity"], "gyeongsang", key=b"k" * 32, now=NOW)
    assert not isinstance(event, Broken)
    return event


def test_published_examples_are_one_referral(intake: Intake, gravity: dict[str, Any]) -> None:
    claim = intake("gyeongsang", gravity)
    assert isinstance(claim, ReferralClaim)
    assert (claim.needs, claim.number) == (("food",), "SDOHCC-ServiceRequestActiveFoodPantryApplicationAssistExample")
    assert (claim.person.name, claim.person.birth.value, claim.person.sex) == ("COLIN V. BAXTER", "1987-02-20", "M")
    assert claim.person.local_id == "gyeongsang:1032702"
    assert claim.guardian is not None
    assert claim.guardian.relation == "Natural Mother"


def test_published_examples_contradict_themselves_and_are_recorded(intake: Intake, gravity: dict[str, Any]) -> None:
    assert {"child_completed", "task_contradicts", "procedure_contradicts", "address_unusable"} <= set(
        intake("gyeongsang", gravity).flags
    )


def test_requests_based_on_one_another_are_needs_of_one_referral(intake: Intake) -> None:
    assert send(intake, add(bundle(), **child())).needs == ("discharge_care", "food")


@pytest.mark.parametrize("status", ["revoked", "entered-in-error", "completed"])
def test_a_part_that_is_over_asks_for_nothing(intake: Intake, status: str) -> None:
    assert send(intake, add(bundle(), **child(status=status))).needs == ("discharge_care",)


def test_several_codes_of_ours_are_several_needs(intake: Intake) -> None:
    held = bundle()
    request(held)["code"]["coding"].append({"system": OWN, "code": "medical_bill"})
    assert send(intake, held).needs == ("discharge_care", "medical_bill")


def test_other_systems_codes_of_one_concept_are_one_need(intake: Intake) -> None:
    held = bundle()
    request(held)["code"]["coding"] = [
        {"system": "urn:local", "code": "X-1"},
        {"system": "http://snomed.info/sct", "code": "467771000124109"},
    ]
    assert send(intake, held).needs == ("food",)


@pytest.mark.parametrize(
    ("coding", "named"),
    [
        ([{"system": OWN, "code": "space_travel"}], "space_travel"),
        ([{"system": "http://snomed.info/sct", "code": "999"}], "999"),
        ([{"system": OWN, "code": "food"}, {"system": OWN, "code": "nonsense"}], "nonsense"),
    ],
)
def test_an_unknown_code_is_refused_and_named(intake: Intake, coding: list[dict[str, str]], named: str) -> None:
    held = bundle()
    request(held)["code"]["coding"] = coding
    refusal = send(intake, held)
    assert isinstance(refusal, Refusal)
    assert [(reason.path, reason.code) for reason in refusal.reasons] == [
        ("/entry/1/resource/code/coding", "unknown_need")
    ]
    assert named in refusal.reasons[0].text


def test_a_request_without_code_has_the_need_of_its_domain(intake: Intake) -> None:
    held = bundle()
    system = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
    request(held)["code"] = {"text": "먹거리"}
    request(held)["category"] = [{"coding": [{"system": system, "code": "food-insecurity"}]}]
    claim = send(intake, held)
    assert (claim.needs, claim.flags) == (("food",), ("need_by_category",))


@pytest.mark.parametrize(
    ("priority", "urgency"),
    [("stat", "urgent"), ("asap", "urgent"), ("urgent", "urgent"), ("routine", None), ("", None)],
)
def test_routine_leaves_the_codes_own_default(intake: Intake, priority: str, urgency: str | None) -> None:
    held = bundle()
    request(held)["priority"] = priority
    assert send(intake, held).urgency == urgency


def test_a_day_of_discharge_is_kept(intake: Intake) -> None:
    held = bundle()
    request(held)["occurrenceDateTime"] = "2026-11-25"
    claim = send(intake, held)
    assert (claim.needed_by, claim.flags) == ("2026-11-25", ())


def test_a_request_that_bears_no_date_is_as_old_as_its_envelope(intake: Intake) -> None:
    held = bundle()
    del request(held)["authoredOn"]
    claim = send(intake, held)
    assert (claim.at, claim.provenance["at"]) == ("2026-11-18T12:00:00.000Z", "/time")


@pytest.mark.parametrize(
    ("task", "flag"),
    [
        ({"status": "completed", "authoredOn": "2026-11-17T00:00:00Z"}, "task_contradicts"),
        ({"status": "accepted", "authoredOn": "2026-11-01T00:00:00Z"}, "dates_contradict"),
        (
            {"status": "accepted", "authoredOn": "2026-11-17T00:00:00Z", "lastModified": "2026-11-16T12:00:00Z"},
            "dates_contradict",
        ),
    ],
)
def test_a_contradiction_is_flagged(intake: Intake, task: dict[str, Any], flag: str) -> None:
    focus = {"reference": "urn:uuid:6f0c0e4e-0001-4c58-9f3a-000000000002"}
    assert flag in send(intake, add(bundle(), resourceType="Task", focus=focus, **task)).flags


def test_a_step_older_than_its_task_is_flagged(intake: Intake) -> None:
    focus = {"reference": "urn:uuid:6f0c0e4e-0001-4c58-9f3a-000000000002"}
    whole = {"resourceType": "Task", "id": "t1", "status": "accepted", "authoredOn": "2026-11-18T00:00:00Z"}
    step = {"resourceType": "Task", "status": "accepted", "authoredOn": "2026-11-17T00:00:00Z"}
    held = add(add(bundle(), focus=focus, **whole), partOf=[{"reference": "Task/t1"}], **step)
    assert "dates_contradict" in send(intake, held).flags
    step["authoredOn"] = "2026-11-18T01:00:00Z"
    held = add(add(bundle(), focus=focus, **whole), partOf=[{"reference": "Task/t1"}], **step)
    assert "dates_contradict" not in send(intake, held).flags


def test_a_part_asked_for_before_the_whole_is_flagged(intake: Intake) -> None:
    assert "dates_contradict" in send(intake, add(bundle(), **child(authoredOn="2026-11-01T00:00:00Z"))).flags
    assert "dates_contradict" not in send(intake, add(bundle(), **child(authoredOn="2026-11-17T00:00:00Z"))).flags


def test_a_consent_given_after_the_referral_is_flagged(intake: Intake) -> None:
    held = bundle()
    consent(held)["dateTime"] = "2026-11-16T11:00:00+09:00"
    assert "consent_after_referral" in send(intake, held).flags
    consent(held)["dateTime"] = "2026-11-16"
    assert "consent_after_referral" not in send(intake, held).flags


def consent(held: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = held["entry"][2]["resource"]
    return found


@pytest.mark.parametrize(
    ("changed", "flag"),
    [
        ({"status": "inactive"}, "consent_inactive"),
        ({"provision": {"type": "deny", "purpose": [{"code": "welfare"}]}}, "consent_refused"),
    ],
)
def test_a_consent_that_does_not_hold_is_none(intake: Intake, changed: dict[str, Any], flag: str) -> None:
    held = bundle()
    consent(held).update(changed)
    claim = send(intake, held)
    assert claim.consent is None
    assert flag in claim.flags


def test_a_purpose_nobody_knows_permits_nothing(intake: Intake) -> None:
    held = bundle()
    consent(held)["provision"]["purpose"].append({"code": "marketing"})
    claim = send(intake, held)
    assert claim.consent.purposes == ("welfare",)
    assert "consent_purpose_unknown" in claim.flags


def test_unknown_resources_and_nulls_are_tolerated(intake: Intake) -> None:
    held = add(bundle(), resourceType="Basic", anything=[{"goes": 1}])
    held["entry"][0]["resource"]["birthDate"] = None
    held["entry"].append({"request": {"method": "DELETE", "url": "Patient/1"}})
    assert send(intake, held).person.name == "박순자"


def _two_roots(held: dict[str, Any]) -> None:
    second = deepcopy(held["entry"][1])
    second["fullUrl"] = "urn:uuid:another"
    held["entry"].append(second)


def _circle(held: dict[str, Any]) -> None:
    request(held)["basedOn"] = [{"reference": held["entry"][1]["fullUrl"]}]


def _nobody(held: dict[str, Any]) -> None:
    del held["entry"][0]


def _number_of_birth(held: dict[str, Any]) -> None:
    held["entry"][0]["resource"]["birthDate"] = 19480302


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        (_two_roots, "/entry", "several_referrals"),
        (_circle, "/entry", "request_circle"),
        (lambda held: held["entry"].pop(1), "/entry", "request_missing"),
        (lambda held: request(held).update(status="revoked"), "/entry/1/resource/status", "request_revoked"),
        (lambda held: request(held).pop("identifier"), "/entry/1/resource/identifier", "number_missing"),
        (_nobody, "/entry/0/resource/subject", "name_missing"),
        (_number_of_birth, "/entry/0/resource/birthDate", "string_type"),
        (lambda held: held["entry"].append({"resource": {"resourceType": {}}}), RESOURCE_TYPE, "string_type"),
        (lambda held: held.update(entry=[]), "/entry", "too_short"),
        (lambda held: held.update(entry=held["entry"] * 100), "/entry", "too_long"),
    ],
)
def test_a_bundle_that_is_no_referral_is_refused_at_its_place(
    intake: Intake, change: Any, path: str, code: str
) -> None:
    held = bundle()
    change(held)
    refusal = send(intake, held)
    assert isinstance(refusal, Refusal)
    assert [(reason.path, reason.code) for reason in refusal.reasons] == [(path, code)]


@pytest.mark.parametrize(
    ("names", "read_as"),
    [
        ([{"text": "이전이", "period": {"end": "2001-01-01"}}, {"text": "박순자"}], "박순자"),
        ([{"text": "김별명"}, {"text": "박순자", "use": "official"}], "박순자"),
        # All have ended: the last one known.
        (
            [{"text": "이전이", "period": {"end": "2001-01-01"}}, {"text": "박순자", "period": {"end": "2020-01-01"}}],
            "박순자",
        ),
    ],
)
def test_the_name_that_holds_today_counts(intake: Intake, names: list[dict[str, Any]], read_as: str) -> None:
    held = bundle()
    patient = next(e["resource"] for e in held["entry"] if e["resource"]["resourceType"] == "Patient")
    patient["name"] = names
    assert send(intake, held).person.name == read_as


def test_a_resident_number_comes_by_its_system(intake: Intake) -> None:
    held = bundle()
    held["entry"][0]["resource"]["identifier"].insert(0, {"system": "urn:kr:rrn", "value": "480302-2345671"})
    person = send(intake, held).person
    assert (person.rrn, person.local_id) == ("4803022345671", "gyeongsang:H-100231")
