"""What a server can do wrong: each in clear words, with patience, in bounded memory; and what `check` says of it."""

from __future__ import annotations

import asyncio
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from connectors.fhir import FhirConnector
from connectors.fhir.config import FhirConfig
from connectors.fhir.server import Away, Server
from connectors.protocol import Check
from connectors.testing.stage import made
from tests.connectors.certificates import certificate
from tests.connectors.fhir_polling.polling import PERSON, lines, odd, patient, referral, request, task
from tests.connectors.fhir_polling.ward import Ward
from tests.connectors.mutating import resident

MB = 1_048_576


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"fail": 1, "status": 500}, "answers 500"),
        ({"fail": 1, "status": 429}, "answers 429"),
        ({"fail": 1, "status": 401}, "does not let us in"),
        ({"fail": 1, "status": 403}, "does not let us in"),
        ({"fail": 2, "status": 404}, "answers 404 to a search of Task"),
        ({"html": True}, r"no FHIR JSON \(text/html\)"),
        ({"body": '{"resourceType":"Bundle","total":NaN}'}, "no FHIR JSON"),
        ({"body": "[" * 100_000}, "no FHIR JSON"),
        ({"body": '{"resourceType":"Bundle","entry":{"a":1}}'}, "no FHIR JSON"),
        ({"body": '{"resourceType":"Patient"}'}, "no Bundle"),
        ({"body": '{"a":1}'}, "no FHIR JSON"),
        ({"body": " "}, "no FHIR JSON"),
        ({"redirect": True}, "a way elsewhere"),
        ({"token": "another"}, "does not let us in"),
    ],
)
async def test_an_answer_that_is_none_is_named_and_the_next_look_goes_on(
    ward: Ward, how: dict[str, Any], words: str
) -> None:
    await ward.partner.put(referral(1))
    await ward.behave(**how)
    with pytest.raises(Away, match=words):
        await ward.look()
    await ward.partner.control(behave={"html": False, "body": "", "redirect": False, "token": "", "fail": 0})
    assert len(await ward.look()) == 1


async def test_a_server_that_wants_to_be_left_alone_is(ward: Ward) -> None:
    await ward.behave(fail=2, status=503, retry_after=30)
    with pytest.raises(Away) as raised:
        await ward.look()
    assert raised.value.wait_s == 30
    await ward.behave(retry_after="Sun, 22 Nov 2099 00:00:00 GMT")
    with pytest.raises(Away) as raised:
        await ward.look()
    assert raised.value.wait_s == 3600  # at most


async def test_a_slow_server_is_not_waited_for(ward: Ward) -> None:
    await ward.again(timeout_s=0.1)
    await ward.behave(slow_s=0.5)
    with pytest.raises(Away, match="ReadTimeout"):
        await ward.look()


async def test_a_page_of_100_mb_costs_no_memory_and_is_asked_for_in_smaller_ones(ward: Ward) -> None:
    await ward.again(page_mb=1)
    await ward.behave(endless=True)
    before = resident()
    with capture_logs() as logged, pytest.raises(Away, match="one Task alone is an answer of more than 1048576 bytes"):
        await ward.look()
    assert resident() - before < 32 * MB
    assert [one["next"] for one in logged if one["event"] == "page_too_large"] == [50, 25, 12, 6, 3, 1, 1]
    await ward.behave(endless=False)
    for number in range(12):
        await ward.partner.put(referral(number, note=[{"text": "가" * 40_000}] * 2))
    assert len(await ward.look()) == 12


async def test_one_resource_the_server_stumbles_over_holds_up_no_other(ward: Ward) -> None:
    await ward.put(patient(1), patient(2), task(1), task(2), request(1), request(2))
    await ward.again(page_size=10)
    # Without includes, requests are read together, then one by one.
    ward.connector._opened()[1]._search.includes = False
    await ward.behave(poison="sr-1")
    found = await ward.look()
    assert [ward.partner.number(event) for event in found] == [2]
    await ward.write()
    held = await ward.task(1)
    assert held["statusReason"]["text"] == "ServiceRequest: the server answers 500"


