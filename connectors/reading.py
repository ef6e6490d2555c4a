"""Files as agencies drop them, to events ready to send. Owns finding the messages in a file and wrapping them.

Never interprets what a message says (that is the hub's), never raises for a bad file: whatever cannot be read is a
`Broken` that names file and row, and the next row passes. Ids and partition keys are HMACs of the content: the same
input twice is the same event, and no attribute holds or reveals personal data.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from connectors import reading_hl7
from connectors.reading_fhir import bundles
from connectors.reading_kind import kind
from connectors.reading_report import CSV_SHEET, list_name
from connectors.reading_tables import Broken, Line, csv_lines, xlsx_lines
from hub.errors import Usage
from hub.schemas.canonical import Refusal
from hub.schemas.envelope import RAW_LIMIT, read_object
from hub.schemas.topics import Formats, Types

__all__ = ["NAMES", "Broken", "Placed", "Sender", "placed", "read", "read_fhir_folder"]

FILE_LIMIT: Final = 64 * 1_048_576  # bytes of a file that is read whole
#: Names a person may give for `fmt`, as `hub send --format` takes them.
NAMES: Final = {
    "fhir": Formats.FHIR,
    "hl7": Formats.HL7,
    "housing": Formats.HOUSING,
    "welfare": Formats.WELFARE,
    "victim": Formats.VICTIM,
    "citizen": Formats.CITIZEN,
    "device": Formats.DEVICE,
    "answer": Formats.ANSWER,
}
_TYPES: Final = {
    Formats.CITIZEN: Types.SIGNAL,
    Formats.DEVICE: Types.SIGNAL,
    Formats.ANSWER: Types.ANSWER,
}
_SYSTEMS: Final = {Formats.FHIR: "fhir", Formats.HL7: "hl7v2"}
_MEDIA: Final = {Formats.FHIR: "application/fhir+json", Formats.HL7: "x-application/hl7-v2+er7"}
#: A field that only this format has, and whose value tells which messages belong in one order.
_SUBJECTS: Final = (
    ("case_no", Formats.VICTIM),
    ("device", Formats.DEVICE),
    ("referral", Formats.ANSWER),
    ("id", Formats.CITIZEN),
)

Event = dict[str, Any]


class Placed(msgspec.Struct, frozen=True):
    """What stands at a place of a file: `row` as people count it (of JSON the line, of HL7 the message), its sheet.

    notes: what the sender should know of an event that is taken all the same. size: bytes of the event as JSON.
    """

    row: int
    item: Event | Broken
    sheet: str = ""
    notes: tuple[str, ...] = ()
    size: int = 0


class Sender(msgspec.Struct, frozen=True):
    """Who sends, when, under which key (secret, at least 16 bytes, the same for ever: ids depend on it).

    system: the last part of `source`, where it is not told by the format.
    """

    agency: str
    key: bytes
    now: str
    system: str = ""

    def event(self, schema: str, subject: object, **payload: object) -> Event:
        """A CloudEvents message around `payload` (data or data_base64)."""
        content = orjson.dumps([schema, payload], option=orjson.OPT_SORT_KEYS)
        return {
            "specversion": "1.0",
            "id": self._hide(b"id", content),
            "source": f"//agency/{self.agency}/{self.system or _SYSTEMS.get(schema, 'files')}",
            "type": _TYPES.get(schema, Types.REFERRAL),
            "time": self.now,
            "dataschema": schema,
            "datacontenttype": _MEDIA.get(schema, "application/json"),
            "partitionkey": self._hide(b"subject", orjson.dumps([schema, subject])),
            **payload,
        }

    def behind(self, refused: str) -> str:
        """The id under which the same words are tried again, once the event of this id was refused for good."""
        return self._hide(b"again", refused.encode())

    def _hide(self, purpose: bytes, content: bytes) -> str:
        return hmac.new(self.key, purpose + b"\0" + content, hashlib.sha256).hexdigest()[:32]


def read(path: Path, agency: str, *, key: bytes, now: str, fmt: str | None = None) -> Iterator[Event | Broken]:
    """The events in a file, in its order; a folder is one of loose FHIR resources. `Usage` for an unknown `fmt`.

    Args:
        path: the file. Its kind is found by its content, not by its name.
        agency: code of the sending agency.
        key: secret of the connector; ids and partition keys are HMAC-SHA256 under it.
        now: time of the events, RFC 3339.
        fmt: a name of `NAMES` or a `dataschema`, where rows or JSON lines should not be told by their fields.
    """
    for found in placed(path, Sender(agency, key, now), fmt):
        yield found.item


def placed(path: Path, sender: Sender, fmt: str | None = None, name: str = "") -> Iterator[Placed]:
    """As `read`, each with its place. name: the file's own, where `path` is a copy (lists are named after files)."""
    schema = NAMES.get(fmt, fmt) if fmt else None
    if schema not in {None, *NAMES.values()}:
        raise Usage(f"The format {fmt} is unknown.", f"Use one of {', '.join(NAMES)}.")
    try:
        found = _at(0, _folder([path], sender)) if path.is_dir() else _file(path, sender, schema, name or path.name)
        for item in found:
            yield item if isinstance(item.item, Broken) else _bounded(item, path)
    except OSError as error:
        yield Placed(0, Broken(str(path), 0, f"cannot be opened: {error.strerror}"))


