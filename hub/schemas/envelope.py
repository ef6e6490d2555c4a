"""The envelope every message travels in: CloudEvents 1.0, structured JSON, checked at the edge.

Owns what makes bytes a message of one agency: valid JSON without ambiguity, known type and format, bounded sizes, a
source that is the topic's own agency. Never looks into `data` (that is `core.normalize`), never raises for bad input:
an unacceptable message is a `Refusal`. That attributes hold no personal data is the connector's duty.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from hub.schemas import signature
from hub.schemas.canonical import Reason, Refusal
from hub.schemas.native.wire import refusal_of
from hub.schemas.topics import AGENCY_CODE, HUB, Formats, Types

RAW_LIMIT: Final = 1_048_576  # bytes of one message
ATTRIBUTE_LIMIT: Final = 1_024  # characters of one attribute
ATTRIBUTES_LIMIT: Final = 32
DEPTH_LIMIT: Final = 64

#: Which formats a type may carry.
CARRIES: Final[dict[str, frozenset[str]]] = {
    Types.REFERRAL: frozenset(
        {Formats.FHIR, Formats.HL7, Formats.HOUSING, Formats.WELFARE, Formats.CHANGE, Formats.VICTIM}
    ),
    Types.SIGNAL: frozenset({Formats.CITIZEN, Formats.DEVICE}),
    Types.ANSWER: frozenset({Formats.ANSWER}),
    Types.DIRECTORY: frozenset({Formats.HSDS}),
    Types.IDENTITY: frozenset({Formats.IDENTITY}),
    Types.HOUSEHOLD: frozenset({Formats.HOUSEHOLD}),
    Types.AGENCY: frozenset({Formats.SYSTEM}),
    Types.AGENCY_STATE: frozenset({Formats.SYSTEM}),
    Types.TICK: frozenset({Formats.SYSTEM}),
    Types.ACCESS: frozenset({Formats.SYSTEM}),
    Types.CONTINUE: frozenset({Formats.SYSTEM}),
}
FORMATS: Final = frozenset[str]().union(*CARRIES.values())

_EXTENSION_NAME = re.compile(r"[a-z0-9]{1,40}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_CONTEXT = frozenset({"id", "source", "type", "time", "dataschema", "specversion"})
_PAYLOAD = frozenset({"data", "data_base64"})
_USUAL = frozenset({"datacontenttype", "partitionkey", "traceparent"})

Attribute = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


class Envelope(BaseModel):
    """One CloudEvents message. Extension attributes (partitionkey, traceparent, sequence …) stay in `model_extra`.

    Exactly one of `data` (parsed JSON) and `data_base64` (bytes whose charset the native format declares) is set.
    Built only by `parse`, which also checks what a field alone cannot say.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    specversion: Literal["1.0"]
    id: Attribute
    source: Attribute
    type: Attribute
    time: Attribute
    dataschema: Attribute
    partitionkey: str = ""
    data: Any = None
    data_base64: str | None = None

    @property
    def agency(self) -> str:
        """The code in `source`, which `parse` has compared with the topic's."""
        return self.source.split("/", 4)[3]

    def octets(self) -> bytes:
        """The bytes behind `data_base64`; empty when the message carries JSON."""
        return binascii.a2b_base64(self.data_base64) if self.data_base64 is not None else b""


def parse(raw: bytes, agency: str) -> Envelope | Refusal:
    """The message in `raw`, or why it can never be one. `agency` is the code of the topic it came in by."""
    value = read_object(raw)
    return value if isinstance(value, Refusal) else _envelope(value, agency)


def read_object(raw: bytes) -> dict[str, Any] | Refusal:
    """The JSON object in `raw`, if it can mean one thing only: no NaN, no repeated key, bounded in size and depth."""
    if len(raw) > RAW_LIMIT:
        return _refuse("", "too_large", f"A message has at most {RAW_LIMIT} bytes.")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _unreadable(raw)
    if type(value) is not dict:
        return _refuse("", "not_an_object", "A message is a JSON object.")
    if _is_deep(raw, value):
        return _refuse("", "too_deep", f"Objects and arrays nest at most {DEPTH_LIMIT} deep.")
    if _has_doubled_key(raw, value):
        return _refuse("", "duplicate_key", "A key stands twice in one object: which value holds is ambiguous.")
    return value


def data_digest(envelope: Envelope) -> bytes:
    """SHA-256 over type, dataschema and the canonical data (keys sorted); tracing attributes and time do not count.

    The same id with another digest is a conflict, with the same digest a repeat. A plain digest of personal data is
    personal data: it is compared in memory or stored keyed, never published.
    """
    payload = envelope.data if envelope.data_base64 is None else envelope.data_base64
    coded = [envelope.type, envelope.dataschema, envelope.data_base64 is not None, payload]
    return hashlib.sha256(orjson.dumps(coded, option=orjson.OPT_SORT_KEYS)).digest()


