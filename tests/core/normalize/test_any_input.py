"""Whatever arrives, parse and normalize answer with a value."""

from __future__ import annotations

import base64
import random
from typing import Any

import msgspec
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.normalize import normalize
from hub.schemas.canonical import Claim, Refusal
from hub.schemas.envelope import CARRIES, Envelope, data_digest, parse
from hub.schemas.topics import Formats, Types

from .conftest import shipped_mapping, town_events, wrapped

MAPPING = shipped_mapping()
EVENTS = town_events()
SYSTEM = [(type_, schema) for type_, schemas in CARRIES.items() for schema in schemas]
HOSTILE = (
    "",
    " ",
    "\x00",
    "０",
    "٣",
    "9" * 40,
    "-1",
    "1900-01-01",
    "2026-02-30",
    "음",
    "^~\\&|",
    "\\X",
    "가" * 300,
    "=1+1",
    "ſ",
)

texts = st.text(max_size=60) | st.sampled_from(HOSTILE)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=12,
)


def answered(raw: bytes, agency: str) -> None:
    envelope = parse(raw, agency)
    if isinstance(envelope, Refusal):
        assert envelope.reasons
        return
    assert isinstance(envelope, Envelope)
    assert len(data_digest(envelope)) == 32
    result = normalize(envelope, MAPPING)
    if isinstance(result, Refusal):
        assert result.reasons
    # What was built is what its type says, and can be written.
    packed = msgspec.msgpack.encode(result)
    assert isinstance(result, Refusal) or msgspec.msgpack.decode(packed, type=Claim) == result


def mutated(value: Any, chance: random.Random, put: Any) -> Any:
    """One place of a JSON value replaced."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(sorted(value))
        return value | {key: mutated(value[key], chance, put)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        place = chance.randrange(len(value))
        return [*value[:place], mutated(value[place], chance, put), *value[place + 1 :]]
    return put


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(raw: bytes) -> None:
    answered(raw, "lh")


@settings(max_examples=400)
@given(st.sampled_from(EVENTS), st.randoms(use_true_random=False), json_values)
def test_a_sample_with_any_value_in_any_place_is_answered(
    sent: tuple[str, dict[str, Any]], chance: random.Random, put: object
) -> None:
    agency, event = sent
    answered(orjson.dumps(mutated(event, chance, put)), agency)


@settings(max_examples=300)
@given(st.sampled_from(EVENTS), st.randoms(use_true_random=False), texts)
def test_a_sample_with_any_text_in_any_field_is_answered(
    sent: tuple[str, dict[str, Any]], chance: random.Random, put: str
) -> None:
    agency, event = sent
    changed = event | {"data": mutated(event["data"], chance, put)} if "data" in event else event
    answered(orjson.dumps(changed), agency)


@settings(max_examples=200)
@given(st.sampled_from(EVENTS), st.integers(0), st.binary(max_size=4))
def test_a_sample_with_any_bytes_in_it_is_answered(sent: tuple[str, dict[str, Any]], place: int, put: bytes) -> None:
    agency, event = sent
    raw = orjson.dumps(event)
    at = place % len(raw)
    answered(raw[:at] + put + raw[at + len(put) :], agency)


@settings(max_examples=200)
@given(st.sampled_from([event for event in EVENTS if "data_base64" in event[1]]), st.integers(0), st.binary(max_size=6))
def test_an_hl7_message_with_any_bytes_in_it_is_answered(
    sent: tuple[str, dict[str, Any]], place: int, put: bytes
) -> None:
    octets = base64.b64decode(sent[1]["data_base64"])
    at = place % len(octets)
    changed = base64.b64encode(octets[:at] + put + octets[at + len(put) :]).decode()
    answered(orjson.dumps(sent[1] | {"data_base64": changed}), sent[0])


@settings(max_examples=200)
@given(st.sampled_from(SYSTEM), json_values)
def test_any_data_of_any_type_is_answered(pair: tuple[str, str], data: object) -> None:
    answered(orjson.dumps(wrapped("hub", pair[1], pair[0], data=data)), "hub")


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted(MAPPING.sheets["welfare"].columns)), texts, max_size=14))
def test_any_cells_in_any_columns_are_answered(cells: dict[str, str]) -> None:
    data = {"header": ["의뢰번호", "성명", *cells], "cells": ["1", "박순자", *cells.values()], "row": 1, "register": ""}
    answered(orjson.dumps(wrapped("sangbong", Formats.WELFARE, Types.REFERRAL, data=data)), "sangbong")
