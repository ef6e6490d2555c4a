"""No personal data outside bodies: a canary sent through every format is found nowhere, in no form."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from hub.schemas.topics import Formats, Types
from hub.town.accounts import accounts
from hub.town.formats import HOUSING_HEADER, WELFARE_HEADER
from tests.flow import canary
from tests.flow.canary import ADDRESS, BIRTH, GUARDIAN, NAME, NOTE, PHONE, REPORTER, RESIDENT
from tests.flow.site import Site, envelope

SAMPLES = Path(__file__).parents[1] / "samples" / "jinju"
Events = dict[str, list[Any]]


def fhir() -> dict[str, Any]:
    bundle: dict[str, Any] = orjson.loads((SAMPLES / "hospital-fhir-1.json").read_bytes())
    patient, request = bundle["entry"][0]["resource"], bundle["entry"][1]["resource"]
    patient["name"] = [{"text": NAME, "family": "독고", "given": ["흰솔"]}]
    patient["birthDate"], patient["telecom"][0]["value"] = BIRTH, PHONE
    patient["address"] = [{"text": ADDRESS}]
    patient["identifier"].append({"system": "urn:kr:rrn", "value": RESIDENT})
    request["identifier"][0]["value"], request["note"] = "GS-CANARY-1", [{"text": NOTE}]
    return bundle


def hl7() -> str:
    text = (SAMPLES / "hospital-hl7v2-1.hl7").read_bytes().decode("cp949")
    for was, now in (
        ("박^순자", "독고^흰솔"),
        ("19480302", BIRTH.replace("-", "")),
        ("진주시 진주대로 1052 101-1203", ADDRESS),
        ("01023456789", PHONE.replace("-", "")),
        ("JI-26-3391", "JI-CANARY-1"),
        ("위와 같은 돌봄 요청", NOTE),
    ):
        assert was in text
        text = text.replace(was, now)
    return base64.b64encode(text.encode("cp949")).decode()


def row(header: tuple[str, ...], *cells: str) -> dict[str, Any]:
    return {"header": list(header), "cells": list(cells), "row": 1, "register": "canary"}


def events() -> Events:
    """One event of each format, and a refused one: refusals must not quote either."""
    housing = ("LH-C-1", NAME, "470823", "여", PHONE, ADDRESS, "4", "612000", "임대료 체납", "2026-11-17")
    broken = ("LH-C-2", NAME, BIRTH, "여", PHONE, ADDRESS, NOTE, NOTE, "임대료 체납", "2026-13-45")
    welfare = ("SB-C-1", NAME, BIRTH, "여", PHONE, ADDRESS, "식품", "긴급", "2026-11-18", "서면", RESIDENT)
    victim: dict[str, Any] = orjson.loads((SAMPLES / "prosecutors-victim-support.jsonl").read_bytes().splitlines()[0])
    victim["case_no"] = "2026-VS-C1"
    victim["victim"] |= {"name": NAME, "birth": BIRTH, "address": ADDRESS}
    victim["victim"]["guardian"] = {"name": GUARDIAN, "relation": "조모", "phone": PHONE}
    citizen = {
        "id": "hb-c1", "reporter": REPORTER, "about": {"name": NAME, "address": ADDRESS}, "observed": NOTE,
        "urgent": True, "at": "2026-11-18T09:30:00+09:00",
    }  # fmt: skip
    device = {
        "device": "wm-c1", "kind": "water_meter", "household": {"address": ADDRESS}, "reading": "no_flow_hours",
        "value": 61, "at": "2026-11-18T06:00:00+09:00",
    }  # fmt: skip
    header = (*WELFARE_HEADER, "주민번호")
    made = envelope("jeil", "c-hl7", Types.REFERRAL, Formats.HL7, None, data_base64=hl7())
    made.pop("data")
    return {
        "gyeongsang": [envelope("gyeongsang", "c-fhir", Types.REFERRAL, Formats.FHIR, fhir())],
        "jeil": [made],
        "lh": [
            envelope("lh", "c-row", Types.REFERRAL, Formats.HOUSING, row(HOUSING_HEADER, *housing)),
            envelope("lh", "c-bad", Types.REFERRAL, Formats.HOUSING, row(HOUSING_HEADER, *broken)),
            f'{{"specversion":"1.0","id":"c-cut","source":"//agency/lh/x","data":"{NAME} {RESIDENT}'.encode(),
        ],
        "sangbong": [envelope("sangbong", "c-wel", Types.REFERRAL, Formats.WELFARE, row(header, *welfare))],
        "prosecutors": [envelope("prosecutors", "c-vic", Types.REFERRAL, Formats.VICTIM, victim)],
        "citizens": [envelope("citizens", "c-cit", Types.SIGNAL, Formats.CITIZEN, citizen)],
        "devices": [envelope("devices", "c-dev", Types.SIGNAL, Formats.DEVICE, device)],
    }


@pytest.fixture(scope="module")
def sung(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site through which the canary has gone, with its web running."""
    site = Site(tmp_path_factory.mktemp("canary"))
    try:
        sing(site)
        yield site
    finally:
        site.close()


