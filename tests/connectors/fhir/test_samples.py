"""The samples through the façade, with the outcome that is expected of them; contradictions recorded and flagged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.reading import Broken
from connectors.reading_fhir import bundles
from tests.web.fhir.hospital import Hospital, a_world, consent

OWN = Path(__file__).parents[2] / "samples"
#: The same samples as published; the project's own copies are always there.
SHARED = Path(__file__).parents[4] / "shared" / "samples"
FOLDERS = [
    pytest.param(OWN, id="own"),
    pytest.param(SHARED, id="shared", marks=pytest.mark.skipif(not SHARED.exists(), reason=f"no {SHARED}")),
]
CONTRADICTIONS = {"child_completed", "task_contradicts", "procedure_contradicts"}
NUMBER = "SDOHCC-ServiceRequestActiveFoodPantryApplicationAssistExample"
#: In the order a client would save them: whatever is referred to comes first.
ORDER = ("Patient", "RelatedPerson", "ServiceRequest", "Task")


def loose(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted((folder / "fhir-gravity").glob("*.json"))]


def saved_in_order(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(resources, key=lambda r: (*(r["resourceType"] != kind for kind in ORDER), "basedOn" in r))


@pytest.mark.parametrize("folder", FOLDERS)
async def test_the_hospitals_transactions_are_the_expected_needs(folder: Path) -> None:
    hospital, town = Hospital(a_world()), folder / "jinju"
    expected = json.loads((town / "expected.json").read_text("utf-8"))
    for name in ("hospital-fhir-1.json", "hospital-fhir-2.json"):
        answer = await hospital.ask("POST", "", (town / name).read_bytes())
        assert answer.status_code == 200, answer.text
    for number in ("GS-2026-0001", "GS-2026-0002"):
        assert hospital.referral(number).code == expected["needs"][number]
    assert hospital.referral("GS-2026-0001").urgency == "urgent"
    assert len(hospital.world.state.persons) == 2
    await hospital.client.aclose()


@pytest.mark.parametrize("folder", FOLDERS)
async def test_published_examples_are_one_referral_with_their_contradictions(folder: Path) -> None:
    hospital = Hospital(a_world())
    (bundle,) = bundles([(str(n), resource) for n, resource in enumerate(loose(folder))])
    assert not isinstance(bundle, Broken)
    answer = await hospital.ask("POST", "", bundle)
    assert answer.status_code == 200, answer.text
    referral = hospital.referral(NUMBER)
    assert (referral.code, set(referral.flags) >= CONTRADICTIONS) == ("food", True)
    outcomes = [e["response"]["outcome"] for e in answer.json()["entry"] if "outcome" in e["response"]]
    told = {i["details"]["coding"][0]["code"] for o in outcomes for i in o["issue"] if i["severity"] == "warning"}
    assert told >= CONTRADICTIONS
    await hospital.client.aclose()


@pytest.mark.parametrize("folder", FOLDERS)
async def test_published_examples_saved_one_by_one_are_the_same_referral(folder: Path) -> None:
    hospital = Hospital(a_world())
    resources = saved_in_order(loose(folder))
    warnings: set[str] = set()
    for resource in resources:
        kind = resource["resourceType"]
        path = f"/{kind}/{resource['id']}"
        answer = await hospital.ask("PUT", path, resource, Prefer="return=OperationOutcome")
        assert answer.status_code == (201 if kind in ORDER else 404), answer.text
        if kind in ORDER:
            warnings |= {i["details"]["coding"][0]["code"] for i in answer.json()["issue"] if "details" in i}
    assert hospital.referral(NUMBER).code == "food"
    assert sum(1 for _ in hospital.world.facts("referral.recorded")) == 1
    assert warnings >= CONTRADICTIONS - {"procedure_contradicts"}
    await hospital.client.aclose()


async def test_a_consent_after_the_referral_is_recorded_and_flagged() -> None:
    hospital = Hospital(a_world())
    asked = await hospital.refer()
    late = consent(asked["subject"]["reference"], dateTime="2026-11-02T09:00:00+09:00")
    answer = await hospital.ask("POST", "/Consent", late, Prefer="return=OperationOutcome")
    codes = [i["details"]["coding"][0]["code"] for i in answer.json()["issue"]]
    assert (answer.status_code, codes) == (201, ["consent_after_referral"])
    assert sum(1 for _ in hospital.world.facts("referral.corrected")) == 1
    await hospital.client.aclose()
