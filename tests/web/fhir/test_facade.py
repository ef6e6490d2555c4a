"""Requests in, one resource at a time or together; what the ledger says of them comes back as Tasks."""

from __future__ import annotations

from typing import Any

import pytest

from hub.errors import Retry


async def test_patient_then_request_then_task_are_one_referral(hospital: Any, made: Any) -> None:
    person = await hospital.post("Patient", made.patient())
    assert (person.status_code, person.headers["content-type"]) == (201, "application/fhir+json; charset=utf-8")
    id_ = person.json()["id"]
    assert person.headers["location"].startswith(f"http://hub/fhir/Patient/{id_}/_history/")
    asked = await hospital.post("ServiceRequest", made.request(f"Patient/{id_}"))
    assert asked.status_code == 201, asked.text
    told = await hospital.post("Task", made.task(f"ServiceRequest/{asked.json()['id']}"))
    assert told.status_code == 201
    referral = hospital.referral()
    assert (told.json()["status"], told.json()["businessStatus"]["coding"][0]["code"]) == ("received", "offered")
    assert {"system": "urn:kr:ieum:referral", "value": referral.id} in told.json()["identifier"]
    assert sum(1 for _ in hospital.world.facts("referral.recorded")) == 1
    assert sum(1 for _ in hospital.world.facts("referral.corrected")) == 0


async def test_the_same_request_twice_is_one_referral(hospital: Any, made: Any) -> None:
    person = (await hospital.post("Patient", made.patient())).json()
    again = await hospital.post("Patient", made.patient())
    assert (again.status_code, again.json()["id"]) == (200, person["id"])
    value = made.request(f"Patient/{person['id']}")
    first, second = [await hospital.post("ServiceRequest", value) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert sum(1 for _ in hospital.world.facts("referral.recorded")) == 1
    assert sum(1 for _ in hospital.world.facts("referral.corrected")) == 0


async def test_another_request_of_the_same_number_is_a_correction(hospital: Any, made: Any) -> None:
    first = await hospital.refer()
    value = made.request(first["subject"]["reference"], priority="urgent")
    second = await hospital.post("ServiceRequest", value)
    assert (second.status_code, second.json()["id"]) == (200, first["id"])
    assert hospital.referral().urgency == "urgent"
    assert sum(1 for _ in hospital.world.facts("referral.recorded")) == 1


async def test_a_transaction_is_a_referral_and_again_the_same(hospital: Any, made: Any) -> None:
    bundle = made.sample("hospital-fhir-1.json")
    first = await hospital.post("", bundle)
    assert first.status_code == 200, first.text
    answer = first.json()
    assert (answer["type"], [e["response"]["status"] for e in answer["entry"]]) == (
        "transaction-response", ["201 Created"] * 3,
    )  # fmt: skip
    second = await hospital.post("", bundle)
    assert [e["response"]["status"] for e in second.json()["entry"]] == ["200 OK"] * 3
    assert [e["response"]["location"] for e in second.json()["entry"]] == [
        e["response"]["location"] for e in answer["entry"]
    ]
    assert sum(1 for _ in hospital.world.facts("referral.recorded")) == 1
    assert hospital.referral("GS-2026-0001").code == "discharge_care"


@pytest.mark.parametrize("second", [{}, {"code": {"coding": [{"system": "urn:nobody", "code": "bogus"}]}}])
async def test_a_transaction_of_two_requests_is_refused_before_the_ledger_hears_of_either(
    hospital: Any, made: Any, second: dict[str, Any]
) -> None:
    """They would be two messages, and the ledger could take one and refuse the other."""
    people = [("Patient", made.patient())]
    asked = [
        ("ServiceRequest", made.request("urn:uuid:0") | {"identifier": [{"system": "urn:oid:1.2.3", "value": number}]})
        for number in ("TWO-1", "TWO-2")
    ]
    asked[1][1].update(second)
    entries = [
        {"fullUrl": f"urn:uuid:{n}", "resource": value, "request": {"method": "POST", "url": kind}}
        for n, (kind, value) in enumerate(people + asked)
    ]
    answer = await hospital.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    issue = answer.json()["issue"][0]
    assert (answer.status_code, issue["details"]["coding"][0]["code"]) == (400, "several_requests")
    assert issue["expression"] == ["Bundle.entry[2].resource"]
    assert sum(1 for _ in hospital.world.facts("referral.recorded")) == 0
    assert hospital.kept.rows == {}


async def test_a_request_without_its_patient_is_refused_at_the_subject(hospital: Any, made: Any) -> None:
    answer = await hospital.post("ServiceRequest", made.request("Patient/nobody"))
    assert answer.status_code == 422
    issue = answer.json()["issue"][0]
    assert (issue["expression"], issue["details"]["coding"][0]["code"]) == (["ServiceRequest.subject"], "name_missing")
    assert hospital.kept.rows == {}


async def test_an_unknown_code_is_refused_and_named(hospital: Any, made: Any) -> None:
    person = (await hospital.post("Patient", made.patient())).json()
    answer = await hospital.post("ServiceRequest", made.request(f"Patient/{person['id']}", "space_travel"))
    issue = answer.json()["issue"][0]
    assert (answer.status_code, issue["code"], issue["expression"]) == (
        422, "code-invalid", ["ServiceRequest.code.coding"],
    )  # fmt: skip
    assert "space_travel" in issue["diagnostics"]


async def test_a_draft_waits_for_its_task(hospital: Any) -> None:
    asked = await hospital.refer(status="draft")
    assert sum(1 for _ in hospital.world.facts("referral.recorded")) == 0
    told = await hospital.task(f"ServiceRequest/{asked['id']}")
    assert told["businessStatus"]["coding"][0]["code"] == "offered"
    assert sum(1 for _ in hospital.world.facts("referral.recorded")) == 1


async def test_a_consent_before_goes_along_and_one_that_comes_later_corrects(hospital: Any, made: Any) -> None:
    asked = await hospital.refer()
    answer = await hospital.post("Consent", made.consent(asked["subject"]["reference"]))
    assert answer.status_code == 201
    assert sum(1 for _ in hospital.world.facts("referral.corrected")) == 1


async def test_a_task_of_no_known_request_is_refused(hospital: Any, made: Any) -> None:
    answer = await hospital.post("Task", made.task("ServiceRequest/nothing"))
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["Task.focus"])


