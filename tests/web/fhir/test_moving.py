"""A hospital that receives: Task.status as changes of the referral, the ledger's verdict as the answer."""

from __future__ import annotations

from typing import Any

import pytest

from hub.web.fhir.tasks import ASKS, TABLE


async def offered(hospital: Any) -> tuple[str, str]:
    """A referral offered to somebody: (its id, who)."""
    hospital.world.refer("식품", agency="sangbong", 의뢰번호="SB-9")
    referral = hospital.referral("SB-9")
    assert referral.state == "offered"
    return referral.id, referral.receiver


async def put(hospital: Any, id_: str, status: str, agency: str, **more: Any) -> Any:
    value = {"resourceType": "Task", "id": id_, "status": status, "intent": "order"} | more
    return await hospital.ask("PUT", f"/Task/{id_}", value, agency=agency)


async def test_a_receiver_takes_a_referral_all_the_way(hospital: Any) -> None:
    id_, who = await offered(hospital)
    seen = (await hospital.get(f"Task/{id_}", agency=who)).json()
    assert (seen["status"], seen["for"]) == ("requested", {"display": "withheld until accepted"})
    assert (await hospital.get(f"Patient/{id_}", agency=who)).status_code == 404
    for status in ("accepted", "in-progress", "on-hold", "in-progress", "completed"):
        answer = await put(hospital, id_, status, who)
        assert (answer.status_code, answer.json()["status"]) == (200, status), answer.text
    assert hospital.referral("SB-9").state == "delivered"
    person = (await hospital.get(f"Patient/{id_}", agency=who)).json()
    assert person["name"][0]["text"]


async def test_the_source_sees_its_own_task_move(hospital: Any) -> None:
    asked = await hospital.refer()
    told = await hospital.task(f"ServiceRequest/{asked['id']}")
    referral = hospital.referral()
    seen = []
    for change in ("accept", "start", "deliver"):
        hospital.world.wait(minutes=1)
        hospital.world.answer(referral.receiver, referral.id, change)
        seen.append((await hospital.get(f"Task/{told['id']}")).json())
    assert [t["status"] for t in seen] == ["accepted", "in-progress", "completed"]
    assert [t["meta"]["lastUpdated"] for t in seen] == sorted({t["meta"]["lastUpdated"] for t in seen})
    assert len({t["meta"]["versionId"] for t in seen}) == 3
    assert seen[-1]["output"][0]["valueCodeableConcept"]["coding"][0]["code"] == "delivered"
    assert seen[-1]["owner"]["display"]
    assert (await hospital.get(f"ServiceRequest/{asked['id']}")).json()["status"] == "completed"


async def test_the_same_status_again_asks_for_nothing(hospital: Any) -> None:
    id_, who = await offered(hospital)
    await put(hospital, id_, "accepted", who)
    entries = len(hospital.world.entries)
    again = await put(hospital, id_, "accepted", who)
    assert (again.status_code, again.json()["status"]) == (200, "accepted")
    changed = [e for e in hospital.world.entries[entries:] if b'"referral.changed"' in e]
    assert changed == []


async def test_an_illegal_status_is_409_with_what_is_allowed(hospital: Any) -> None:
    id_, who = await offered(hospital)
    answer = await put(hospital, id_, "completed", who)
    issues = answer.json()["issue"]
    assert (answer.status_code, issues[0]["code"], issues[0]["expression"]) == (409, "conflict", ["Task.status"])
    assert {c["code"] for c in issues[1]["details"]["coding"]} == {"accepted", "rejected"}


async def test_a_rejection_needs_a_reason_and_then_goes_on(hospital: Any) -> None:
    id_, who = await offered(hospital)
    bare = await put(hospital, id_, "rejected", who)
    assert (bare.status_code, bare.json()["issue"][0]["expression"]) == (422, ["Task.statusReason"])
    unknown = await put(
        hospital, id_, "rejected", who, statusReason={"coding": [{"system": "urn:kr:ieum:reason", "code": "tired"}]}
    )
    assert (unknown.status_code, "tired" in unknown.json()["issue"][0]["diagnostics"]) == (400, True)
    reason = {"coding": [{"system": "urn:kr:ieum:reason", "code": "no_capacity"}], "text": "이번 달 마감"}
    done = await put(hospital, id_, "rejected", who, statusReason=reason)
    assert (done.status_code, done.json()["status"]) == (200, "rejected"), done.text
    assert hospital.referral("SB-9").receiver != who


async def test_words_without_a_code_are_another_reason(hospital: Any) -> None:
    id_, who = await offered(hospital)
    done = await put(hospital, id_, "rejected", who, statusReason={"text": "담당자 부재"})
    assert done.status_code == 200
    assert [f["reason"] for f in hospital.world.facts("referral.changed")] == ["other"]


