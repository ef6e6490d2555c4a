"""What makes bytes a message of one agency."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.schemas.canonical import Refusal
from hub.schemas.envelope import Envelope, data_digest, parse
from hub.schemas.topics import Formats, Types

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "m-1",
    "source": "//agency/lh/files",
    "type": Types.REFERRAL,
    "time": "2026-11-18T12:00:00Z",
    "dataschema": Formats.HOUSING,
    "data": {"a": [1, "two"]},
}


def taken(**changed: Any) -> Envelope:
    envelope = parse(orjson.dumps(GOOD | changed), "lh")
    assert isinstance(envelope, Envelope), envelope
    return envelope


def refused(raw: bytes, agency: str = "lh") -> tuple[str, str]:
    refusal = parse(raw, agency)
    assert isinstance(refusal, Refusal), refusal
    assert len(refusal.reasons) == 1
    return refusal.reasons[0].path, refusal.reasons[0].code


def test_a_good_message_is_taken() -> None:
    envelope = taken()
    assert (envelope.id, envelope.agency, envelope.data) == ("m-1", "lh", {"a": [1, "two"]})


def test_extension_attributes_are_tolerated() -> None:
    envelope = taken(traceparent="00-ab-cd-01", sequence="7", partitionkey="k", datacontenttype="application/json")
    assert envelope.partitionkey == "k"
    assert envelope.model_extra == {
        "traceparent": "00-ab-cd-01",
        "sequence": "7",
        "datacontenttype": "application/json",
    }


def test_bytes_travel_as_base64() -> None:
    message = {key: held for key, held in GOOD.items() if key != "data"}
    envelope = parse(orjson.dumps(message | {"data_base64": "TVNI", "dataschema": Formats.HL7}), "lh")
    assert isinstance(envelope, Envelope)
    assert envelope.octets() == b"MSH"


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type", "time", "dataschema"])
def test_an_attribute_that_is_missing_refuses(missing: str) -> None:
    assert refused(orjson.dumps({key: held for key, held in GOOD.items() if key != missing})) == (
        f"/{missing}",
        "missing",
    )


@pytest.mark.parametrize(
    ("changed", "path", "code"),
    [
        ({"source": "//agency/jeil/files"}, "/source", "foreign_source"),
        ({"source": "//agency/lh"}, "/source", "foreign_source"),
        ({"source": "//agency/lh/"}, "/source", "foreign_source"),
        ({"source": "x//agency/lh/files"}, "/source", "foreign_source"),
        ({"source": "//agency/lh2/files"}, "/source", "foreign_source"),
        ({"type": "kr.ieum.nonsense.v1"}, "/type", "unknown_type"),
        ({"dataschema": "urn:nonsense"}, "/dataschema", "unknown_dataschema"),
        ({"dataschema": Formats.CITIZEN}, "/dataschema", "format_mismatch"),
        ({"type": Types.TICK, "dataschema": Formats.SYSTEM}, "/type", "hub_only"),
        ({"specversion": "0.3"}, "/specversion", "literal_error"),
        ({"id": ""}, "/id", "string_too_short"),
        ({"id": "x" * 257}, "/id", "string_too_long"),
        ({"id": "a\nb"}, "/id", "string_pattern_mismatch"),
        ({"id": 7}, "/id", "string_type"),
        ({"time": "yesterday"}, "/time", "time"),
        ({"time": "2026-11-18T12:00:00"}, "/time", "time"),
        ({"time": "2026-02-30T12:00:00Z"}, "/time", "time"),
        ({"time": "0001-01-01T00:00:00+09:00"}, "/time", "time"),
        ({"data": None}, "/data", "payload"),
        ({"data_base64": "AAAA"}, "/data", "payload"),
        ({"data": None, "data_base64": "A"}, "/data_base64", "not_base64"),
        ({"data": None, "data_base64": "가"}, "/data_base64", "not_base64"),
        ({"data": None, "data_base64": 7}, "/data_base64", "not_base64"),
        ({"traceparent": "x" * 1025}, "/traceparent", "attribute_value"),
        ({"traceparent": ["x"]}, "/traceparent", "attribute_value"),
        ({"박순자": "x"}, "/?", "attribute_name"),
        ({f"x{n}": "1" for n in range(40)}, "", "too_many_attributes"),
    ],
)
def test_a_message_is_refused_at_its_attribute(changed: dict[str, Any], path: str, code: str) -> None:
    assert refused(orjson.dumps(GOOD | changed)) == (path, code)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_json"),
        (b"[1]", "not_an_object"),
        (b"{", "not_json"),
        (b'{"a":NaN}', "not_json"),
        (b'{"a":Infinity}', "not_json"),
        (b'{"a":1e999}', "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b'{"a":"\\ud800"}', "not_json"),
        (b'{"a":"\xb9\xda"}', "not_utf8"),
        (b'{"a":1,"a":2}', "duplicate_key"),
        (b'{"a":{"b":1,"b":1}}', "duplicate_key"),
        (b'{"a\\u0022":1,"a\\"":2}', "duplicate_key"),
        (b'{"a":"\\u0022\\u0022","a":"x"}', "duplicate_key"),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "too_deep"),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "not_json"),
        (b'"' + b"x" * 1_048_576 + b'"', "too_large"),
    ],
)
def test_bytes_that_can_mean_two_things_are_refused(raw: bytes, code: str) -> None:
    assert refused(raw) == ("", code)


def test_an_escaped_mark_is_no_repeated_key() -> None:
    raw = orjson.dumps(GOOD).replace(b'"two"', b'"\\u0022two\\u0022"')
    envelope = parse(raw, "lh")
    assert isinstance(envelope, Envelope)
    assert envelope.data == {"a": [1, '"two"']}


def test_a_number_of_any_length_is_no_trap_for_the_slow_check() -> None:
    raw = orjson.dumps(GOOD).replace(b'"two"', b'"\\u0022", ' + b"1" * 300)
    assert isinstance(parse(raw, "lh"), Envelope)


def test_sixty_four_levels_are_allowed() -> None:
    raw = orjson.dumps(GOOD).replace(b'"two"', b"[" * 61 + b"]" * 61)
    assert isinstance(parse(raw, "lh"), Envelope)


def test_the_hub_speaks_for_itself() -> None:
    tick = GOOD | {"source": "//agency/hub/ticker", "type": Types.TICK, "dataschema": Formats.SYSTEM}
    assert isinstance(parse(orjson.dumps(tick), "hub"), Envelope)


def test_a_refusal_never_quotes_what_was_sent() -> None:
    for changed in ({"id": "박순자" * 100}, {"source": "박순자"}, {"type": "박순자"}, {"박순자": "박순자"}):
        assert "박순자" not in repr(parse(orjson.dumps(GOOD | changed), "lh"))


@pytest.mark.parametrize(
    "changed", [{"time": "2026-11-19T00:00:00Z"}, {"traceparent": "00-1-2-01"}, {"sequence": "8"}, {"id": "m-2"}]
)
def test_tracing_does_not_make_other_data(changed: dict[str, Any]) -> None:
    assert data_digest(taken(**changed)) == data_digest(taken())


@pytest.mark.parametrize("changed", [{"data": {"a": [1, "three"]}}, {"dataschema": Formats.WELFARE}])
def test_other_data_is_a_conflict(changed: dict[str, Any]) -> None:
    assert data_digest(taken(**changed)) != data_digest(taken())


def test_the_order_of_keys_does_not_make_other_data() -> None:
    assert data_digest(taken(data={"a": 1, "b": 2})) == data_digest(taken(data={"b": 2, "a": 1}))