async def test_a_task_that_contradicts_its_request_is_recorded_and_told(hospital: Any, made: Any) -> None:
    asked = await hospital.refer()
    value = made.task(f"ServiceRequest/{asked['id']}", authoredOn="2026-10-01T00:00:00Z")
    answer = await hospital.post("Task", value, Prefer="return=OperationOutcome")
    issues = answer.json()["issue"]
    assert [(i["severity"], i["details"]["coding"][0]["code"]) for i in issues] == [("warning", "dates_contradict")]
    assert sum(1 for _ in hospital.world.facts("referral.corrected")) == 1


async def test_requests_based_on_one_another_are_needs_of_one_referral(hospital: Any, made: Any) -> None:
    asked = await hospital.refer()
    child = made.request(asked["subject"]["reference"], "discharge_care", "GS-1-b")
    child["basedOn"] = [{"reference": f"ServiceRequest/{asked['id']}"}]
    told = (await hospital.post("ServiceRequest", child)).json()
    codes = {f["code"] for f in hospital.world.facts("referral.recorded") if f.get("code")}
    assert "food" in codes
    assert sum(1 for _ in hospital.world.facts("referral.recorded")) == 2
    part = await hospital.task(f"ServiceRequest/{told['id']}")
    whole = await hospital.task(f"ServiceRequest/{asked['id']}")
    assert len([i for i in part["identifier"] if i["system"] == "urn:kr:ieum:referral"]) == 1
    assert len(whole["output"]) == 2


async def test_a_request_taken_back_withdraws_its_referral(hospital: Any) -> None:
    asked = await hospital.refer()
    answer = await hospital.ask("PUT", f"/ServiceRequest/{asked['id']}", asked | {"status": "revoked"})
    assert (answer.status_code, answer.json()["status"]) == (200, "revoked")
    assert hospital.referral().state == "withdrawn"


async def test_a_transaction_that_is_refused_takes_nothing_back(hospital: Any, made: Any) -> None:
    asked = await hospital.refer()
    others = made.request(asked["subject"]["reference"])
    other = others | {"identifier": [{"system": "urn:oid:1.2.3", "value": "NEW-1"}]}
    put = {"method": "PUT", "url": f"ServiceRequest/{asked['id']}"}
    entries = [
        {"fullUrl": "urn:uuid:0", "resource": asked | {"status": "revoked"}, "request": put},
        {"fullUrl": "urn:uuid:1", "resource": other, "request": {"method": "POST", "url": "ServiceRequest"}},
    ]
    answer = await hospital.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 400
    assert hospital.referral().state == "offered"


