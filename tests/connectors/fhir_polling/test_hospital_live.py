"""A hospital's Task through a real hub: taken, offered, accepted, begun, given; one is refused, one taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.fhir import FhirConnector
from hub.schemas.canonical import AgencyClaim
from tests.connectors.fhir_polling.polling import FhirPartner, lines, patient, request, task
from tests.connectors.town import hub, running
from tests.flow.proof import audited
from tests.flow.site import Site

NOW = "2026-11-22T03:00:00.000Z"
CLAIMS = (
    AgencyClaim("hospital", "hospital", "경상대학교병원", ("treatment", "welfare"), "consent_self"),
    AgencyClaim("seniors", "senior_center", "진주노인복지관", ("welfare",), "consent_self"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with hub(tmp_path_factory.mktemp("hospital"), CLAIMS) as held:
        yield held


async def test_a_task_goes_the_whole_way(site: Site, tmp_path: Path) -> None:
    async with FhirPartner(tmp_path) as partner:
        partner.settings = {"poll_s": 0.1, "changes_s": 0.3}
        await partner.put(lines(patient(1), request(1, note=[]), task(1)))
        unknown = {"coding": [{"system": "http://snomed.info/sct", "code": "not-a-code"}]}
        await partner.put(lines(patient(2), request(2, note=[], code=unknown), task(2)))
        need = {"coding": [{"system": "urn:kr:ieum:need", "code": "laundry"}]}
        await partner.put(lines(patient(3), request(3, note=[], code=need), task(3)))
        async with running(site, tmp_path, "hospital", FhirConnector, partner.config(), NOW):
            held = await shows(partner, 1, lambda t: t["status"] == "received")
            referral = next(i["value"] for i in held["identifier"] if i["system"] == "urn:kr:ieum:referral")
            refused = await shows(partner, 2, lambda t: t["status"] == "rejected")
            assert refused["statusReason"]["text"].startswith("ServiceRequest.code.coding: Not in the mapping")
            seen = []
            with httpx.Client(base_url=f"http://127.0.0.1:{site.web_port}", timeout=20) as seniors:
                seniors.headers["Authorization"] = f"Bearer {site.token('seniors')}"
                for change, status in (("accept", "accepted"), ("start", "in-progress"), ("deliver", "completed")):
                    answer = await asyncio.to_thread(seniors.post, f"/v1/referrals/{referral}/{change}", json={})
                    assert answer.is_success, answer.text
                    seen.append((await shows(partner, 1, lambda t, s=status: t["status"] == s))["status"])  # type: ignore[misc]
            assert seen == ["accepted", "in-progress", "completed"]
            await shows(partner, 1, lambda t: code(t) == "closed")
            # A correction, and a mind that changed.
            await partner.put(lines(request(2, note=[])))
            await shows(partner, 2, lambda t: t["status"] == "received")
            three = await shows(partner, 3, lambda t: t["status"] == "received")
            await partner.put(lines(three | {"status": "cancelled"}))
            await shows(partner, 3, lambda t: code(t) == "withdrawn")
    assert dict(site.sql("SELECT state, count(*) FROM referrals GROUP BY 1")) == {
        "closed": 1,
        "offered": 1,
        "withdrawn": 1,
    }
    audited(site)


async def shows(partner: FhirPartner, number: int, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The hospital's Task, once it shows this."""
    async with asyncio.timeout(60):
        while True:
            held = await partner.resource(f"Task/t-{number}")
            if "businessStatus" in held and holds(held):
                return held
            await asyncio.sleep(0.05)


def code(held: dict[str, Any]) -> str:
    return str(held["businessStatus"]["coding"][0]["code"])
