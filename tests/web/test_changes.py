"""`POST /v1/referrals/{id}/<change>`: published once, decided by the ledger, answered under the right status."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.schemas.topics import Formats, Types

CHANGES = ["accept", "decline", "start", "hold", "resume", "deliver", "fail", "refer-on", "withdraw"]


def path(kit: Any, change: str, number: int = 1) -> str:
    return f"/v1/referrals/{kit.uid(number)}/{change}"


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_published_to_the_agencys_topic_under_the_referrals_key(
    web: Any, fake: Any, kit: Any, change: str
) -> None:
    answer = await web.post(path(kit, change), "lh")
    assert (answer.status_code, answer.json()["state"]) == (200, f"{change}ed")
    topic, key, value = fake.published[0]
    message = orjson.loads(value)
    assert (topic, key) == ("hub.in.lh", kit.uid(1))
    assert (message["type"], message["dataschema"]) == (Types.ANSWER, Formats.ANSWER)
    assert (message["source"], message["time"]) == ("//agency/lh/web", kit.now)
    assert message["data"] == {"referral": kit.uid(1), "change": change}


async def test_reason_words_and_whom_one_speaks_for_travel_with_it(web: Any, fake: Any, kit: Any) -> None:
    body = {"reason": "no_capacity", "text": "자리가 없음", "on_behalf": "lh"}
    await web.post(path(kit, "decline"), "dong", json=body)
    assert orjson.loads(fake.published[0][2])["data"] == {"referral": kit.uid(1), "change": "decline"} | body


async def test_an_id_in_capitals_is_the_same_referral(web: Any, fake: Any, kit: Any) -> None:
    await web.post(f"/v1/referrals/{kit.uid(0xABC).upper()}/accept")
    assert fake.published[0][1] == kit.uid(0xABC)


async def test_an_illegal_change_is_409_with_state_and_what_is_allowed(web: Any, fake: Any, kit: Any) -> None:
    fake.decide = kit.refusing("illegal_change", state="offered", allowed=["accept", "decline"])
    answer = await web.post(path(kit, "start"))
    assert answer.status_code == 409
    assert (answer.json()["state"], answer.json()["allowed"]) == ("offered", ["accept", "decline"])
    assert answer.json()["errors"][0]["pointer"] == "/change"


async def test_a_change_with_none_allowed_says_so(web: Any, fake: Any, kit: Any) -> None:
    fake.decide = kit.refusing("illegal_change", state="withdrawn")
    value = (await web.post(path(kit, "start"))).json()
    assert (value["state"], value["allowed"]) == ("withdrawn", [])


async def test_a_missing_reason_is_422_with_the_codes(web: Any, fake: Any, kit: Any) -> None:
    fake.decide = kit.refusing("reason_missing", state="offered", allowed=["no_capacity"])
    answer = await web.post(path(kit, "decline"))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:ieum:problem:reason_missing")
    assert answer.json()["allowed"] == ["no_capacity"]


async def test_what_the_ledger_does_not_know_is_the_404_of_nonsense(web: Any, fake: Any, kit: Any) -> None:
    fake.decide = kit.refusing("unknown_referral")
    unknown = await web.post(path(kit, "accept"))
    assert (unknown.status_code, unknown.content) == (404, (await web.post("/v1/referrals/x/accept")).content)


async def test_an_unknown_change_is_404_and_goes_nowhere(web: Any, fake: Any, kit: Any) -> None:
    for change in ("close", "explode", "accept/", "%00"):
        assert (await web.post(path(kit, change))).status_code == 404
    assert fake.published == []


async def test_without_a_verdict_in_time_it_is_202_with_the_receipt(web: Any, fake: Any, kit: Any) -> None:
    fake.decide = lambda _: None
    answer = await web.post(path(kit, "accept"))
    assert (answer.status_code, answer.json()["verdict"]) == (202, "pending")
    assert answer.headers["location"] == answer.json()["receipt"]
    assert (await web.get(answer.headers["location"])).json()["status"] == "pending"


async def test_a_repeat_under_one_key_gets_the_first_verdict(web: Any, fake: Any, kit: Any) -> None:
    key = {"Idempotency-Key": "click-1"}
    first = await web.post(path(kit, "accept"), headers=key)
    fake.decide = kit.refusing("illegal_change", state="accepted", allowed=["start"])
    again = await web.post(path(kit, "accept"), headers=key)
    assert (again.status_code, again.json()) == (200, first.json())
    assert {orjson.loads(value)["id"] for _, _, value in fake.published} == {"click-1"}


async def test_one_key_for_two_changes_is_409(web: Any, kit: Any) -> None:
    key = {"Idempotency-Key": "click-1"}
    await web.post(path(kit, "accept"), headers=key)
    answer = await web.post(path(kit, "accept", 2), headers=key)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:ieum:problem:id_conflict")


async def test_without_a_key_every_click_is_a_message_of_its_own(web: Any, fake: Any, kit: Any) -> None:
    await web.post(path(kit, "accept"))
    await web.post(path(kit, "accept"))
    assert len({orjson.loads(value)["id"] for _, _, value in fake.published}) == 2


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "\xff", "\x7f"])
async def test_a_key_that_cannot_be_an_id_is_400(web: Any, fake: Any, kit: Any, key: str) -> None:
    answer = await web.post(path(kit, "accept"), headers={b"Idempotency-Key": key.encode("latin-1")})
    assert (answer.status_code, fake.published) == (400, [])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"reason":"because"}', "/reason"),
        (b'{"text":5}', "/text"),
        (b'{"text":"' + b"x" * 10_001 + b'"}', "/text"),
        (b'{"more":1}', "/more"),
        (b'{"reason":' + b"[" * 900 + b"]" * 900 + b"}", "/reason"),
        (b"[]", ""),
        (b'"x"', ""),
        (b"null", ""),
    ],
)
async def test_a_body_that_does_not_fit_is_400_with_a_pointer(web: Any, kit: Any, body: bytes, pointer: str) -> None:
    answer = await web.post(path(kit, "accept"), content=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"text":NaN}', b'{"text":"\\ud800"}', b"[" * 60_000])
async def test_a_body_that_is_no_json_is_400(web: Any, kit: Any, body: bytes) -> None:
    assert (await web.post(path(kit, "accept"), content=body)).status_code == 400


async def test_a_problem_never_quotes_what_was_sent(web: Any, kit: Any) -> None:
    answer = await web.post(path(kit, "accept"), json={"reason": "박순자", "text": 5})
    assert "박순자" not in answer.text


async def test_a_large_body_is_413(web: Any, kit: Any) -> None:
    assert (await web.post(path(kit, "accept"), content=b" " * 70_000)).status_code == 413


async def test_null_is_nothing(web: Any, kit: Any) -> None:
    assert (await web.post(path(kit, "accept"), json={"reason": None, "text": None})).status_code == 200


async def test_kafka_away_is_503_and_nothing_was_asked(web: Any, fake: Any, kit: Any) -> None:
    fake.kafka_away = True
    assert (await web.post(path(kit, "accept"))).status_code == 503