@pytest.mark.parametrize("unknown", ["_include", "based-on", "_id"])
async def test_a_server_that_does_not_know_all_searches_is_used_without_them(ward: Ward, unknown: str) -> None:
    await ward.behave(unknown=[unknown])
    for number in range(3):
        await ward.partner.put(referral(number))
    await ward.put(patient(4), request(4, supportingInfo=[{"reference": "RelatedPerson/r-1"}]), task(4))
    await ward.put({"resourceType": "RelatedPerson", "id": "r-1", "name": [{"text": "x"}]})
    with capture_logs() as logged:
        found = await ward.look()
        await ward.changes()
    assert sorted(ward.partner.number(event) for event in found) == [0, 1, 2, 4]
    assert any(one["event"].endswith("_unsupported") for one in logged)


async def test_unreadable_bytes_in_a_page_leave_the_others(ward: Ward) -> None:
    await ward.put(patient(0), patient(1))
    await ward.partner.put(odd(b'{"resourceType":"ServiceRequest","id":"sr-9000","x":NaN}'))
    own = b'"status":"requested","owner":{"reference":"Organization/ieum"}'
    broken = b'Task/t-5\t{"resourceType":"Task","id":"t-5",' + own + b',"x":Infinity}'
    await ward.partner.put(broken)
    await ward.put(request(1), task(1))
    with capture_logs() as logged:
        assert len(await ward.look()) == 1
        assert await ward.look() == []
    told = [one for one in logged if one["event"] == "resource_unreadable"]
    assert [(one["resource"], one["code"]) for one in told] == [("Task", "not_json")]
    await ward.write()
    held = await ward.task(9_000)
    assert held["statusReason"]["text"].startswith("ServiceRequest: Not JSON")


async def test_the_connector_outlives_a_server_that_goes_away(ward: Ward) -> None:
    await ward.behave(fail=10_000, status=503)
    one = made(FhirConnector, ward.partner.config())
    running = asyncio.create_task(one.run(ward.take))
    await asyncio.sleep(0.2)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    one.memory.close()  # type: ignore[attr-defined]


async def test_nothing_personal_is_logged_whatever_happens(ward: Ward) -> None:
    content = lines(patient(1), request(1, note=[{"text": f"{PERSON[0]} {PERSON[1]}"}]), task(1))
    with capture_logs() as logged:
        await ward.partner.put(content)
        (event,) = await ward.look()
        await ward.receipt(event, "refused", {"path": "/data/entry/1/resource/name", "code": "x", "text": "no name"})
        await ward.put(
            patient(1, name=[{"text": "\u202e" + PERSON[0]}], x=[[]]), request(1, subject={"reference": "x"})
        )
        await ward.changes()
    said = str(logged)
    assert logged
    assert [canary for canary in (*PERSON, "p-1", "sr-1", "t-1") if canary in said] == []


# ------------------------------------------------------------------ the door of the server
async def test_an_answer_that_is_compressed_unasked_is_refused() -> None:
    config = FhirConfig(url="https://h/fhir")
    headers = {"Content-Encoding": "gzip"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"x")))
    server = Server(config, transport)
    with pytest.raises(Away, match="compresses"):
        await server.get("Task")
    await server.close()


@pytest.mark.parametrize(
    "link",
    ["https://h.example/fhir", "http://h/fhir/Task", "https://h:444/fhir/x", "//evil/fhir", "https://h/other", "/admin",
     "https://h/fhir/../admin", "https://u:p@h/fhir/x", "file:///etc/passwd", "https://h:x/fhir"],
)  # fmt: skip
def test_a_link_elsewhere_is_refused(link: str) -> None:
    server = Server(FhirConfig(url="https://h/fhir/"))
    with pytest.raises(Away, match="leads elsewhere"):
        server.below(link)
    assert server.below("https://h/fhir?page=2") == "https://h/fhir?page=2"
    assert server.below("Task?page=2") == "https://h/fhir/Task?page=2"