async def test_a_source_may_cancel_and_nothing_else(hospital: Any) -> None:
    asked = await hospital.refer()
    told = await hospital.task(f"ServiceRequest/{asked['id']}")
    refused = await hospital.ask("PUT", f"/Task/{told['id']}", told | {"status": "completed"})
    assert refused.status_code == 409
    assert [c["code"] for c in refused.json()["issue"][1]["details"]["coding"]] == ["cancelled"]
    done = await hospital.ask("PUT", f"/Task/{told['id']}", told | {"status": "cancelled"})
    assert (done.status_code, done.json()["status"], hospital.referral().state) == (200, "cancelled", "withdrawn")


async def test_words_of_ones_own_task_may_change_without_moving_it(hospital: Any) -> None:
    asked = await hospital.refer()
    told = await hospital.task(f"ServiceRequest/{asked['id']}")
    entries = len(hospital.world.entries)
    done = await hospital.ask("PUT", f"/Task/{told['id']}", told | {"description": "문의는 원무과"})
    assert (done.status_code, done.json()["description"], done.json()["status"]) == (200, "문의는 원무과", "received")
    assert len(hospital.world.entries) == entries


async def test_a_stranger_moves_nothing_and_learns_nothing(hospital: Any) -> None:
    id_, who = await offered(hospital)
    assert who != "jeil"
    nonsense = await put(hospital, "00000000-0000-8000-8000-000000000000", "accepted", "jeil")
    answer = await put(hospital, id_, "accepted", "jeil")
    assert (answer.status_code, answer.text) == (422, nonsense.text)
    assert answer.json()["issue"][0]["expression"] == ["Task.focus"]
    assert hospital.referral("SB-9").state == "offered"


async def test_a_duplicate_says_so_and_names_the_earlier_one(hospital: Any) -> None:
    hospital.world.refer("식품", agency="sangbong", 성명="박하나", 생년월일="1950-04-05", 전화번호="010-3333-4444",
                         주소="진주시 평거로 88, 203동 501호")  # fmt: skip
    asked = await hospital.refer()
    told = await hospital.task(f"ServiceRequest/{asked['id']}")
    assert (told["status"], told["businessStatus"]["coding"][0]["code"]) == ("received", "duplicate")
    assert hospital.referral().duplicate_of in told["note"][0]["text"]


async def test_what_moved_is_found_in_order_and_in_pages(hospital: Any) -> None:
    for n in range(5):
        person = {"identifier": [{"value": f"H-{n}"}], "birthDate": f"195{n}-01-02"}
        made = await hospital.post("Patient", person | {"resourceType": "Patient", "name": [{"text": f"이가나{n}"}]})
        value = await hospital.post("ServiceRequest", {
            "resourceType": "ServiceRequest", "status": "active", "intent": "order",
            "identifier": [{"value": f"N-{n}"}], "subject": {"reference": f"Patient/{made.json()['id']}"},
            "code": {"coding": [{"system": "urn:kr:ieum:need", "code": "food"}]},
        })  # fmt: skip
        assert value.status_code == 201, value.text
    before = hospital.world.now
    hospital.world.wait(minutes=1)
    moved = [hospital.referral(f"N-{n}") for n in (3, 1)]
    for referral in moved:
        hospital.world.answer(referral.receiver, referral.id, "accept")
    found = (await hospital.get(f"Task?_lastUpdated=gt{before}")).json()
    assert [e["resource"]["id"] for e in found["entry"]] == [r.id for r in moved]
    first = (await hospital.get(f"Task?_lastUpdated=gt{before}&_count=1")).json()
    (link,) = [link["url"] for link in first["link"] if link["relation"] == "next"]
    second = (await hospital.get(link.split("/fhir/")[1])).json()
    assert [e["resource"]["id"] for e in first["entry"] + second["entry"]] == [r.id for r in moved]


async def test_searches_by_focus_and_identifier(hospital: Any) -> None:
    asked = await hospital.refer()
    bare = (await hospital.get(f"Task?focus=ServiceRequest/{asked['id']}")).json()
    assert [e["resource"]["id"] for e in bare["entry"]] == [hospital.referral().id]
    told = await hospital.task(f"ServiceRequest/{asked['id']}")
    own = (await hospital.get(f"Task?focus={asked['id']}")).json()
    assert [e["resource"]["id"] for e in own["entry"]] == [told["id"]]
    for token in ("GS-1", "urn:kr:hospital:gyeongsang/referral|GS-1"):
        found = (await hospital.get(f"ServiceRequest?identifier={token}")).json()
        assert [e["resource"]["id"] for e in found["entry"]] == [asked["id"]]
    assert (await hospital.get("ServiceRequest?identifier=other")).json()["total"] == 0
    assert (await hospital.get("ServiceRequest?identifier=GS-1", agency="jeil")).json()["total"] == 0


@pytest.mark.parametrize("state", sorted(TABLE))
def test_every_state_has_statuses_that_fhir_knows(state: str) -> None:
    known = {
        "draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold",
        "failed", "completed", "entered-in-error",
    }  # fmt: skip
    assert {TABLE[state].source, TABLE[state].receiver} | set(ASKS) <= known
