"""From an HTTP body to messages: CloudEvents structured, batched and binary (HTTP protocol binding 1.0.2).

Owns the three modes. Never rewrites an event: structured ones and members of a batch keep their own bytes. Whether a
message is acceptable is `schemas.envelope`'s to say, and an unacceptable one is a `Refusal`, never an exception.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote

import msgspec
import orjson

from hub.schemas.canonical import Reason, Refusal
from hub.schemas.envelope import Envelope, parse

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
PREFIX: Final = "ce-"
#: Attributes a header may not carry: they are the body.
BODY_NAMES: Final = frozenset({"data", "data_base64", "datacontenttype"})
_slices = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Message(msgspec.Struct, frozen=True):
    """An acceptable message and the bytes that go to Kafka."""

    envelope: Envelope
    raw: bytes

    @property
    def key(self) -> str:
        """What keeps its order: messages of one key stay behind each other."""
        return self.envelope.partitionkey or self.envelope.id


def media_type(header: str) -> tuple[str, str]:
    """A content type's name and charset, lower-cased; the charset is utf-8 unless said otherwise."""
    name, _, rest = header.partition(";")
    charset = "utf-8"
    for parameter in rest.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    return name.strip().lower(), charset


def one(raw: bytes, agency: str) -> Message | Refusal:
    """A structured event."""
    envelope = parse(raw, agency)
    return envelope if isinstance(envelope, Refusal) else Message(envelope, raw)


def many(raw: bytes, agency: str, limit: int) -> list[Message] | Refusal:
    """A batch: all of it is acceptable, or every reason why not, its pointer starting with the event's index."""
    parts = slices(raw)
    if isinstance(parts, Refusal):
        return parts
    if len(parts) > limit:
        return _refuse("", "too_large", f"A batch has at most {limit} events.")
    found = [one(part, agency) for part in parts]
    reasons = [_under(place, r) for place, m in enumerate(found) if isinstance(m, Refusal) for r in m.reasons]
    return Refusal(tuple(reasons)) if reasons else [m for m in found if isinstance(m, Message)]


def slices(raw: bytes) -> list[bytes] | Refusal:
    """The members of a batch in their own bytes, whatever they are."""
    try:
        raw.decode()
        return [bytes(part) for part in _slices(raw)]
    except UnicodeDecodeError:
        return _refuse("", "not_utf8", "A batch is UTF-8.")
    except msgspec.ValidationError:
        return _refuse("", "not_an_array", "A batch is a JSON array of events.")
    except (msgspec.DecodeError, RecursionError):
        return _refuse("", "not_json", "Not JSON (RFC 8259), or nested too deep.")


def _under(place: int, reason: Reason) -> Reason:
    return msgspec.structs.replace(reason, path=f"/{place}{reason.path}")


def binary(headers: Iterable[tuple[bytes, bytes]], body: bytes, agency: str) -> Message | Refusal:
    """An event whose attributes are headers and whose data is the body."""
    attributes = _attributes(headers)
    if isinstance(attributes, Refusal):
        return attributes
    data = _data(body, attributes.get("datacontenttype", ""))
    if isinstance(data, Refusal):
        return data
    return one(orjson.dumps(attributes | data), agency)


def _attributes(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, Any] | Refusal:
    attributes: dict[str, Any] = {}
    for name, value in headers:
        attribute = _named(name.decode("latin-1").lower())
        if not attribute:
            continue
        if attribute in attributes:
            return _refuse(f"/{attribute}", "duplicate_attribute", "This attribute stands in two headers.")
        text = _text(value)
        if text is None:
            return _refuse(f"/{attribute}", "not_utf8", "Header values are ASCII, the rest percent-encoded UTF-8.")
        attributes[attribute] = text
    return attributes


def _named(header: str) -> str:
    """The attribute a header stands for, '' for none."""
    if header == "content-type":
        return "datacontenttype"
    name = header.removeprefix(PREFIX)
    return name if header.startswith(PREFIX) and name.isalnum() and name.isascii() and name not in BODY_NAMES else ""


def _text(value: bytes) -> str | None:
    try:
        return unquote(value.decode("ascii"), errors="strict")
    except UnicodeDecodeError:
        return None


def _data(body: bytes, content_type: str) -> dict[str, Any] | Refusal:
    name, charset = media_type(content_type)
    if charset != "utf-8" or not name.endswith(("/json", "+json")):
        return {"data_base64": base64.b64encode(body).decode()}
    try:
        orjson.loads(body)  # only a whole JSON value may be put between our own brackets
    except orjson.JSONDecodeError:
        return _refuse("/data", "not_json", "The body is not JSON (RFC 8259) in UTF-8.")
    return {"data": orjson.Fragment(body)}


def _refuse(path: str, code: str, text: str) -> Refusal:
    return Refusal((Reason(path, code, text),))