def _at(row: int, items: Iterable[Event | Broken]) -> Iterator[Placed]:
    for item in items:
        yield Placed(item.row if isinstance(item, Broken) else row, item)


def read_fhir_folder(paths: Iterable[Path], agency: str, *, key: bytes, now: str) -> Iterator[Event | Broken]:
    """Loose FHIR resources (files, or folders of files) as one transaction bundle per root ServiceRequest."""
    for item in _folder(paths, Sender(agency, key, now)):
        yield _bounded(Placed(0, item), Path("bundle")).item


def _bounded(found: Placed, path: Path) -> Placed:
    """The hub would refuse a message above the limit; here its file and size can still be named."""
    if isinstance(found.item, Broken):
        return found
    if (size := len(orjson.dumps(found.item))) <= RAW_LIMIT:
        return Placed(found.row, found.item, found.sheet, found.notes, size)
    return Placed(found.row, Broken(str(path), found.row, f"a message is larger than {RAW_LIMIT} bytes"))


def _file(path: Path, sender: Sender, schema: str | None, name: str) -> Iterator[Placed]:
    match kind(path):
        case "empty":
            return _at(0, (Broken(str(path), 0, "the file is empty"),))
        case "book":
            return _rows(name, xlsx_lines(path), sender, schema)
        case "hl7":
            return _hl7(path, sender)
        case "json":
            return _json(path, sender, schema)
        case "table":
            return _rows(name, csv_lines(path), sender, schema)


def _rows(name: str, lines: Iterator[Line | Broken], sender: Sender, schema: str | None) -> Iterator[Placed]:
    """One event a row, cells as text beside their header."""
    stem, line = list_name(name), None
    for line in lines:
        if isinstance(line, Broken):
            yield Placed(line.row, line)
            continue
        told = schema or (Formats.HOUSING if any("체납" in title for title in line.header) else Formats.WELFARE)
        register = f"{stem}/{line.sheet}" if line.sheet and line.sheet != CSV_SHEET else stem
        data = {"header": line.header, "cells": line.cells, "row": line.row, "register": register[:256]}
        yield Placed(line.row, sender.event(told, [register, line.cells[0]], data=data), line.sheet, line.notes)
    if line is None:
        yield Placed(0, Broken(name, 0, "no row below the header"))


def _hl7(path: Path, sender: Sender) -> Iterator[Placed]:
    """Messages as bytes: their charset is their own affair (MSH-18)."""
    raw = _whole(path)
    if isinstance(raw, Broken):
        yield Placed(0, raw)
        return
    found = reading_hl7.messages(raw)
    for row, octets in enumerate(found, 1):
        data = base64.b64encode(octets + b"\r").decode()
        yield Placed(row, sender.event(Formats.HL7, reading_hl7.subject(octets), data_base64=data))
    if not found:
        yield Placed(0, Broken(str(path), 0, "no HL7 message begins here"))


