"""A hospital's own client (fhirpy) against a hub that runs: Kafka, PostgreSQL, consumers, relay, API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

from hub.app import draw
from hub.ledger.accounts import Accounts
from hub.ledger.connect import connect
from hub.ledger.fhir import FhirResources, Held
from hub.ledger.keyfile import load_keys
from hub.ledger.reads import Pool
from hub.town.accounts import accounts
from tests.flow.site import Site
from tests.web.fhir.hospital import consent, patient, request, task

NEED = "food"


class City:
    """A running hub with its agencies' accounts."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.start("consumer 0", "relay")
        self.url = site.start_web()
        site.register(accounts())
        site.settle()
        self.keys = load_keys(site.settings.keys_file)
        with connect(site.settings.database_url, name="test", owner=True) as connection:
            issued = Accounts(connection, self.keys.pepper)
            self.tokens = {claim.code: issued.issue(claim.code, draw(32)) for claim in accounts()}

    def client(self, agency: str) -> SyncFHIRClient:
        return SyncFHIRClient(f"{self.url}/fhir", authorization=f"Bearer {self.tokens[agency]}")

    def answer(self, agency: str, referral: str, change: str) -> None:
        headers = {"Authorization": f"Bearer {self.tokens[agency]}"}
        done = httpx.post(f"{self.url}/v1/referrals/{referral}/{change}", headers=headers, timeout=20)
        assert done.status_code == 200, done.text


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    site = Site(tmp_path_factory.mktemp("fhir"))
    try:
        yield City(site)
    finally:
        site.close()


def refer(client: SyncFHIRClient, number: str) -> tuple[Any, Any]:
    """Patient, consent, request and task, each saved by itself: (request, task). One person a number."""
    n = int(number[-1])
    who = {"name": [{"text": "박하" + "가나다라마바사"[n]}], "birthDate": f"194{n}-0{n}-1{n}"}
    reach = {"telecom": [{"system": "phone", "value": f"010-33{n}3-{n}444"}], "identifier": [{"value": f"H-{n}"}]}
    where = {"address": [{"text": f"경남 진주시 평거로 88, 203동 {n}01호"}]}
    person = client.resource(**_named(patient(**who, **reach, **where)))
    person.save()
    client.resource(**_named(consent(f"Patient/{person.id}"))).save()
    asked = client.resource(**_named(request(f"Patient/{person.id}", NEED, number)))
    asked.save()
    told = client.resource(**_named(task(f"ServiceRequest/{asked.id}")))
    told.save()
    return asked, told


def _named(value: dict[str, Any]) -> dict[str, Any]:
    return {"resource_type": value["resourceType"], **{k: v for k, v in value.items() if k != "resourceType"}}


def referral_of(told: Any) -> str:
    return str(next(i["value"] for i in told["identifier"] if i["system"] == "urn:kr:ieum:referral"))


def test_a_hospital_reads_its_task_move_to_completed(city: City) -> None:
    client = city.client("gyeongsang")
    asked, told = refer(client, "GS-1")
    assert (told["status"], told["businessStatus"]["coding"][0]["code"]) == ("received", "offered")
    referral = referral_of(told)
    receiver = city.site.one("SELECT receiver FROM referrals WHERE id = %s::uuid", referral)
    seen = []
    for change in ("accept", "start", "deliver"):
        city.answer(receiver, referral, change)
        seen.append(client.get("Task", told.id)["status"])
    assert seen == ["accepted", "in-progress", "completed"]
    assert client.get("ServiceRequest", asked.id)["status"] == "completed"
    found = client.resources("Task").search(focus=f"ServiceRequest/{asked.id}").fetch()
    assert [t.id for t in found] == [told.id]


def test_saving_the_same_twice_is_one_referral(city: City) -> None:
    client = city.client("gyeongsang")
    first, second = refer(client, "GS-2"), refer(client, "GS-2")
    assert [r.id for r in first] == [r.id for r in second]
    assert referral_of(first[1]) == referral_of(second[1])


def test_a_receiving_agency_works_through_its_tasks(city: City) -> None:
    source = city.client("gyeongsang")
    before = city.site.one("SELECT heard FROM head")
    _, told = refer(source, "GS-3")
    referral = referral_of(told)
    receiver = city.client(city.site.one("SELECT receiver FROM referrals WHERE id = %s::uuid", referral))
    found = receiver.resources("Task").search(_lastUpdated=f"gt{before}").fetch_all()
    (mine,) = [t for t in found if t.id == referral]
    with pytest.raises(ResourceNotFound):
        receiver.get("Patient", referral)
    with pytest.raises(OperationOutcome) as refused:
        receiver.resource("Task", id=mine.id, status="completed", intent="order").save()
    assert "accepted" in str(refused.value.resource["issue"][1])
    for status in ("accepted", "in-progress", "completed"):
        moved = receiver.resource("Task", id=mine.id, status=status, intent="order")
        moved.save()
        assert moved["status"] == status
    assert receiver.get("Patient", referral)["name"][0]["text"] == "박하라"
    assert source.get("Task", told.id)["status"] == "completed"


def test_what_was_kept_is_sealed_and_another_agencys_404(city: City) -> None:
    asked, _ = refer(city.client("gyeongsang"), "GS-4")
    with pytest.raises(ResourceNotFound):
        city.client("lh").get("ServiceRequest", asked.id)
    assert "GS-4" in str(city.client("gyeongsang").get("ServiceRequest", asked.id))
    rows = city.site.sql("SELECT row_to_json(f)::text, sealed, wrapped FROM fhir_resources f")
    assert rows
    for text, sealed, wrapped in rows:
        assert "GS-4" not in text
        assert "박하".encode() not in sealed
        assert len(wrapped) == 48
    key_ids = [bytes(wrapped) for _, _, wrapped in rows]
    assert len(set(key_ids)) == len(key_ids)


def test_what_expired_is_gone_and_a_referral_is_still_found(city: City) -> None:
    pool = Pool(city.site.settings.database_url, name="test-fhir")
    store = FhirResources(pool, city.keys)
    late = "2026-01-01T00:00:00.000Z"
    loose = Held("Patient", "p1", late, late, (b"n" * 16,), {"resourceType": "Patient"})
    sent = Held("Task", "t1", late, late, (b"n" * 16,), {"resourceType": "Task"}, b"k" * 16, "m")
    store.put("lh", [(loose, draw(32)), (sent, draw(32))])
    assert store.expire("2025-12-31T00:00:00.000Z") == 0
    assert {h.value is None for h in store.named("lh", [b"n" * 16])} == {False}
    assert store.expire("2026-01-02T00:00:00.000Z") == 2
    (left,) = store.named("lh", [b"n" * 16])
    assert (left.id, left.value, left.number_key) == ("t1", None, b"k" * 16)
    assert store.get("lh", "Patient", "p1") is None
    pool.close()
