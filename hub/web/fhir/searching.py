"""`GET /fhir/{kind}?…`: searches. Owns parameters, pages and the searchset; what is found is `finding`'s.

An unknown parameter is refused, not ignored: who misspells a filter must not get everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import Request
from starlette.responses import Response

from hub.core.directory import Agency
from hub.web.door import caller_of
from hub.web.fhir.finding import Finding, Found, since
from hub.web.fhir.metadata import SEARCHES
from hub.web.fhir.outcome import fhir_answer, wrong
from hub.web.fhir.reading import Asked, preferred
from hub.web.fhir.resources import is_id, known_kind, local
from hub.web.parameters import LAST

#: Of one page, by default and at most.
COUNT: Final = 50
MOST: Final = 200
#: Taken and without effect: there is one form, and pages go on by themselves.
IDLE: Final = frozenset({"_format", "_pretty"})
PAGING: Final = frozenset({"_count", "_after"})
_DIGITS: Final = 19


class Searching:
    """Answers searches."""

    def __init__(self, finding: Finding, asked: Asked) -> None:
        self._finding, self._asked = finding, asked

    async def search(self, request: Request, kind: str) -> Response:
        """Resources of one's own, and Tasks of referrals one may know of."""
        agency = caller_of(request).agency
        preferred(request)
        query = _query(request, known_kind(kind))
        found, after = await to_thread.run_sync(partial(self._find, agency, kind, query))
        await self._asked.record(agency, found)
        return fhir_answer(searchset(request, kind, query, found, after))

    def _find(self, agency: Agency, kind: str, query: Mapping[str, str]) -> tuple[list[Found], int]:
        """What one criterion finds, those left by the others, and where a next page goes on (0: nowhere)."""
        if "_lastUpdated" in query and not query.keys() & {"_id", "identifier", "focus"}:
            moment, inclusive = since(query["_lastUpdated"])
            after = int(query["_after"]) if "_after" in query else self._finding.position(moment, inclusive=inclusive)
            return self._finding.moved(agency, after, int(query.get("_count", COUNT)))
        sets = [{f.value["id"]: f for f in self._by(agency, kind, name, held)} for name, held in query.items()
                if name in {"_id", "identifier", "focus"}]  # fmt: skip
        first, *others = sets
        found = [one for id_, one in first.items() if all(id_ in other for other in others)]
        if "_lastUpdated" in query:
            moment, inclusive = since(query["_lastUpdated"])
            found = [f for f in found if _is_since(f.value["meta"]["lastUpdated"], moment, inclusive=inclusive)]
        return found[: int(query.get("_count", COUNT))], 0

    def _by(self, agency: Agency, kind: str, name: str, held: str) -> list[Found]:
        if name == "identifier":
            return self._finding.identified(agency, kind, held)
        if name == "focus":
            return self._finding.focused(agency, local(held))
        one = self._finding.one(agency, kind, held) if is_id(held) else None
        return [one] if one is not None else []


def _is_since(changed: str, moment: str, *, inclusive: bool) -> bool:
    return changed > moment or (inclusive and changed == moment)


def _query(request: Request, kind: str) -> dict[str, str]:
    """The parameters, each once, known and bounded."""
    known = {name for name, _, _ in SEARCHES[kind]} | PAGING
    query: dict[str, str] = {}
    for name, held in request.query_params.multi_items():
        if name in IDLE:
            continue
        if name not in known or name in query:
            shown = name if name.isidentifier() and len(name) <= 64 else "a parameter"  # noqa: PLR2004
            text = f"{shown} is unknown or stands twice. Known: {', '.join(sorted(known - {'_after'}))}."
            raise wrong("invalid", shown, "parameter", text)
        query[name] = held
    if not query.keys() - PAGING:
        raise wrong("invalid", kind, "parameter", f"Search by one of {', '.join(sorted(known - PAGING))}.")
    _bounded(query, "_count", MOST)
    _bounded(query, "_after", LAST)
    if any(not held.isprintable() for held in query.values()):
        raise wrong("invalid", kind, "value", "A value has control characters.")
    return query


def _bounded(query: dict[str, str], name: str, most: int) -> None:
    text = query.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text) <= LAST):
        raise wrong("invalid", name, "value", f"{name} is a number.")
    if name in query:
        query[name] = str(min(int(text), most)) if name == "_after" else str(max(1, min(int(text), most)))


def searchset(request: Request, kind: str, query: Mapping[str, str], found: list[Found], after: int) -> dict[str, Any]:
    """The Bundle of a search's page."""
    home = f"{str(request.base_url).rstrip('/')}/fhir"
    links = [{"relation": "self", "url": f"{home}/{kind}?{urlencode(query)}"}]
    if after:
        links.append({"relation": "next", "url": f"{home}/{kind}?{urlencode({**query, '_after': str(after)})}"})
    value: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
    if "_lastUpdated" not in query:
        value["total"] = len(found)
    entries = [
        {"fullUrl": f"{home}/{kind}/{f.value['id']}", "resource": f.value, "search": {"mode": "match"}} for f in found
    ]
    return value | ({"entry": entries} if entries else {})