def _json(path: Path, sender: Sender, schema: str | None) -> Iterator[Placed]:
    """One JSON document, an array of them, or one on each line."""
    with path.open("rb") as handle:
        first = handle.readline(RAW_LIMIT + 1).removeprefix(b"\xef\xbb\xbf").strip()
    if first.startswith(b"{") and first.endswith(b"}"):
        yield from _documents(_json_lines(path), path, sender, schema)
        return
    raw = _whole(path)
    if isinstance(raw, Broken):
        yield Placed(0, raw)
        return
    text = raw.removeprefix(b"\xef\xbb\xbf").strip()
    # Inside an object, an array is read as strictly as any document.
    held = read_object(text) if text.startswith(b"{") else read_object(b'{"all":' + text + b"}")
    many = held["all"] if isinstance(held, dict) and not text.startswith(b"{") else [held]
    yield from _documents(enumerate(many), path, sender, schema)


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | Refusal]]:
    with path.open("rb") as handle:
        row = 0
        while line := handle.readline(RAW_LIMIT + 1):
            row += 1
            whole = line
            while len(line) > RAW_LIMIT and not line.endswith(b"\n"):  # leave the rest of an endless line unread
                line = handle.readline(RAW_LIMIT + 1)
            if text := whole.removeprefix(b"\xef\xbb\xbf").strip():
                yield row, read_object(text) if len(whole) <= RAW_LIMIT else read_object(whole)


def _documents(
    documents: Iterable[tuple[int, Any]], path: Path, sender: Sender, schema: str | None
) -> Iterator[Placed]:
    """Each document by what it is; loose resources wait for the others they belong to."""
    loose: list[tuple[str, dict[str, Any]]] = []
    for row, document in documents:
        if isinstance(document, Refusal):
            yield Placed(row, Broken(str(path), row, document.reasons[0].text))
        elif not isinstance(document, dict):
            yield Placed(row, Broken(str(path), row, "no JSON object"))
        elif document.get("resourceType") == "Bundle":
            yield Placed(row, sender.event(Formats.FHIR, _fhir_subject(document), data=document))
        elif "resourceType" in document:
            loose.append((str(path), document))
        else:
            yield Placed(row, _form(document, path, row, sender, schema))
    if loose:
        yield from _at(0, _bundled(loose, sender))


def _form(document: dict[str, Any], path: Path, row: int, sender: Sender, schema: str | None) -> Event | Broken:
    for field, told in _SUBJECTS:
        if field in document and schema in {None, told}:
            return sender.event(told, document[field], data=document)
    return Broken(str(path), row, "no known form: none of case_no, device, referral, id is there")


def _folder(paths: Iterable[Path], sender: Sender) -> Iterator[Event | Broken]:
    loose: list[tuple[str, dict[str, Any]]] = []
    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    for file in files:
        raw = _whole(file)
        document = raw if isinstance(raw, Broken) else read_object(raw.removeprefix(b"\xef\xbb\xbf"))
        if isinstance(document, Refusal):
            yield Broken(str(file), 0, document.reasons[0].text)
        elif isinstance(document, Broken):
            yield document
        elif document.get("resourceType") == "Bundle":
            yield sender.event(Formats.FHIR, _fhir_subject(document), data=document)
        else:
            loose.append((str(file), document))
    yield from _bundled(loose, sender)


def _bundled(loose: list[tuple[str, dict[str, Any]]], sender: Sender) -> Iterator[Event | Broken]:
    for found in bundles(loose):
        yield found if isinstance(found, Broken) else sender.event(Formats.FHIR, _fhir_subject(found), data=found)


def _fhir_subject(bundle: dict[str, Any]) -> object:
    """The first request's identifier, else its id: what a correction of it has too."""
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else []:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == "ServiceRequest":
            return resource.get("identifier") or resource.get("id")
    return None


def _whole(path: Path) -> bytes | Broken:
    size = path.stat().st_size
    return path.read_bytes() if size <= FILE_LIMIT else Broken(str(path), 0, f"larger than {FILE_LIMIT} bytes")