async def test_a_part_taken_back_leaves_the_whole(hospital: Any, made: Any) -> None:
    asked = await hospital.refer()
    part = made.request(asked["subject"]["reference"], "haircut", "GS-1-b")
    part["basedOn"] = [{"reference": f"ServiceRequest/{asked['id']}"}]
    told = (await hospital.post("ServiceRequest", part)).json()
    answer = await hospital.ask("PUT", f"/ServiceRequest/{told['id']}", told | {"status": "revoked"})
    assert (answer.status_code, answer.json()["status"]) == (200, "revoked")
    states = {r.code: r.state for c in hospital.world.state.cases.values() for r in c.referrals.values()}
    assert states["haircut"] == "withdrawn"
    assert states["food"] == "offered"


async def test_a_condition_inside_a_transaction_is_refused_not_ignored(hospital: Any, made: Any) -> None:
    bundle = made.sample("hospital-fhir-1.json")
    bundle["entry"][0]["request"]["ifNoneExist"] = "identifier=x"
    answer = await hospital.post("", bundle)
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (
        400, ["Bundle.entry[0].request.ifNoneExist"],
    )  # fmt: skip


async def test_a_patient_that_is_corrected_corrects_the_referral(hospital: Any, made: Any) -> None:
    asked = await hospital.refer()
    path = f"/{asked['subject']['reference']}"
    answer = await hospital.ask("PUT", path, made.patient(birthDate="1950-04-06"))
    assert answer.status_code == 200
    assert sum(1 for _ in hospital.world.facts("referral.corrected")) == 1


async def test_what_the_ledger_has_not_decided_is_202_and_requested(hospital: Any, made: Any) -> None:
    person = (await hospital.post("Patient", made.patient())).json()
    hospital.ledger.silent = True
    asked = await hospital.post("ServiceRequest", made.request(f"Patient/{person['id']}"))
    assert asked.status_code == 202
    hospital.ledger.silent = False
    told = await hospital.task(f"ServiceRequest/{asked.json()['id']}")
    assert (told["status"], told["businessStatus"]["coding"][0]["code"]) == ("requested", "pending")


async def test_a_late_refusal_is_a_rejected_task_with_its_reasons(hospital: Any, made: Any) -> None:
    hospital.ledger.silent = True
    asked = await hospital.post("ServiceRequest", made.request("Patient/nobody"))
    assert asked.status_code == 202
    told = (await hospital.post("Task", made.task(f"ServiceRequest/{asked.json()['id']}"))).json()
    hospital.ledger.silent = False
    for topic, key, value in list(hospital.ledger.published):
        await hospital.ledger.publish(topic, key, value)
    late = (await hospital.get(f"Task/{told['id']}")).json()
    assert (late["status"], late["statusReason"]["coding"][0]["code"]) == ("rejected", "name_missing")


async def test_ids_of_ones_own_may_be_uuids(hospital: Any, made: Any) -> None:
    person, asked, told = (f"6f0c0e4e-0001-4c58-9f3a-00000000000{n}" for n in (1, 2, 3))
    for path, value in (
        (f"Patient/{person}", made.patient()),
        (f"ServiceRequest/{asked}", made.request(f"Patient/{person}")),
        (f"Task/{told}", made.task(f"ServiceRequest/{asked}")),
    ):
        answer = await hospital.ask("PUT", f"/{path}", value | {"id": path.partition("/")[2]})
        assert answer.status_code == 201, answer.text
    assert (await hospital.get(f"Task/{told}")).json()["status"] == "received"


async def test_if_none_exist_finds_what_is_there(hospital: Any, made: Any) -> None:
    first = (await hospital.post("Patient", made.patient())).json()
    other = made.patient(birthDate="1950-04-06")
    again = await hospital.post("Patient", other, If_None_Exist="identifier=urn:kr:hospital:gyeongsang|H-7")
    assert (again.status_code, again.json()["id"], again.json()["birthDate"]) == (200, first["id"], "1950-04-05")


async def test_prefer_says_what_a_create_is_answered_with(hospital: Any, made: Any) -> None:
    minimal = await hospital.post("Patient", made.patient(), Prefer="return=minimal")
    outcome = await hospital.post("Patient", made.patient(), Prefer="return=OperationOutcome")
    assert (minimal.content, outcome.json()["resourceType"]) == (b"", "OperationOutcome")