def _envelope(value: dict[str, Any], agency: str) -> Envelope | Refusal:
    """The checks on attributes, each kind with its own code."""
    reasons = _attributes(value) or _payload(value)
    if reasons:
        return Refusal(reasons)
    try:
        envelope = Envelope.model_validate(value)
    except ValidationError as error:
        return refusal_of(error)
    reasons = _origin(envelope.source, agency) or _meaning(envelope) or _when(envelope.time)
    return Refusal(reasons) if reasons else envelope


def _attributes(value: dict[str, Any]) -> tuple[Reason, ...]:
    if len(value) > ATTRIBUTES_LIMIT:
        return (Reason("", "too_many_attributes", f"A message has at most {ATTRIBUTES_LIMIT} attributes."),)
    missing = _CONTEXT - value.keys()
    if missing:
        return tuple(Reason(f"/{name}", "missing", "This attribute is required.") for name in sorted(missing))
    for name, held in value.items():
        if name not in _PAYLOAD and name not in _CONTEXT and (reason := _extension(name, held)):
            return (reason,)
    return ()


def _extension(name: str, held: object) -> Reason | None:
    """CloudEvents 1.0, section 3: lower-case letters and digits; a string, integer or boolean."""
    if name not in _USUAL and not _EXTENSION_NAME.fullmatch(name):
        return Reason("/?", "attribute_name", "Attribute names are lower-case letters and digits.")
    limit = signature.LIMIT if name == signature.ATTRIBUTE else ATTRIBUTE_LIMIT
    if isinstance(held, str):
        fits = len(held) <= limit and (held.isprintable() or not _CONTROL.search(held))
    else:
        fits = held is None or isinstance(held, int)
    return None if fits else Reason(f"/{name}", "attribute_value", f"A scalar of at most {limit} characters.")


def _payload(value: dict[str, Any]) -> tuple[Reason, ...]:
    data, coded = value.get("data"), value.get("data_base64")
    if (data is None) == (coded is None):
        return (Reason("/data", "payload", "Exactly one of data and data_base64 is required."),)
    if coded is None:
        return ()
    if not isinstance(coded, str) or not _is_base64(coded):
        return (Reason("/data_base64", "not_base64", "data_base64 is standard base64 with padding."),)
    return ()


def _is_base64(text: str) -> bool:
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error is one; non-ASCII text raises the plain kind
        return False
    return True


def _origin(source: str, agency: str) -> tuple[Reason, ...]:
    """Whoever may write a topic speaks for its agency only."""
    head, _, rest = source.partition(f"//agency/{agency}/")
    if head == "" and rest and AGENCY_CODE.match(agency):
        return ()
    text = "source is //agency/<code>/<system> with the code of the agency that owns the topic."
    return (Reason("/source", "foreign_source", text),)


def _meaning(envelope: Envelope) -> tuple[Reason, ...]:
    formats = CARRIES.get(envelope.type)
    if formats is None:
        return (Reason("/type", "unknown_type", "This type is not known.", tuple(CARRIES)),)
    if envelope.dataschema not in formats:
        code = "format_mismatch" if envelope.dataschema in FORMATS else "unknown_dataschema"
        return (Reason("/dataschema", code, "This type does not carry that format.", tuple(sorted(formats))),)
    # What the hub says about agencies, time and reads is believed, so nobody else may say it.
    if envelope.dataschema == Formats.SYSTEM and envelope.agency != HUB:
        return (Reason("/type", "hub_only", "Only the hub itself sends this type."),)
    return ()


def _when(time: str) -> tuple[Reason, ...]:
    try:
        usable = _RFC3339.fullmatch(time) is not None and 1900 <= datetime.fromisoformat(time).year < 2200  # noqa: PLR2004
    except ValueError:
        usable = False
    return () if usable else (Reason("/time", "time", "time is RFC 3339 with a zone, between 1900 and 2200."),)


def _unreadable(raw: bytes) -> Refusal:
    """Tell bad UTF-8 apart: the cure is another one (an undeclared CP949 export, usually)."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return _refuse("", "not_utf8", "A message is UTF-8; bytes in another charset travel as data_base64.")
    return _refuse("", "not_json", "Not JSON (RFC 8259); NaN and Infinity are no numbers.")


def _is_deep(raw: bytes, value: dict[str, Any]) -> bool:
    """Level by level, and only where there are enough brackets to be too deep."""
    if raw.count(b"{") + raw.count(b"[") <= DEPTH_LIMIT:
        return False
    level: list[Any] = [value]
    for _ in range(DEPTH_LIMIT):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


def _has_doubled_key(raw: bytes, value: dict[str, Any]) -> bool:
    r"""A repeated key loses its quotation marks on the way through a dict, so equal counts mean that none was lost.

    An escaped mark (`\u0022`) is written back as `\"` and would hide the loss: then, and when counts differ, the exact
    and slower way decides.
    """
    if raw.count(b'"') == orjson.dumps(value).count(b'"') and b"\\u0022" not in raw:
        return False
    doubled = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal doubled
        doubled = doubled or len({key for key, _ in pairs}) != len(pairs)

    json.loads(raw, object_pairs_hook=look, parse_int=str, parse_float=str)
    return doubled


def _refuse(path: str, code: str, text: str) -> Refusal:
    return Refusal((Reason(path, code, text),))
