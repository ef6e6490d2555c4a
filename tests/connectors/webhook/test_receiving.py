"""What a call is answered, by a server on a port; signatures are the published library's."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.connectors.mutating import resident
from tests.connectors.webhook.office import AT, NOW, PATH, SECRET, Taken, dumped, listening, signed, support

OTHER = "whsec_" + base64.b64encode(b"the-other-secret-of-33-bytes-0123").decode()
BODY = dumped(support(1))


async def posted(client: httpx.AsyncClient, body: bytes, headers: dict[str, str], path: str = PATH) -> httpx.Response:
    return await client.post(path, content=body, headers=headers)


async def test_a_signed_call_is_taken_before_it_is_answered_202() -> None:
    taken = Taken()
    async with listening(taken) as client:
        answer = await posted(client, BODY, signed(BODY, "msg_1"))
    (event,) = taken.events.values()
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "id": event["id"]})
    assert event["data"] == support(1)
    assert event["dataschema"] == "urn:ieum:format:victim-support:v1"
    assert taken.about == ["msg_1"]


async def test_a_repeat_is_answered_as_seen_even_when_signed_anew() -> None:
    taken = Taken()
    async with listening(taken) as client:
        await posted(client, BODY, signed(BODY, "msg_1"))
        later = signed(BODY, "msg_1", at=AT + timedelta(seconds=200))
        answer = await posted(client, BODY, later)
    assert (answer.status_code, answer.json()["status"]) == (200, "seen")
    assert len(taken.events) == 1


@pytest.mark.parametrize("off_s", [-301, 301, 86_400, -86_400])
async def test_a_time_five_minutes_off_is_refused(off_s: int) -> None:
    async with listening(Taken()) as client:
        headers = signed(BODY, at=AT + timedelta(seconds=off_s))
        assert (await posted(client, BODY, headers)).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("off_s", [-300, 300])
async def test_a_time_within_five_minutes_holds(off_s: int) -> None:
    async with listening(Taken()) as client:
        headers = signed(BODY, at=AT + timedelta(seconds=off_s))
        assert (await posted(client, BODY, headers)).status_code == HTTPStatus.ACCEPTED


GOOD = signed(BODY, "msg_1")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {k: v for k, v in GOOD.items() if k != "webhook-id"},
        {k: v for k, v in GOOD.items() if k != "webhook-timestamp"},
        {k: v for k, v in GOOD.items() if k != "webhook-signature"},
        GOOD | {"webhook-id": "msg_2"},
        GOOD | {"webhook-id": 'msg_1{"'},
        GOOD | {"webhook-timestamp": "1795316401"},
        GOOD | {"webhook-timestamp": "nan"},
        GOOD | {"webhook-timestamp": "1795316400.0"},
        GOOD | {"webhook-timestamp": "9" * 400},
        GOOD | {"webhook-signature": ""},
        GOOD | {"webhook-signature": "v1,"},
        GOOD | {"webhook-signature": "v1,!!!"},
        GOOD | {"webhook-signature": "v2," + GOOD["webhook-signature"][3:]},
        GOOD | {"webhook-signature": GOOD["webhook-signature"][3:]},
        GOOD | {"webhook-signature": "v1a," + GOOD["webhook-signature"][3:]},
        signed(BODY, secret=OTHER),
        signed(BODY + b" "),
    ],
)
async def test_what_is_not_signed_is_refused_without_details(headers: dict[str, str]) -> None:
    taken = Taken()
    async with listening(taken) as client:
        answer = await posted(client, BODY, headers)
    assert (answer.status_code, answer.json()) == (401, {"title": "Unauthorized"})
    assert not taken.events


async def test_a_signature_header_that_stands_twice_does_not_hold() -> None:
    async with listening(Taken()) as client:
        headers = [*GOOD.items(), ("webhook-id", "msg_2")]
        answer = await client.post(PATH, content=BODY, headers=headers)
    assert answer.status_code == HTTPStatus.UNAUTHORIZED


async def test_in_a_rotation_old_and_new_keys_hold_and_one_good_signature_is_enough() -> None:
    async with listening(Taken(), secrets=f"{SECRET}\n{OTHER}\n") as client:
        for secret in (SECRET, OTHER):
            assert (await posted(client, BODY, signed(BODY, secret=secret))).is_success
    async with listening(Taken()) as client:
        both = GOOD | {"webhook-signature": f"{signed(BODY, 'msg_1', secret=OTHER)['webhook-signature']} v9,x"}
        assert (await posted(client, BODY, both)).status_code == HTTPStatus.UNAUTHORIZED
        both["webhook-signature"] += " " + GOOD["webhook-signature"]
        assert (await posted(client, BODY, both)).is_success


async def test_ed25519_signatures_hold_under_the_public_key_alone() -> None:
    key = Ed25519PrivateKey.generate()
    public = "whpk_" + base64.b64encode(key.public_key().public_bytes_raw()).decode()
    made = key.sign(f"msg_1.{GOOD['webhook-timestamp']}.".encode() + BODY)
    headers = GOOD | {"webhook-signature": "v1a," + base64.b64encode(made).decode()}
    async with listening(Taken(), secrets=public) as client:
        assert (await posted(client, BODY, headers)).is_success
        assert (await posted(client, BODY, GOOD)).status_code == HTTPStatus.UNAUTHORIZED
        assert (await posted(client, BODY + b" ", headers)).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    ("document", "places"),
    [
        (support(1, needs=[], nmae="x"), {"/needs", "/nmae"}),
        (support(1, victim={"name": ["이도윤"], "age": 13}), {"/victim/name", "/victim/age"}),
        ({"type": "a", "timestamp": NOW, "data": support(1, needs="x")}, {"/data/needs"}),
    ],
)
async def test_a_wrong_form_is_refused_field_by_field_and_without_its_values(document: Any, places: set[str]) -> None:
    body = dumped(document)
    async with listening(Taken()) as client:
        answer = await posted(client, body, signed(body))
    reasons = answer.json()["reasons"]
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert {r["path"] for r in reasons} == places
    assert all(r["code"] and r["text"] for r in reasons)
    assert "이도윤" not in answer.text


async def test_other_paths_and_methods_are_told_so() -> None:
    async with listening(Taken()) as client:
        assert (await posted(client, BODY, GOOD, "/other")).status_code == HTTPStatus.NOT_FOUND
        answer = await client.get(PATH)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert (await posted(client, BODY, GOOD, f"{PATH}?a=b")).is_success, "a query is no other path"


async def test_a_full_spool_is_503_with_the_time_to_come_back() -> None:
    taken = Taken()
    taken.full = True
    async with listening(taken, retry_after_s=7) as client:
        answer = await posted(client, BODY, GOOD)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        taken.full = False
        assert (await posted(client, BODY, GOOD)).status_code == HTTPStatus.ACCEPTED


async def _endless(mib: int) -> AsyncIterator[bytes]:
    for _ in range(mib):
        yield b" " * 1_048_576


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_of_100_mb_is_refused_early(*, declared: bool) -> None:
    before, size = resident(), 100 * 1_048_576
    headers = GOOD | ({"content-length": str(size)} if declared else {})
    async with listening(Taken()) as client:
        answer = await client.post(PATH, content=_endless(100), headers=headers)
        assert (answer.status_code, answer.headers["connection"]) == (413, "close")
        assert (await posted(client, BODY, GOOD)).is_success, "the next one passes"
    assert resident() - before < 32 * 1_048_576


async def raw(client: httpx.AsyncClient, octets: bytes, *more: bytes) -> bytes:
    """What a caller hears who sends this and then waits."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    writer.write(octets)
    heard = b""
    for part in more:
        heard += await reader.read(1000)
        writer.write(part)
    async with asyncio.timeout(10):
        heard += await reader.read()
    writer.close()
    return heard


