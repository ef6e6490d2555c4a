"""One MQTT message as an event of a device. Owns what the topic adds to the payload, and why one cannot be read.

A message without a time gets the minute of its arrival: the same one delivered twice is then one event, and the same
alarm an hour later another. Never quotes what was sent.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from connectors.mqtt.config import TopicConfig
from connectors.protocol import Event, Origin
from hub.schemas.canonical import Reason, Refusal
from hub.schemas.envelope import read_object
from hub.schemas.native.device import DeviceReading
from hub.schemas.native.wire import read
from hub.schemas.topics import Formats, Types

#: A payload that is a value and nothing else.
_BARE: Final = re.compile(rb"\s*(true|false|-?[0-9]{1,15}(\.[0-9]{1,15})?)\s*")
#: What the rules call a device that fell silent.
SILENT_KIND, SILENT_READING = "heartbeat", "silent_hours"


def device_at(topic: TopicConfig, name: str) -> str:
    """The device that a topic's name holds; '' where it holds none."""
    levels = name.split("/")
    return levels[topic.device_level - 1] if topic.device_level and topic.device_level <= len(levels) else ""


def reading_of(topic: TopicConfig, name: str, payload: bytes, limit: int, now: str) -> dict[str, Any] | Refusal:
    """The reading in a message that came at `now` under a topic of this name."""
    if len(payload) > limit:
        return _refuse("", "too_large", f"A message has at most {limit} bytes.")
    document = _document(topic, payload)
    if isinstance(document, Refusal):
        return document
    device = device_at(topic, name)
    if device and document.setdefault("device", device) != device:
        return _refuse("/device", "foreign_device", "This topic belongs to another device.")
    for field, default in (("kind", topic.kind), ("reading", topic.reading), ("at", f"{now[:16]}:00Z")):
        if default and not document.get(field):
            document[field] = default
    found = read(DeviceReading, document)
    return found if isinstance(found, Refusal) else document


def event_of(reading: dict[str, Any], origin: Origin) -> Event:
    """The envelope: what a device says stays in order."""
    return origin.event(Formats.DEVICE, reading["device"], type_=Types.SIGNAL, data=reading)


def silence(device: str, household: dict[str, Any], seconds: float, at: str, origin: Origin) -> Event:
    """The signal that a device has been silent for so long, since when counts. The same silence is the same event."""
    reading = {"device": device, "kind": SILENT_KIND, "reading": SILENT_READING, "value": seconds / 3600, "at": at}
    return event_of(reading | ({"household": household} if household else {}), origin)


def _document(topic: TopicConfig, payload: bytes) -> dict[str, Any] | Refusal:
    if topic.charset != "utf-8":
        try:
            payload = payload.decode(topic.charset).encode()
        except UnicodeError:
            return _refuse("", "not_decodable", f"The message is not {topic.charset}, as its topic's are.")
    if topic.reading and _BARE.fullmatch(payload):
        try:
            return {"value": orjson.loads(payload)}
        except orjson.JSONDecodeError:
            return _refuse("", "not_json", "A number does not begin with a zero.")
    return read_object(payload)


def _refuse(path: str, code: str, text: str) -> Refusal:
    return Refusal((Reason(path, code, text),))
