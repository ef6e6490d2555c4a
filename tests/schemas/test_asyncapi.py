"""The topics' document: complete, every reference leads somewhere, and what it says of a message is true."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from hub.schemas.envelope import CARRIES
from hub.schemas.topics import Formats
from hub.web.asyncapi import asyncapi
from hub.web.schema_documents import documents
from tests.connectors.peers import missing
from tests.schemas.corpus import files

DOCUMENT = asyncapi("1.2.3")
SPECIFICATION = "@asyncapi/specs@6.11.1"
NAME = re.compile(r"^[A-Za-z0-9._-]+$")


def references(held: Any) -> set[str]:
    if isinstance(held, list):
        return set().union(*map(references, held))
    if not isinstance(held, dict):
        return set()
    own = {held["$ref"]} if isinstance(held.get("$ref"), str) else set()
    return own.union(*map(references, held.values()))


def resolved(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_every_reference_leads_somewhere() -> None:
    assert references(DOCUMENT)
    for reference in references(DOCUMENT):
        assert resolved(reference), reference


def test_the_channels_are_the_topics_a_partner_meets() -> None:
    assert {c["address"] for c in DOCUMENT["channels"].values()} == {"hub.in.{agency}", "hub.out.{agency}", "hub.feed"}
    assert {(o["action"], o["channel"]["$ref"]) for o in DOCUMENT["operations"].values()} == {
        ("receive", "#/channels/inbound"),
        ("send", "#/channels/outbound"),
        ("send", "#/channels/feed"),
    }


def test_an_agency_may_send_every_format_but_the_hubs_own() -> None:
    sent = {
        (m["payload"]["properties"]["type"]["const"], m["payload"]["properties"]["dataschema"]["const"])
        for m in (resolved(one["$ref"]) for one in DOCUMENT["channels"]["inbound"]["messages"].values())
    }
    assert sent == {(type_, urn) for type_, several in CARRIES.items() for urn in several if urn != Formats.SYSTEM}


@pytest.mark.parametrize(("channel", "document"), [("outbound", "outbox"), ("feed", "feed")])
def test_what_the_hub_sends_is_every_shape_of_the_schemas(channel: str, document: str) -> None:
    names = {resolved(one["$ref"])["name"] for one in DOCUMENT["channels"][channel]["messages"].values()}
    assert names == {shape["title"] for shape in documents()[document]["oneOf"]}


def test_every_message_has_a_key_and_every_server_a_password() -> None:
    for message in DOCUMENT["components"]["messages"].values():
        assert message["bindings"]["kafka"]["key"]["description"]
    for server in DOCUMENT["servers"].values():
        assert {resolved(one["$ref"])["type"] for one in server["security"]} == {"scramSha256", "scramSha512"}


def test_components_have_names_the_specification_allows() -> None:
    for held in DOCUMENT["components"].values():
        assert all(NAME.fullmatch(name) for name in held)


@pytest.mark.parametrize("name", [name for name in files() if name.startswith("native/")])
def test_a_message_that_was_accepted_is_what_the_document_describes(name: str) -> None:
    sample = json.loads(files()[name].read_text("utf-8"))["sample"]
    reference = DOCUMENT["channels"]["inbound"]["messages"][name.removeprefix("native/")]["$ref"]
    payload = resolved(reference)["payload"]
    validator = Draft202012Validator(payload | {"components": DOCUMENT["components"]})
    validator.validate(sample)
    assert not validator.is_valid(sample | {"type": "kr.ieum.other.v1"})


@pytest.mark.faults
def test_the_document_is_valid_by_the_official_schema(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        missing("npm is not installed: the official schema of AsyncAPI comes from its package")
    done = subprocess.run(["npm", "pack", SPECIFICATION], cwd=tmp_path, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"{SPECIFICATION} cannot be fetched: {done.stderr[-200:]}")
    with tarfile.open(next(tmp_path.glob("*.tgz"))) as held:
        file = held.extractfile("package/schemas/3.0.0-without-$id.json")
        assert file is not None
        official = json.load(file)
    assert [error.message for error in Draft7Validator(official).iter_errors(DOCUMENT)] == []
    assert list(Draft7Validator(official).iter_errors(DOCUMENT | {"channels": 1}))
