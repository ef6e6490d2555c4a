"""The shipped mapping, and the town's events as their agencies send them."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.reading import Broken, read
from hub import rules
from hub.core.normalize import Mapping, normalize, read_crosswalk
from hub.schemas.envelope import Envelope, parse
from hub.schemas.topics import Formats, Types

SAMPLES = Path(__file__).parents[2] / "samples"
NOW = "2026-11-18T12:00:00Z"
AGENCIES = {
    "hospital-fhir-1.json": "gyeongsang",
    "hospital-fhir-2.json": "gyeongsang",
    "hospital-hl7v2-1.hl7": "jeil",
    "hospital-hl7v2-2.hl7": "jeil",
    "housing-arrears.csv": "lh",
    "welfare-center-register.xlsx": "sangbong",
    "prosecutors-victim-support.jsonl": "prosecutors",
    "citizen-reports.jsonl": "citizens",
    "devices.jsonl": "devices",
}


def shipped_mapping() -> Mapping:
    texts = rules.texts()
    codes = [row["code"] for row in csv.DictReader(StringIO(texts["needs.csv"]))]
    return Mapping.load(texts["mapping.toml"], read_crosswalk(texts["areas.csv"]), codes)


def town_events() -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for name, agency in AGENCIES.items():
        for event in read(SAMPLES / "jinju" / name, agency, key=b"k" * 32, now=NOW):
            assert not isinstance(event, Broken), event
            found.append((agency, event))
    return found


def wrapped(agency: str, schema: str, type_: str = Types.REFERRAL, **payload: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "m-1",
        "source": f"//agency/{agency}/test",
        "type": type_,
        "time": NOW,
        "dataschema": schema,
        **payload,
    }


class Intake:
    """parse, then normalize, as `prepare` does."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping

    def __call__(self, agency: str, event: dict[str, Any]) -> Any:
        envelope = parse(orjson.dumps(event), agency)
        return normalize(envelope, self.mapping) if isinstance(envelope, Envelope) else envelope

    def row(self, kind: str = "welfare", **cells: str) -> Any:
        """A register's row; `cells` by column title on top of a good one."""
        good = {
            "의뢰번호": "SB-1",
            "성명": "박순자",
            "전화번호": "010-2345-6789",
            "욕구": "식품",
            "접수일자": "2026-11-18",
        }
        held = {title: text for title, text in (good | cells).items() if text != "-absent-"}
        schema = {"welfare": Formats.WELFARE, "housing": Formats.HOUSING}[kind]
        data = {"header": list(held), "cells": list(held.values()), "row": 3, "register": "의뢰대장"}
        return self("sangbong", wrapped("sangbong", schema, data=data))


@pytest.fixture(scope="session")
def mapping() -> Mapping:
    return shipped_mapping()


@pytest.fixture(scope="session")
def intake(mapping: Mapping) -> Intake:
    return Intake(mapping)


@pytest.fixture(scope="session")
def town(intake: Intake) -> dict[str, Any]:
    """Every claim or refusal of the town, by its number."""
    claims: dict[str, Any] = {}
    for agency, event in town_events():
        claim = intake(agency, event)
        number = getattr(claim, "number", None) or getattr(claim, "ref", None) or event["data"]["cells"][0]
        claims[number] = claim
    return claims
