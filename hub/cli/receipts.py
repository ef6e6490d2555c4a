"""What became of what was sent, one line each: the source's own number or row, the verdict, why.

Owns the shape of a receipt and how an event is named to its sender. Shows numbers of referrals and rows, never a name.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from connectors.reading import Broken
from hub.ledger.reads import Verdict
from hub.schemas.envelope import Envelope
from hub.schemas.topics import Formats

PENDING: Final = "pending"
UNREADABLE: Final = "unreadable"
REFUSED: Final = "refused"
_NUMBER: Final = re.compile(rb"[\r\n]RF1\|(?:[^|\r\n]*\|){5}([^|^\r\n]+)")


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message or row. status: recorded, refused, seen, no-op, pending or unreadable."""

    what: str
    status: str
    id: str = ""
    verdict: str = ""
    position: int = 0
    reasons: tuple[dict[str, Any], ...] = ()

    @property
    def failed(self) -> bool:
        """Whether somebody must look at it."""
        return self.status in {UNREADABLE, REFUSED} or self.verdict == REFUSED

    def row(self) -> tuple[str, str, str]:
        """As a line of a table."""
        why = "; ".join(f"{r['path']}: {r['text']}" if r.get("path") else r["text"] for r in self.reasons)
        where = f"position {self.position}" if self.position else ""
        again = f"before: {self.verdict}" if self.status == "seen" and self.verdict else ""
        return self.what, self.status, why or again or where


def collected(receipts: Iterable[Receipt], broken: Iterable[Broken]) -> Iterator[Receipt]:
    """Receipts and unreadable rows in one list."""
    yield from receipts
    for one in broken:
        what = f"{one.path}, row {one.row}" if one.row else one.path
        yield Receipt(what, UNREADABLE, reasons=({"path": "", "code": "unreadable", "text": one.reason},))


def of_answer(event: Mapping[str, Any], answer: Mapping[str, Any]) -> Receipt:
    """The receipt of the HTTP API as ours."""
    verdict = str(answer.get("verdict", ""))
    status = str(answer["status"])
    if status == "accepted":
        status = verdict or PENDING
    known = "" if verdict == PENDING else verdict
    return Receipt(
        name(event), status, str(event["id"]), known, answer.get("position", 0), tuple(answer.get("reasons", ()))
    )


def of_verdict(event: Mapping[str, Any], envelope: Envelope, verdict: Verdict | None) -> Receipt:
    """The ledger's verdict as a receipt."""
    if verdict is None:
        return Receipt(name(event), PENDING, envelope.id)
    reasons = tuple(verdict.facts.get("reasons", ()))
    return Receipt(name(event), verdict.verdict, envelope.id, verdict.verdict, verdict.position, reasons)


def name(event: Mapping[str, Any]) -> str:
    """How its sender calls an event: its number, its row, at worst its id."""
    data = event.get("data")
    match event["dataschema"]:
        case Formats.HOUSING | Formats.WELFARE if isinstance(data, dict):
            number = data["cells"][0] if "번호" in str(data["header"][0]) else ""
            return f"{number} (row {data['row']})" if number else f"row {data['row']}"
        case Formats.FHIR:
            return _fhir(data) or str(event["id"])
        case Formats.HL7:
            return _hl7(event) or str(event["id"])
        case _ if isinstance(data, dict):
            found = (data.get(field) for field in ("case_no", "device", "referral", "id"))
            return str(next((f for f in found if f), event["id"]))
        case _:
            return str(event["id"])


def _fhir(data: object) -> str:
    """The first request's number."""
    entries = data.get("entry", ()) if isinstance(data, dict) else ()
    for entry in entries:
        resource = entry.get("resource", {}) if isinstance(entry, dict) else {}
        if isinstance(resource, dict) and resource.get("resourceType") == "ServiceRequest":
            numbers = resource.get("identifier") or [{}]
            return str(numbers[0].get("value") or resource.get("id") or "")
    return ""


def _hl7(event: Mapping[str, Any]) -> str:
    """RF1-6, where it is plain."""
    found = _NUMBER.search(base64.b64decode(event.get("data_base64") or ""))
    return found.group(1).decode("ascii", "replace") if found else ""