async def test_an_update_of_an_older_version_changes_nothing(hospital: Any) -> None:
    asked = await hospital.refer()
    path = f"/ServiceRequest/{asked['id']}"
    wrong = await hospital.ask("PUT", path, asked | {"priority": "urgent"}, If_Match='W/"old"')
    assert (wrong.status_code, hospital.referral().urgency) == (412, "routine")
    tag = (await hospital.get(path[1:])).headers["etag"]
    right = await hospital.ask("PUT", path, asked | {"priority": "urgent"}, If_Match=tag)
    assert (right.status_code, hospital.referral().urgency) == (200, "urgent")
    assert (await hospital.get(path[1:], If_None_Match=right.headers["etag"])).status_code == 304


async def test_reads_of_personal_data_leave_a_trace(hospital: Any) -> None:
    asked = await hospital.refer()
    before = sum(1 for _ in hospital.world.facts("access.recorded"))
    person = asked["subject"]["reference"]
    assert (await hospital.get(person)).json()["birthDate"] == "1950-04-05"
    (last,) = list(hospital.world.facts("access.recorded"))[before:]
    assert (last["reader"], last["what"], last["classes"]) == ("gyeongsang", "patient", ["contact", "identity"])


async def test_anothers_resources_are_the_same_404_as_nonsense(hospital: Any) -> None:
    asked = await hospital.refer()
    person = asked["subject"]["reference"]
    answers = [await hospital.get(p, agency="jeil") for p in (person, f"ServiceRequest/{asked['id']}", "Task/none")]
    answers += [await hospital.get(f"{kind}/{hospital.referral().id}", agency="jeil") for kind in ("Task", "Patient")]
    assert {a.status_code for a in answers} == {404}
    assert len({a.text for a in answers}) == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/Patient/nothing", 404, "not-found"),
        ("GET", "/Nonsense/1", 404, "not-found"),
        ("DELETE", "/Patient/1", 405, "not-supported"),
        ("GET", "/a/b/c/d", 404, "not-found"),
        ("GET", "/Task", 400, "invalid"),
        ("GET", "/Task?status=accepted", 400, "invalid"),
        ("GET", "/Task?_lastUpdated=yesterday", 400, "invalid"),
        ("POST", "/Patient", 400, "invalid"),
    ],
)
async def test_every_no_is_an_operation_outcome(hospital: Any, method: str, path: str, status: int, code: str) -> None:
    answer = await hospital.ask(method, path)
    value = answer.json()
    assert (answer.status_code, value["resourceType"], value["issue"][0]["code"]) == (status, "OperationOutcome", code)
    assert answer.headers["content-type"].startswith("application/fhir+json")


async def test_strangers_wrong_types_and_sizes_are_outcomes_too(hospital: Any, made: Any) -> None:
    stranger = await hospital.ask("GET", "/Patient/1", Authorization="")
    form = await hospital.ask("POST", "/Patient", made.patient(), Content_Type="application/fhir+xml")
    large = await hospital.ask("POST", "/Patient", b"{" + b" " * 1_048_577 + b"}")
    xml = await hospital.ask("GET", "/Patient/1", Accept="application/fhir+xml")
    told = [(a.status_code, a.json()["issue"][0]["code"]) for a in (stranger, form, large, xml)]
    assert told == [(401, "login"), (415, "not-supported"), (413, "too-long"), (406, "not-supported")]


def _away(*_: object) -> None:
    raise Retry("PostgreSQL is away")


async def test_what_is_away_is_an_outcome_with_a_time_to_wait(
    hospital: Any, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hospital.kept, "get", _away)
    answer = await hospital.post("Patient", made.patient())
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (503, "transient")
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("value", "element"),
    [
        ({"birthDate": 1950}, "Patient.birthDate"),
        ({"name": [{"text": ["x"]}]}, "Patient.name[0].text"),
        ({"resourceType": "Person"}, "Patient.resourceType"),
    ],
)
async def test_a_wrong_element_is_named(hospital: Any, made: Any, value: Any, element: str) -> None:
    answer = await hospital.post("Patient", made.patient() | value)
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, [element])


async def test_the_statement_is_for_everybody(hospital: Any) -> None:
    answer = await hospital.ask("GET", "/metadata", Authorization="")
    assert (answer.status_code, answer.json()["fhirVersion"]) == (200, "4.0.1")