def request(length: int = len(BODY), **more: str) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "Host: x", f"Content-Length: {length}"]
    return "\r\n".join([*lines, *(f"{k}: {v}" for k, v in (GOOD | more).items()), "", ""]).encode()


async def test_a_slow_body_and_slow_headers_are_timed_out() -> None:
    async with listening(Taken(), body_s=0.2, head_s=0.2, idle_s=0.3) as client:
        assert (await raw(client, request() + BODY[:5])).startswith(b"HTTP/1.1 408 ")
        assert (await raw(client, b"POST / HTTP/1.1\r\nHost")).startswith(b"HTTP/1.1 408 ")
        assert await raw(client, b"") == b"", "a silent connection is closed"
        assert (await posted(client, BODY, GOOD)).is_success


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", b"431"),
        (request() + BODY[:5], b"408"),
    ],
)
async def test_what_is_no_call_is_answered_and_the_connection_closed(octets: bytes, status: bytes) -> None:
    async with listening(Taken(), body_s=0.3) as client:
        assert (await raw(client, octets)).startswith(b"HTTP/1.1 " + status)


async def test_a_caller_that_asks_first_is_told_to_go_on() -> None:
    async with listening(Taken(), idle_s=0.5) as client:
        heard = await raw(client, request(Expect="100-continue"), BODY)
    assert heard.startswith(b"HTTP/1.1 100 ")
    assert b"HTTP/1.1 202 " in heard


