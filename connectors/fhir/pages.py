"""A page of a search: its resources, each read by itself, and the link to the next. Owns no meaning of either.

A resource is read as strictly as the hub reads one (no NaN, no key twice, bounded in size and depth). One that cannot
be read is named with the reason, and the others of its page pass.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from connectors.fhir.server import Answer, Away, Json, Parameters, Server, Unsupported
from connectors.splitting import elements, list_named
from hub.schemas.canonical import Refusal
from hub.schemas.envelope import read_object

#: A search with a parameter, or of a kind, that the server does not know.
UNSUPPORTED: Final = frozenset({400, 404, 405, 422})
_NAMED: Final = re.compile(r"[A-Z][A-Za-z]{1,40}/[A-Za-z0-9\-.]{1,64}")
_KIND_IN: Final = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]{1,40})"')
_ID_IN: Final = re.compile(rb'"id"\s*:\s*"([A-Za-z0-9\-.]{1,64})"')


class Unreadable(msgspec.Struct, frozen=True):
    """A resource that is none: code and words of `read_object`, and what tells it from another."""

    code: str
    text: str
    digest: str


class Held(msgspec.Struct, frozen=True):
    """A resource of a page. name: `Kind/id`, '' where it says none."""

    name: str
    value: Json | Unreadable

    @property
    def version(self) -> str:
        """What changes with every update: version and time, or the content of what cannot be read."""
        if isinstance(self.value, Unreadable):
            return self.value.digest
        meta = self.value.get("meta")
        told = [meta.get("versionId"), meta.get("lastUpdated")] if isinstance(meta, dict) else []
        return " ".join(str(one) for one in told)


class Page(msgspec.Struct, frozen=True):
    """One page. next: the link as the server gives it, '' at the end."""

    held: tuple[Held, ...]
    next: str
    date: str


class _Link(msgspec.Struct):
    relation: Any = ""
    url: Any = ""


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"")


class _Bundle(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType")
    entry: list[msgspec.Raw] | None = None
    link: list[_Link] | None = None


_bundle: Final = msgspec.json.Decoder(_Bundle).decode
_entry: Final = msgspec.json.Decoder(_Entry).decode


async def pages(server: Server, kind: str, parameters: Parameters, most: int) -> AsyncIterator[Page]:
    """The pages of a search, at most so many; the last one's `next` tells whether there are more. Raises `Away`."""
    answer = await server.get(kind, parameters)
    for number in range(1, most + 1):
        page = read(answer, kind)
        link = page.next
        yield page
        if not link or number == most:
            return
        answer = await server.get(server.below(link))


def read(answer: Answer, kind: str) -> Page:
    """A page. Raises `Away` for what is none, in words that tell why."""
    if answer.status in {401, 403}:
        raise Away(f"the server answers {answer.status} to a search of {kind}: it does not let us in")
    if not answer.ok:
        kind_of = Unsupported if answer.status in UNSUPPORTED else Away
        raise kind_of(f"the server answers {answer.status} to a search of {kind}")
    try:
        found = _bundle(answer.content)
        entries = [bytes(one) for one in found.entry or ()]
    except (msgspec.DecodeError, RecursionError):
        found, entries = _apart(answer)
    if found.resource_type != "Bundle":
        raise Away(f"the server answers a search of {kind} with no Bundle")
    link = next((one.url for one in found.link or () if one.relation == "next"), "")
    held = [_held(text) for text in entries]
    return Page(tuple(one for one in held if one is not None), link if isinstance(link, str) else "", answer.date)


def _apart(answer: Answer) -> tuple[_Bundle, list[bytes]]:
    """A page that is no JSON as a whole: its entries one by one, what stands around them read alone."""
    text = answer.content
    start = list_named(text, b'"entry"')
    entries = list(elements(text, start)) if start >= 0 else []
    last = text.rfind(entries[-1]) + len(entries[-1]) if entries else start + 1
    try:
        return _bundle(text[: start + 1] + text[last:].lstrip(b", \r\n\t") if start >= 0 else b""), entries
    except (msgspec.DecodeError, RecursionError) as error:
        what = answer.media or "no type"
        raise Away(f"the server answers a search with no FHIR JSON ({what})") from error


def _held(text: bytes) -> Held | None:
    """One entry; None for the server's own remarks (an OperationOutcome)."""
    try:
        raw = bytes(_entry(text).resource)
    except (msgspec.DecodeError, RecursionError):
        raw = text
    value = read_object(raw)
    if not isinstance(value, Refusal):
        return None if value.get("resourceType") == "OperationOutcome" else Held(name_of(value), value)
    kind, id_ = _KIND_IN.search(raw), _ID_IN.search(raw)
    name = f"{kind[1].decode()}/{id_[1].decode()}" if kind and id_ else ""
    reason = value.reasons[0]
    broken = Unreadable(reason.code, reason.text, hashlib.sha256(raw).hexdigest())
    return Held(name, broken)


def name_of(value: Json) -> str:
    """`Kind/id`; '' where a resource says no such thing."""
    kind, id_ = value.get("resourceType"), value.get("id")
    found = f"{kind}/{id_}"
    return found if isinstance(kind, str) and isinstance(id_, str) and _NAMED.fullmatch(found) else ""


def reference(value: object, base: str) -> str:
    """The resource of this server that a Reference leads to, `Kind/id`; '' for anything else."""
    told = value.get("reference") if isinstance(value, dict) else None
    if not isinstance(told, str):
        return ""
    local = told.removeprefix(f"{base}/").partition("/_history/")[0]
    return local if _NAMED.fullmatch(local) else ""


def updated(value: Json) -> str:
    """meta.lastUpdated as it stands; '' where there is none."""
    meta = value.get("meta")
    told = meta.get("lastUpdated") if isinstance(meta, dict) else None
    return told if isinstance(told, str) else ""
