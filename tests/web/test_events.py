"""`POST /v1/events` and receipts: the three modes, pointers, sizes, verdicts, and Kafka or PostgreSQL away."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hub.schemas.envelope import Envelope, parse
from hub.web.deps import Limits

BINARY = {
    "ce-specversion": "1.0",
    "ce-id": "m-1",
    "ce-source": "//agency/hosp/his",
    "ce-type": "kr.ieum.referral.submitted.v1",
    "ce-time": "2026-11-22T03:00:00Z",
    "ce-dataschema": "urn:ieum:format:housing-row:v1",
}


def envelope_of(fake: Any, number: int = 0) -> Envelope:
    read = parse(fake.published[number][2], "hosp")
    assert isinstance(read, Envelope)
    return read


async def test_an_event_goes_to_the_agencys_topic_byte_for_byte(web: Any, fake: Any, sample: Any) -> None:
    raw = json.dumps(sample(partitionkey="case-1", data={"n": 1.10}), indent=3).encode()
    answer = await web.send(raw)
    assert answer.status_code == 202
    assert fake.published == [("hub.in.hosp", "case-1", raw)]


async def test_without_a_partition_key_the_id_keeps_the_order(web: Any, fake: Any, sample: Any) -> None:
    await web.send(sample())
    assert fake.published[0][1] == "m-1"


async def test_members_of_a_batch_keep_their_own_bytes(web: Any, fake: Any, sample: Any) -> None:
    one, two = (json.dumps(sample(id=i, data={"n": 1.10}), indent=1).encode() for i in ("a", "b"))
    headers = {"Content-Type": "application/cloudevents-batch+json; charset=UTF-8"}
    answer = await web.post("/v1/events", content=b"[ " + one + b" ,\n" + two + b"]", headers=headers)
    assert answer.status_code == 202
    assert [value for _, _, value in fake.published] == [one, two]
    assert [r["id"] for r in answer.json()["receipts"]] == ["a", "b"]


async def test_binary_mode_with_json_carries_it_as_data(web: Any, fake: Any) -> None:
    answer = await web.post("/v1/events", content=b'{"a":1}', headers=BINARY | {"content-type": "application/json"})
    assert answer.status_code == 202
    assert envelope_of(fake).data == {"a": 1}


async def test_binary_mode_with_other_bytes_carries_them_whole(web: Any, fake: Any) -> None:
    body = "홍길동|진주".encode("cp949")
    headers = BINARY | {"content-type": "text/plain; charset=cp949", "ce-id": "%ED%95%9C"}
    assert (await web.post("/v1/events", content=body, headers=headers)).status_code == 202
    envelope = envelope_of(fake)
    assert (envelope.octets(), envelope.id) == (body, "한")


async def test_binary_mode_cannot_smuggle_attributes_through_the_body(web: Any, fake: Any) -> None:
    body = b'1,"source":"//agency/lh/x"'
    answer = await web.post("/v1/events", content=body, headers=BINARY | {"content-type": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/data")
    assert fake.published == []


async def test_binary_mode_refuses_an_attribute_given_twice(web: Any) -> None:
    headers = [*BINARY.items(), ("ce-id", "m-2"), ("Authorization", "Bearer token-hosp")]
    answer = await web.client.post("/v1/events", content=b"{}", headers=headers)
    assert answer.json()["errors"][0] == {
        "pointer": "/id",
        "code": "duplicate_attribute",
        "detail": "This attribute stands in two headers.",
    }


async def test_an_envelope_that_names_another_agency_is_400_with_a_pointer(web: Any, fake: Any, sample: Any) -> None:
    answer = await web.send(sample("lh"))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/source")
    assert fake.published == []


async def test_every_field_that_does_not_fit_has_its_pointer(web: Any, sample: Any) -> None:
    answer = await web.send(sample(id="", time=5))
    assert {e["pointer"] for e in answer.json()["errors"]} == {"/id", "/time"}


async def test_one_bad_event_keeps_its_whole_batch_out(web: Any, fake: Any, sample: Any) -> None:
    answer = await web.send([sample(), sample(type="x"), sample("lh")])
    assert [e["pointer"] for e in answer.json()["errors"]] == ["/1/type", "/2/source"]
    assert fake.published == []


async def test_an_empty_batch_is_nothing_and_that_is_fine(web: Any) -> None:
    answer = await web.send([])
    assert (answer.status_code, answer.json()) == (202, {"receipts": []})


async def test_a_message_of_the_hub_itself_is_not_an_agencys_to_send(web: Any, sample: Any) -> None:
    system = {"type": "kr.ieum.access.read.v1", "dataschema": "urn:ieum:format:system:v1"}
    answer = await web.send(sample(**system))
    assert answer.json()["errors"][0]["code"] == "hub_only"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_utf8"),
        (b'{"a":NaN}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"id":"a","id":"b"}', "duplicate_key"),
        (b'"\\ud800"', "not_json"),
        (b"5", "not_an_object"),
        (b'{"data":' + b"[" * 200 + b"]" * 200 + b"}", "too_deep"),
    ],
)
async def test_what_is_no_event_is_400(web: Any, raw: bytes, code: str) -> None:
    answer = await web.send(raw)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


@pytest.mark.parametrize("raw", [b"{}", b"[[", b"[1,]", b"[" * 100_000, b"\xff", b"[NaN]", b'["a"]', b"[null]"])
async def test_what_is_no_batch_is_400(web: Any, raw: bytes) -> None:
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    assert (await web.post("/v1/events", content=raw, headers=headers)).status_code == 400


@pytest.mark.parametrize(
    "kind", ["", "application/json", "text/plain", "application/cloudevents+json; charset=cp949", ";;;=", "a" * 5000]
)
async def test_another_content_type_is_415(web: Any, kind: str) -> None:
    answer = await web.post("/v1/events", content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 415


async def test_a_compressed_body_is_415(web: Any) -> None:
    headers = {"Content-Type": "application/cloudevents+json", "Content-Encoding": "gzip"}
    assert (await web.post("/v1/events", content=b"{}", headers=headers)).status_code == 415


async def test_an_event_beyond_1_mib_is_413(web: Any, sample: Any) -> None:
    assert (await web.send(sample(data="x" * (1 << 20)))).status_code == 413


async def test_binary_data_that_grows_beyond_1_mib_is_413(web: Any) -> None:
    headers = BINARY | {"content-type": "application/octet-stream"}
    assert (await web.post("/v1/events", content=b"x" * 1_000_000, headers=headers)).status_code == 413


async def test_a_batch_beyond_8_mib_is_413(web: Any, sample: Any) -> None:
    batch = [sample(id=f"m-{i}", data="x" * 1_000_000) for i in range(9)]
    assert (await web.send(batch)).status_code == 413


async def test_a_batch_of_too_many_is_413(make_web: Any, sample: Any) -> None:
    web = make_web(limits=Limits(batch_events=2))
    assert (await web.send([sample()] * 3)).status_code == 413


async def test_a_body_without_a_length_is_bounded_while_it_arrives(web: Any) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 65_536
            yield b"x" * 65_536

    answer = await web.post("/v1/events", content=endless(), headers={"Content-Type": "application/cloudevents+json"})
    assert answer.status_code == 413
    assert sent <= 1_048_576 + 131_072


async def test_an_absurd_length_is_413_before_a_byte_is_read(web: Any) -> None:
    headers = {"Content-Type": "application/cloudevents+json", "Content-Length": "9" * 5000}
    assert (await web.post("/v1/events", content=b"", headers=headers)).status_code == 413


async def test_a_body_that_never_ends_arriving_is_408(web: Any) -> None:
    async def slow() -> Any:
        yield b"{"
        await asyncio.sleep(60)

    answer = await web.post("/v1/events", content=slow(), headers={"Content-Type": "application/cloudevents+json"})
    assert answer.status_code == 408


# ------------------------------------------------------------------ verdicts
async def test_waiting_answers_200_with_the_position(web: Any, sample: Any) -> None:
    answer = await web.send(sample(), query="?wait=5")
    receipt = answer.json()["receipts"][0]
    assert (answer.status_code, receipt["status"], receipt["position"]) == (200, "recorded", 7)


async def test_waiting_for_a_refusal_answers_its_reasons(web: Any, fake: Any, kit: Any, sample: Any) -> None:
    fake.decide = kit.refusing("name_missing")
    receipt = (await web.send(sample(), query="?wait=5")).json()["receipts"][0]
    assert (receipt["status"], receipt["reasons"][0]["code"]) == ("refused", "name_missing")


async def test_what_is_not_decided_in_time_is_202_and_pending(web: Any, fake: Any, kit: Any, sample: Any) -> None:
    fake.decide = lambda e: kit.recorded(e) if e.id == "a" else None
    answer = await web.send([sample(id="a"), sample(id="b")], query="?wait=0.05")
    assert answer.status_code == 202
    assert [r["verdict"] for r in answer.json()["receipts"]] == ["recorded", "pending"]


async def test_a_repeat_is_seen_and_names_the_first_verdict(web: Any, sample: Any) -> None:
    await web.send(sample())
    receipt = (await web.send(sample(), query="?wait=5")).json()["receipts"][0]
    assert (receipt["status"], receipt["verdict"], receipt["position"]) == ("seen", "recorded", 7)
    assert (await web.send(sample())).json()["receipts"][0]["status"] == "seen"


async def test_the_same_id_with_other_data_gets_its_own_verdict(web: Any, sample: Any) -> None:
    await web.send(sample())
    receipt = (await web.send(sample(data={"other": 1}), query="?wait=5")).json()["receipts"][0]
    assert (receipt["status"], receipt["reasons"][0]["code"]) == ("refused", "id_conflict")


@pytest.mark.parametrize("wait", ["-1", "31", "nan", "inf", "1e999", "x", "9" * 5000])
async def test_an_impossible_wait_is_400(web: Any, sample: Any, wait: str) -> None:
    answer = await web.send(sample(), query=f"?wait={wait}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/query/wait")


async def test_one_poller_asks_for_all_who_wait(web: Any, fake: Any, sample: Any) -> None:
    fake.decide = lambda _: None
    answers = await asyncio.gather(*[web.send(sample(id=f"m-{i}"), query="?wait=0.1") for i in range(30)])
    assert {a.status_code for a in answers} == {202}
    assert fake.polls < 30 + 250


async def test_while_postgresql_is_away_events_are_taken_and_pending(web: Any, fake: Any, sample: Any) -> None:
    await web.send(sample())
    fake.postgresql_away = True
    answer = await web.send(sample(id="m-2"), query="?wait=0.05")
    assert (answer.status_code, answer.json()["receipts"][0]["verdict"]) == (202, "pending")


async def test_while_kafka_is_away_nothing_is_stored_and_503_says_so(web: Any, fake: Any, sample: Any) -> None:
    fake.kafka_away = True
    answer = await web.send(sample())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_an_acknowledgment_that_does_not_come_is_503(make_web: Any, sample: Any) -> None:
    async def silent(topic: str, key: str, value: bytes) -> None:
        del topic, key, value
        await asyncio.sleep(60)

    assert (await make_web(publish=silent, limits=Limits(publish_s=0.05)).send(sample())).status_code == 503


# ------------------------------------------------------------------ receipts
async def test_a_receipt_follows_its_message(web: Any, fake: Any, kit: Any, sample: Any) -> None:
    fake.decide = lambda _: None
    address = (await web.send(sample())).json()["receipts"][0]["receipt"]
    assert (await web.get(address)).json()["status"] == "pending"
    fake.decide = kit.refusing("name_missing")
    await web.send(sample())
    answer = (await web.get(address)).json()
    assert (answer["status"], answer["reasons"][0]["code"]) == ("refused", "name_missing")


@pytest.mark.parametrize("id_", ["a/b", "a b", "한글", "a%2Fb", "?x=1", "#", "+"])
async def test_a_receipts_address_leads_to_it_whatever_the_id(web: Any, sample: Any, id_: str) -> None:
    address = (await web.send(sample(id=id_))).json()["receipts"][0]["receipt"]
    answer = await web.get(address)
    assert (answer.json()["id"], answer.json()["status"]) == (id_, "recorded")


@pytest.mark.parametrize(
    "head", ["//agency/hosp/his", "%2F%2Fagency%2Fhosp%2Fhis", "/agency/hosp/his", "agency/hosp/his"]
)
async def test_slashes_may_be_encoded_plain_or_merged(web: Any, sample: Any, head: str) -> None:
    await web.send(sample())
    assert (await web.get(f"/v1/receipts/{head}/m-1")).json()["status"] == "recorded"


@pytest.mark.parametrize("path", ["//agency/hosp/his/m-1", "//agency/hub/web/x", "x/y", "%ff/%ff", "%00/%00", "a/"])
async def test_anothers_receipt_is_the_same_404_as_nonsense(web: Any, sample: Any, path: str) -> None:
    await web.send(sample())
    answer = await web.get(f"/v1/receipts/{path}", "lh")
    nonsense = await web.get("/v1/referrals/x", "lh")
    assert (answer.status_code, answer.content) == (404, nonsense.content)