@pytest.mark.parametrize(
    "wrong",
    [{"url": "ftp://h"}, {"url": "https://u:p@h/fhir"}, {"url": "https://h/fhir?x=1"}, {"username": "a"},
     {"token": "t", "username": "a", "password": "b"}, {"parameters": {"_sort": "x"}}, {"parameters": {"status": "x"}},
     {"parameters": {"_include:iterate": "x"}}, {"certificate_file": "x"}, {"pages": 0}],
)  # fmt: skip
def test_a_configuration_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FhirConfig.model_validate({"url": "https://h/fhir"} | wrong)


# ------------------------------------------------------------------ check
async def checked(ward: Ward, **settings: Any) -> dict[str, Check]:
    await ward.again(**settings)
    return {one.name: one for one in await ward.connector.check()}


async def test_a_server_in_order_passes_every_check(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    found = await checked(ward)
    clock = found.pop("clock")  # the test's own clock stands still
    assert (clock.ok, "NTP" in clock.fix) == (False, True)
    assert [one for one in found.values() if not one.ok] == []
    assert set(found) == {
        "connection", "version", "interactions", "versions", "credentials", "search", "order", "links", "time",
        "memory",
    }  # fmt: skip
    assert "1 ask now" in found["search"].found
    assert [one for one in await ward.asked() if not one.startswith("GET")] == []


@pytest.mark.parametrize(
    ("how", "settings", "name", "words"),
    [
        ({"fhir_version": "5.0.0"}, {}, "version", "R4"),
        ({"token": "x"}, {}, "credentials", "password"),
        ({"ignore_time": True}, {}, "time", "_lastUpdated"),
        ({"unsorted": True}, {}, "order", "_sort"),
        ({"next_base": "http://10.0.0.1/fhir"}, {"page_size": 1}, "links", "public address"),
        ({}, {"parameters": {"colour": "red"}}, "search", "parameters"),
        ({}, {"url": "http://127.0.0.1:1/fhir"}, "connection", "url"),
        ({"html": True}, {}, "search", "url"),
        ({"no_versions": True}, {}, "versions", "undo"),
        ({"offers": ["read"]}, {}, "interactions", "answer = false"),
        ({}, {"token": "secret"}, "tls", "https"),
        ({}, {"ca_file": "/nowhere.pem"}, "certificates", "PEM"),
    ],
)
async def test_each_thing_that_is_wrong_is_named_with_its_fix(
    ward: Ward, how: dict[str, Any], settings: dict[str, Any], name: str, words: str
) -> None:
    for number in range(3):
        await ward.partner.put(referral(number))
    await ward.behave(**how)
    found = await checked(ward, **settings)
    assert not found[name].ok
    assert words in found[name].fix


async def test_credentials_that_the_server_refuses_are_named(ward: Ward) -> None:
    await ward.behave(search_status=403)
    found = await checked(ward)
    assert "this server knows" in found["credentials"].fix


class _Quiet(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


async def test_tls_believes_the_authority_it_was_given_and_no_other(tmp_path: Path) -> None:
    pem, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key)
    served = HTTPServer(("127.0.0.1", 0), _Quiet)
    served.socket = context.wrap_socket(served.socket, server_side=True)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    url = f"https://127.0.0.1:{served.server_port}"
    try:
        config = {"url": url, "memory_file": str(tmp_path / "m")}
        known = {c.name: c for c in await made(FhirConnector, config | {"ca_file": str(pem)}).check()}
        assert known["version"].ok
        stranger = {c.name: c for c in await made(FhirConnector, config).check()}
        assert not stranger["connection"].ok
        assert "ca_file" in stranger["connection"].fix
    finally:
        await asyncio.to_thread(served.shutdown)
        served.server_close()
