"""A record of a change topic as an event, or why it cannot be one. Owns what of a change event is sent.

Sent are the row as it stands and the change's place in the database's log; not the row before, which the hub has, and
not when Debezium handled it: a change that comes again after a crash must be the same bytes. Times are made unambiguous
by Debezium's own schema, if the topic carries it: a time without a zone is the agency's, not UTC.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from connectors.debezium.config import DebeziumConfig
from connectors.protocol import Event, Origin
from hub.schemas.canonical import Refusal
from hub.schemas.envelope import RAW_LIMIT, read_object
from hub.schemas.topics import Formats

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\dZ", re.ASCII)
_LOCAL: Final = "io.debezium.time.IsoTimestamp"
_PLACE: Final = ("schema", "table", "lsn", "txId")
_OPS: Final = frozenset("curd")


def read(key: bytes | None, value: bytes, config: DebeziumConfig, origin: Origin) -> Event | str:
    """The event, or why there is none, in words that quote nothing of it."""
    document = read_object(value) if len(value) <= RAW_LIMIT else "larger than a message may be"
    if isinstance(document, Refusal):
        return document.reasons[0].text
    if isinstance(document, str):
        return document
    held = document.get("payload", document)
    told: dict[str, Any] = held if isinstance(held, dict) else {}
    op, source = told.get("op"), told.get("source")
    if not isinstance(op, str) or op not in _OPS or not isinstance(source, dict):
        return "no change event of Debezium: op and source are not there"
    after = told.get("after")
    if op != "d" and not isinstance(after, dict):
        return "a change event without the row that it left"
    place = {name: source[name] for name in _PLACE if source.get(name) is not None}
    data: dict[str, Any] = {"rows": config.rows, "op": op, "source": place}
    if isinstance(after, dict):
        data["after"] = _cells(after, _local(document))
    row = data.get("after", {})
    subject = row.get(config.number) or (key or b"").decode(errors="replace")
    event = origin.event(Formats.CHANGE, [place.get("table"), subject], data=data)
    return event if len(orjson.dumps(event)) <= RAW_LIMIT else f"larger than {RAW_LIMIT} bytes"


def _cells(after: dict[str, Any], local: frozenset[str]) -> dict[str, Any]:
    """Days without the Z that Debezium puts behind them, times of no zone without it and without fractions."""
    found = dict(after)
    for name, cell in after.items():
        if not isinstance(cell, str):
            continue
        if name in local:
            found[name] = cell.removesuffix("Z").partition(".")[0]
        elif _DAY.fullmatch(cell):
            found[name] = cell[:-1]
    return found


def _local(document: dict[str, Any]) -> frozenset[str]:
    """Columns of times without a zone, by the schema beside the payload; none where there is no schema."""
    rows = (f for f in _fields(document.get("schema")) if f.get("field") == "after" and "payload" in document)
    return frozenset(str(c.get("field")) for row in rows for c in _fields(row) if c.get("name") == _LOCAL)


def _fields(schema: object) -> list[dict[str, Any]]:
    """The fields a schema describes; none where it is no schema."""
    held = schema.get("fields") if isinstance(schema, dict) else None
    return [one for one in held if isinstance(one, dict)] if isinstance(held, list) else []
