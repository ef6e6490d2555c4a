"""Everything the façade says is FHIR R4, as HAPI's validator understands it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.connectors.fhir import hapi
from tests.connectors.fhir.test_samples import ORDER, OWN, loose, saved_in_order
from tests.web.fhir.hospital import Hospital, a_world, consent, request, sample


async def told() -> list[dict[str, Any]]:
    """Answers of every kind: a referral's whole way seen from both sides, a transaction, searches, refusals."""
    hospital = Hospital(a_world())
    try:
        await both_sides(hospital)
        await refusals(hospital)
        for name in ("hospital-fhir-1.json", "hospital-fhir-2.json"):
            await hospital.ask("POST", "/", sample(name), Prefer="return=representation")
        await hospital.ask("GET", "/metadata")
    finally:
        await hospital.client.aclose()
    unique = {json.dumps(answer, sort_keys=True): answer for answer in hospital.answers}
    return list(unique.values())


async def both_sides(hospital: Hospital) -> None:
    asked = await hospital.refer(priority="urgent", note=[{"text": "혼자 지냄"}])
    own = await hospital.task(f"ServiceRequest/{asked['id']}")
    await hospital.post("Consent", consent(asked["subject"]["reference"]))
    referral = hospital.referral()
    at, who = hospital.world.now, referral.receiver
    for status in ("accepted", "in-progress", "on-hold", "in-progress", "completed"):
        hospital.world.wait(minutes=1)
        value = {"resourceType": "Task", "id": referral.id, "status": status, "intent": "order"}
        await hospital.ask("PUT", f"/Task/{referral.id}", value, agency=who)
        await hospital.get(f"Task/{own['id']}")
    for kind in ("Task", "ServiceRequest", "Patient"):
        await hospital.get(f"{kind}/{referral.id}", agency=who)
    await hospital.get(f"ServiceRequest/{asked['id']}")
    for agency in ("gyeongsang", who):
        await hospital.get(f"Task?_lastUpdated=ge{at}&_count=2", agency=agency)
    again = await hospital.refer(number="GS-2")
    await hospital.task(f"ServiceRequest/{again['id']}")
    await hospital.get(f"Task?focus=ServiceRequest/{again['id']}")


async def refusals(hospital: Hospital) -> None:
    await hospital.refer(number="GS-3")
    referral = hospital.referral("GS-3")
    for status in ("completed", "rejected"):
        value = {"resourceType": "Task", "id": referral.id, "status": status, "intent": "order"}
        await hospital.ask("PUT", f"/Task/{referral.id}", value, agency=referral.receiver)
    await hospital.post("ServiceRequest", request("Patient/nobody"))
    await hospital.post("Patient", {"resourceType": "Patient", "birthDate": 1})
    await hospital.post("Patient", b"{")
    for path in ("Patient/none", "Nonsense/1", "Task", "Task?x=1"):
        await hospital.get(path)
    await hospital.ask("GET", "/Task/1", Authorization="")
    hospital.ledger.silent = True
    late = (await hospital.post("ServiceRequest", request("Patient/nobody", number="GS-4"))).json()
    own = await hospital.task(f"ServiceRequest/{late['id']}")
    hospital.ledger.silent = False
    for message in list(hospital.ledger.published):
        await hospital.ledger.publish(*message)
    await hospital.get(f"Task/{own['id']}")


async def published() -> list[dict[str, Any]]:
    """What the façade says of published examples; profiles that are not here cannot be checked."""
    hospital = Hospital(a_world())
    for resource in saved_in_order(loose(OWN)):
        path = f"{resource['resourceType']}/{resource['id']}"
        await hospital.ask("PUT", f"/{path}", resource)
        await hospital.get(path)
    await hospital.client.aclose()
    told = [a for a in hospital.answers if a["resourceType"] in ORDER]
    assert not any("profile" in a["meta"] for a in told if a["resourceType"] == "Task")
    return [a | {"meta": {n: v for n, v in a["meta"].items() if n != "profile"}} for a in told]


@pytest.mark.faults
async def test_hapi_finds_no_error_in_what_the_facade_says() -> None:
    answers = await told() + await published()
    assert {a["resourceType"] for a in answers} >= {
        "Bundle", "CapabilityStatement", "Consent", "OperationOutcome", "Patient", "ServiceRequest", "Task",
    }  # fmt: skip
    wrong = [{"resourceType": "Task", "status": "nonsense"}, {"resourceType": "Patient", "birthDate": "x"}]
    found = hapi.errors([*answers, *wrong])
    assert [(resource, errors) for resource, errors in found[: len(answers)] if errors] == []
    assert all(errors for _, errors in found[len(answers) :]), "the validator finds nothing anywhere"