async def test_calls_on_one_connection_are_answered_in_order() -> None:
    async with listening(Taken(), idle_s=0.5) as client:
        heard = await raw(client, (request() + BODY) * 3)
    assert [heard.count(b"HTTP/1.1 202 "), heard.count(b"HTTP/1.1 200 ")] == [1, 2]


async def test_connections_beyond_the_bound_are_refused_and_end() -> None:
    async with listening(Taken(), connections=2, idle_s=5) as client:
        links = [await asyncio.open_connection("127.0.0.1", client.base_url.port) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(httpx.TransportError):
            await posted(client, BODY, GOOD)
        for _, writer in links:
            writer.close()
        await asyncio.sleep(0.05)
        assert (await posted(client, BODY, GOOD)).is_success


@pytest.mark.parametrize(
    ("form", "document", "subject"),
    [
        ("device", {"device": "d1", "kind": "water_meter", "reading": "no_flow_hours", "value": 30, "at": NOW}, "d1"),
        ("citizen", {"id": "hb-1", "observed": "우편물이 쌓임"}, "hb-1"),
        ("welfare", {"header": ["번호"], "cells": ["SB-1"], "row": 2, "register": "등록부"}, ["등록부", "SB-1"]),
        ("answer", {"referral": "R-1", "change": "accept"}, "R-1"),
    ],
)
async def test_other_forms_come_in_at_their_own_paths(form: str, document: Any, subject: object) -> None:
    taken, body = Taken(), dumped(document)
    async with listening(taken, paths={PATH: form}) as client:
        assert (await posted(client, body, signed(body))).status_code == HTTPStatus.ACCEPTED
    (event,) = taken.events.values()
    assert event["data"] == document
    assert str(subject) not in str({k: v for k, v in event.items() if k != "data"})


async def test_a_reading_without_a_time_is_refused() -> None:
    """Two alarms of one device would otherwise be one message."""
    body = dumped({"device": "d1", "kind": "fall_sensor", "reading": "fall", "value": 1})
    async with listening(Taken(), paths={PATH: "device"}) as client:
        answer = await posted(client, body, signed(body))
    assert [r["path"] for r in answer.json()["reasons"]] == ["/at"]


async def test_a_declared_charset_counts() -> None:
    taken, body = Taken(), dumped(support(1)).decode().encode("cp949")
    async with listening(taken) as client:
        for charset, status in (("euc-kr", 202), ("utf-8", 400), ("ebcdic", 400)):
            headers = signed(body, **{"content-type": f'application/json; charset="{charset}"'})
            assert (await posted(client, body, headers)).status_code == status
        assert next(iter(taken.events.values()))["data"] == support(1)
