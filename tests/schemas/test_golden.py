"""What was accepted once is accepted still, means the same, and is what the published schemas describe."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator as Validator

from hub.core.directory import Agency
from hub.core.feedview import OUTBOX_FACTS, Stamp, feed_message, outbox_message
from hub.core.feedview import read as read_entry
from hub.schemas.topics import Formats
from hub.web.schema_documents import NATIVE, SYSTEM, documents
from tests.schemas.corpus import files, needed, read, text

FILES = files()
MESSAGES = sorted(name for name in FILES if not name.startswith("entry/"))
ENTRIES = sorted(name for name in FILES if name.startswith("entry/"))
CITY = Agency("city", "city_desk", "시", ("welfare", "treatment", "housing", "victim_support", "audit"), "other_law")


def held(name: str) -> dict[str, Any]:
    return dict(json.loads(FILES[name].read_text(encoding="utf-8")))


def test_there_is_a_sample_of_everything() -> None:
    assert needed() <= FILES.keys(), "run: .venv/bin/python -m tests.schemas.corpus"


@pytest.mark.parametrize("name", FILES)
def test_a_sample_is_accepted_and_means_what_it_meant(name: str) -> None:
    golden = held(name)
    assert text(read(name, golden["sample"])) == text(golden["read"])


@pytest.mark.parametrize("name", FILES)
def test_a_sample_is_kept_as_it_is_written(name: str) -> None:
    assert FILES[name].read_text(encoding="utf-8") == text(held(name))


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_what_the_schemas_describe(name: str) -> None:
    sample = held(name)["sample"]
    Validator(documents()["envelope"]).validate(sample)
    if sample["dataschema"] == Formats.SYSTEM:
        Validator(documents()[f"system-{name.removeprefix('system/').removesuffix('-v1')}"]).validate(sample["data"])
    elif sample["dataschema"] in NATIVE:
        Validator(documents()[f"native-{name.removeprefix('native/')}"]).validate(sample["data"])
    else:
        assert sample["data_base64"]


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_and_what_leaves_of_it_are_what_the_schemas_describe(name: str) -> None:
    golden = held(name)
    Validator(documents()["entry"]).validate(golden["read"])
    entry, stamp = read_entry(orjson.dumps(golden["read"])), Stamp("ieum.hub/test", "e")
    Validator(documents()["feed"]).validate(orjson.loads(feed_message(entry, 7, stamp, CITY).value))
    Validator(documents()["feed"]).validate(orjson.loads(feed_message(entry, 7, stamp, None).value))
    if OUTBOX_FACTS[entry.kind]:
        Validator(documents()["outbox"]).validate(orjson.loads(outbox_message(entry, 7, stamp).value))


def test_every_system_message_has_a_schema() -> None:
    assert {f"system/{name}-v1" for name in SYSTEM} == {name for name in FILES if name.startswith("system/")}
