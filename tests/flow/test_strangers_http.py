"""Strangers at a real API, and how soon somebody who was put out is out everywhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from confluent_kafka import Consumer, KafkaError, Producer

from hub.cli import accounts
from hub.cli.accounts import Credentials
from hub.schemas.topics import inbound, outbound
from tests.flow.people import referral
from tests.flow.site import Site
from tests.flow.strangers import api, ends, held, signed_in, town

__all__ = ["api", "held", "town"]  # fixtures


# ------------------------------------------------------------------ over HTTP
@pytest.fixture(scope="module")
def alphas(town: Site) -> dict[str, str]:
    """Ids of things that are alpha's alone."""
    rows = town.sql(
        "SELECT r.id::text, r.case_id::text, n.person::text FROM referrals r JOIN records n ON n.case_id = r.case_id "
        "WHERE r.agency = 'alpha' AND r.receiver <> 'beta' ORDER BY r.id"
    )
    return dict(zip(("referral", "case", "person"), rows[0], strict=True))


def test_anothers_things_are_the_same_404_as_nonsense(api: Any, alphas: dict[str, str]) -> None:
    nonsense = "00000000-0000-8000-8000-00000000dead"
    for kind, address in (("referral", "/v1/referrals/{}"), ("person", "/v1/persons/{}"), ("case", "/v1/cases/{}")):
        assert api("alpha", "GET", address.format(alphas[kind])).status_code == 200
        real, fake = (api("lh", "GET", address.format(id_)) for id_ in (alphas[kind], nonsense))
        assert (real.status_code, real.json()["type"]) == (404, fake.json()["type"])


@pytest.mark.parametrize(("agency", "status"), [("lh", 404), ("beta", 409)])
@pytest.mark.parametrize("change", ["withdraw", "accept", "decline"])
def test_anothers_referral_is_not_changed(
    api: Any, alphas: dict[str, str], town: Site, change: str, agency: str, status: int
) -> None:
    before = town.one("SELECT state FROM referrals WHERE id = %s::uuid", alphas["referral"])
    said = {"reason": "other", "text": "x"} if change == "decline" else {}
    answer = api(agency, "POST", f"/v1/referrals/{alphas['referral']}/{change}?wait=5", json=said)
    assert answer.status_code == status, answer.text
    assert town.one("SELECT state FROM referrals WHERE id = %s::uuid", alphas["referral"]) == before


def test_an_event_that_names_another_agency_is_400_and_never_on_kafka(api: Any, town: Site) -> None:
    before = ends(town)
    answer = api(
        "beta", "POST", "/v1/events", content=orjson.dumps(referral("alpha", 300)),
        headers={"Content-Type": "application/cloudevents+json"},
    )  # fmt: skip
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/source"
    assert ends(town) == before


def test_anothers_receipt_is_404(api: Any) -> None:
    path = f"/v1/receipts/{quote('//agency/alpha/test', safe='')}/alpha-0"
    assert api("alpha", "GET", path).status_code == 200
    assert api("beta", "GET", path).status_code == 404


def test_a_feed_holds_no_position_of_another(api: Any, town: Site) -> None:
    named = {
        code: {
            position
            for position, entry in town.sql("SELECT position, entry FROM entries")
            if f"a:{code}" in orjson.loads(entry)["facts"]["audience"]
        }
        for code in ("alpha", "beta")
    }
    got = {e["position"] for e in api("beta", "GET", "/v1/feed?limit=1000").json()["entries"]}
    assert got == named["beta"]
    assert named["alpha"] - named["beta"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/feed"), ("POST", "/v1/events"), ("GET", "/v1/receipts/a/b"), ("GET", "/v1/cases/x"),
        ("GET", "/v1/persons/x"), ("GET", "/v1/reviews"), ("GET", "/log/checkpoint"), ("GET", "/log/tile/0/000"),
        ("GET", "/log/tile/entries/000"), ("POST", "/fhir"), ("GET", "/fhir/Task"),
    ],
)  # fmt: skip
def test_nobody_gets_in_without_a_token(api: Any, method: str, path: str) -> None:
    assert api("", method, path).status_code == 401
    assert api("", method, path, token="ieum_" + "0" * 64).status_code == 401


@pytest.mark.parametrize("path", ["/log/tile/entries/000.p/1", "/log/tile/entries/000"])
def test_entries_themselves_are_for_auditors(api: Any, path: str) -> None:
    assert api("beta", "GET", path).status_code == 403


# ------------------------------------------------------------------ put out: how soon (last: they change who may)
def test_a_suspension_is_in_force_at_once_wherever_the_agency_is_signed_in(
    town: Site, held: dict[str, Credentials], api: Any
) -> None:
    access = held["beta"]
    codes: list[int] = []
    producer = Producer(signed_in(town, access, **{"message.timeout.ms": 5000, "linger.ms": 0}))
    reader = Consumer(signed_in(town, access, **{"group.id": "beta-open", "auto.offset.reset": "latest"}))
    reader.subscribe([outbound("beta")])

    def write() -> int:
        producer.produce(inbound("beta"), b"{}", on_delivery=lambda e, _: codes.append(e.code() if e else 0))
        producer.flush(10)
        return codes[-1]

    end = time.monotonic() + 20
    while not reader.assignment() and time.monotonic() < end:
        reader.poll(0.2)
    assert write() == 0
    assert api("beta", "GET", "/v1/feed").status_code == 200
    accounts.change(town.settings, "beta", "suspend")
    accounts.withdraw(town.settings, "beta")
    done = time.monotonic()
    assert within(done, 2.0, lambda: write() == KafkaError.TOPIC_AUTHORIZATION_FAILED) < 1.0
    assert within(done, 2.0, lambda: api("beta", "GET", "/v1/feed").status_code in {401, 403}) < 1.5
    # The broker asks for the right when a fetch arrives: one that was waiting there may still be answered, once.
    for number in (b"first", b"second"):
        town.publish(outbound("beta"), [b'{"after": "%s"}' % number])
        heard = [m for m in (reader.poll(0.5) for _ in range(4)) if m is not None and m.error() is None]
    assert b"second" not in b"".join(m.value() or b"" for m in heard)
    reader.close()


def test_a_resumed_agency_gets_in_with_its_new_credentials_alone(
    town: Site, held: dict[str, Credentials], api: Any
) -> None:
    accounts.change(town.settings, "beta", "resume")
    made = accounts.provide(town.settings, ["beta"])[0]
    client = {"Authorization": f"Bearer {made.token}"}
    began = time.monotonic()
    assert within(began, 5.0, lambda: api("", "GET", "/v1/feed", headers=client).status_code == 200) < 2.0
    assert api("beta", "GET", "/v1/feed").status_code == 401
    assert made.kafka.password != held["beta"].kafka.password
    codes: list[int] = []
    producer = Producer(signed_in(town, made, **{"message.timeout.ms": 5000}))
    producer.produce(inbound("beta"), b"{}", on_delivery=lambda e, _: codes.append(e.code() if e else 0))
    producer.flush(10)
    assert codes == [0]


def test_after_a_rotation_the_former_token_is_nobodys(town: Site, api: Any) -> None:
    assert api("alpha", "GET", "/v1/feed").status_code == 200
    began = time.monotonic()
    accounts.provide(town.settings, ["alpha"])
    assert within(began, 5.0, lambda: api("alpha", "GET", "/v1/feed").status_code == 401) < 3.0


def within(began: float, seconds: float, check: Callable[[], bool]) -> float:
    """Seconds from `began` until it holds."""
    while not check():
        assert time.monotonic() - began < seconds
        time.sleep(0.02)
    return time.monotonic() - began
