"""HSDS documents in JSON: one, a list, one on each line, a page of an API. Owns telling which is which.

Documents are read one by one and as strictly as the hub reads them (no NaN, no key twice, bounded in size and depth):
one that cannot be read is named with its row, and the next one passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from connectors.hsds.found import Found, Json, identifier
from connectors.splitting import elements, list_named
from hub.schemas.canonical import Refusal
from hub.schemas.envelope import RAW_LIMIT, read_object

#: Of the message around a document.
AROUND: Final = 4096
DOCUMENT_LIMIT: Final = RAW_LIMIT - AROUND
#: Fields that only a taxonomy or a term of one has. Services carry the terms they are given.
_TAXONOMY: Final = ("taxonomy_detail", "taxonomy", "term_uri", "version", "taxonomy_id")
_PLACE: Final = ("location_type", "latitude", "transportation")


def read(name: str, raw: bytes, found: Found) -> None:
    """All documents of a file or a page."""
    text = raw.removeprefix(b"\xef\xbb\xbf").lstrip()  # no copy where there is nothing to take off
    if not text:
        found.broken(name, 0, "", "empty", "there is nothing in it")
        return
    for row, document in _documents(text):
        if len(document) > DOCUMENT_LIMIT:
            found.broken(name, row, "", "too_large", f"larger than {DOCUMENT_LIMIT} bytes")
            continue
        held = read_object(document)
        if isinstance(held, Refusal):
            found.broken(name, row, "", held.reasons[0].code, held.reasons[0].text)
        else:
            _place(name, row, held, found)


def _documents(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Row and bytes of each: by line, by its place in a list (from 1), or alone (row 0)."""
    end = text.find(b"\n")
    first, more = text[: max(end, 0)].strip(), end >= 0 and text[end : end + DOCUMENT_LIMIT].strip()
    if first.startswith(b"{") and first.endswith(b"}") and more:
        yield from ((row, line) for row, line in _lines(text) if line)
        return
    if text.startswith(b"["):
        yield from enumerate(elements(text, 0), 1)
    elif (start := list_named(text, b'"contents"')) >= 0:
        yield from enumerate(elements(text, start), 1)
    else:
        yield 0, text.rstrip()


def _lines(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Each line and its number. Not split: that would be the whole text once more."""
    row, begin = 0, 0
    while begin < len(text):
        end = text.find(b"\n", begin)
        end = len(text) if end < 0 else end
        row += 1
        yield row, text[begin:end].strip()
        begin = end + 1


def _place(name: str, row: int, document: Json, found: Found) -> None:
    """A document by what it is."""
    service, organization = document.get("service"), document.get("organization")
    if isinstance(service, dict):
        place = {key: held for key, held in document.items() if key != "service"}
        _service(name, row, service | {"service_at_locations": [place]}, found)
    elif isinstance(organization, dict) or "service_areas" in document or "eligibility_description" in document:
        _service(name, row, document, found)
    elif any(field in document for field in _PLACE):
        _of(name, row, "locations", document, found)
    elif "services" not in document and "organization_id" in document:
        _service(name, row, document, found)
    elif "services" not in document and any(field in document for field in _TAXONOMY):
        found.passed_over += 1
    else:
        found.add(name, row, document)


def _service(name: str, row: int, service: Json, found: Found) -> None:
    """A service told by itself, with its organization inside or by id."""
    organization = service.get("organization")
    own = {key: held for key, held in service.items() if key != "organization"}
    if isinstance(organization, dict):
        found.add(name, row, organization | {"services": [*_list(organization), own]})
    else:
        _of(name, row, "services", own, found)


def _list(organization: Json) -> list[Any]:
    held = organization.get("services")
    return held if isinstance(held, list) else []


def _of(name: str, row: int, part: str, document: Json, found: Found) -> None:
    """A part that names its organization by id."""
    owner = identifier(document.get("organization_id"))
    if owner:
        found.add(name, row, {"id": owner, part: [document]})
    else:
        found.broken(name, row, "/organization_id", "belongs_to_nobody", "it does not say whose it is")