def sing(site: Site) -> None:
    """Send everything, twice, and let it be published."""
    site.start("consumer 0", "relay")
    site.start_web()
    site.register(accounts())
    site.settle()
    for agency, batch in events().items():
        site.publish(f"hub.in.{agency}", batch)
        site.publish(f"hub.in.{agency}", batch)
    site.settle()
    site.until(site.relayed, 30)


def test_every_format_was_recorded(sung: Site) -> None:
    verdicts = dict(sung.sql("SELECT verdict, count(*) FROM messages WHERE raw_key IS NOT NULL GROUP BY 1"))
    kinds = dict(sung.sql("SELECT kind, count(*) FROM entries GROUP BY 1"))
    assert kinds["referral.recorded"] == 6  # five referrals, the victim's two needs among them
    assert kinds["signal.recorded"] == 2
    assert kinds["message.refused"] >= 2
    assert verdicts["seen"] == 8


def test_no_table_holds_the_canary_in_clear(sung: Site) -> None:
    with psycopg.connect(sung.settings.database_url) as connection:
        names = [n for (n,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        assert "entries" in names
        for name in names:
            with connection.cursor().copy(f"COPY {name} TO STDOUT (FORMAT BINARY)") as copy:
                assert canary.found_in(name, b"".join(bytes(part) for part in copy)) == []


def outgoing(site: Site) -> Iterator[tuple[str, bytes]]:
    consumer = Consumer(site.client(**{"group.id": "canary", "enable.auto.commit": False}))
    topics = {n: t for n, t in consumer.list_topics(timeout=10).topics.items() if not n.startswith(("hub.in.", "__"))}
    places = [TopicPartition(name, partition, 0) for name, topic in topics.items() for partition in topic.partitions]
    expected = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
    consumer.assign(places)
    for _ in range(expected):
        message = consumer.poll(10)
        assert message is not None
        headers = b"".join(k.encode() + (v or b"") for k, v in message.headers() or ())
        yield message.topic(), (message.key() or b"") + b"|" + (message.value() or b"") + b"|" + headers
    consumer.close()


def test_no_outgoing_topic_holds_the_canary(sung: Site) -> None:
    messages = list(outgoing(sung))
    assert {"hub.feed", "hub.out.lh"} <= {name for name, _ in messages}
    for name, content in messages:
        assert canary.found_in(name, content) == []


def test_no_log_quotes_the_canary(sung: Site) -> None:
    assert canary.found_in("log", sung.log.read_bytes()) == []


def test_looking_for_it_finds_it() -> None:
    for text in (NAME, BIRTH, NOTE):
        inside = b"xx" + base64.b64encode(b"a" + text.encode("cp949") + b"z") + b"yy"
        assert canary.found_in("here", inside)


def test_no_birth_date_can_be_guessed_from_what_is_public(sung: Site) -> None:
    """All other fields known, every birth date tried: no digest anywhere answers."""
    public = b"".join(bytes(e) for (e,) in sung.sql("SELECT entry FROM entries"))
    known = orjson.dumps(events()["gyeongsang"][0])
    day, end, tried = date(1940, 1, 1), date(1955, 1, 1), 0
    while day < end:
        raw = known.replace(BIRTH.encode(), day.isoformat().encode())
        data = orjson.dumps(orjson.loads(raw)["data"])
        for guess in (raw, data, day.isoformat().encode(), NAME.encode() + day.isoformat().encode()):
            for make in (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.blake2b):
                digest = make(guess).hexdigest().encode()
                assert digest[:32] not in public
        day += timedelta(days=1)
        tried += 1
    assert tried > 5000


def test_errors_and_metrics_of_the_api_do_not_quote(sung: Site) -> None:
    port = sung.web_port
    for path in ("metrics", "healthz", "openapi.json", f"v1/cases/{urllib.parse.quote(NAME)}"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
                code, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            code, content = error.code, error.read()
        assert code in {200, 401, 404}
        assert canary.found_in(path, content) == []
