"""`check`: one line for each thing that can be wrong with a hospital's server, and how to mend it. Changes nothing."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Final

from connectors.checking import file_writable
from connectors.fhir.config import FhirConfig
from connectors.fhir.gathering import REQUEST, TASK
from connectors.fhir.pages import Page, read, updated
from connectors.fhir.searching import Search, instant
from connectors.fhir.server import Answer, Away, Json, Server, trusting
from connectors.protocol import Check, Origin
from hub.schemas.envelope import RAW_LIMIT

#: How far two clocks may differ: only people compare our times with the server's.
SKEW_S: Final = 120
#: Nothing was updated then: a server that answers with something does not look at `_lastUpdated`.
NEVER: Final = "2199-01-01T00:00:00Z"
_NEEDED: Final = {TASK: ("read", "search-type", "update"), REQUEST: ("read", "search-type"), "Patient": ("read",)}


async def checks(config: FhirConfig, origin: Origin) -> list[Check]:
    """All of them; of a server that does not answer only that."""
    own = [await asyncio.to_thread(file_writable, "memory", config.memory_file)]
    if config.is_secret_over_plain:
        own.append(Check("tls", ok=False, found="a secret travels without TLS", fix="Use an address with https://."))
    try:
        await asyncio.to_thread(trusting, config)
    except OSError as error:
        fix = "Give readable PEM files; certificate_file and key_file belong together."
        return [Check("certificates", ok=False, found=f"cannot be used: {type(error).__name__}", fix=fix), *own]
    server = Server(config)
    try:
        told = await server.get("metadata")
        found = [*_metadata(config, told), *_clock(told, origin)]
    except Away as error:
        await server.close()
        return [_unreachable(error), *own]
    try:
        return [*found, *await _searching(config, server), *own]
    except Away as error:
        fix = "Look at the server's own log; the url is what stands before /Task."
        return [*found, Check("search", ok=False, found=str(error), fix=fix), *own]
    finally:
        await server.close()


def _unreachable(error: Away) -> Check:
    fix = "Correct the url; let this machine through the firewall; look whether the server runs."
    if "certificate" in str(error).lower():
        fix = "Give ca_file, the authority that certifies the server; the url must name the server as it does."
    return Check("connection", ok=False, found=str(error), fix=fix)


def _metadata(config: FhirConfig, told: Answer) -> list[Check]:
    value = told.resource() if len(told.content) <= RAW_LIMIT else {}
    if not told.ok or not isinstance(value, dict) or value.get("resourceType") != "CapabilityStatement":
        if told.ok and len(told.content) > RAW_LIMIT:
            return [Check("metadata", ok=True, found="its CapabilityStatement is too large to be looked at")]
        fix = "The url is what stands before /metadata."
        return [Check("metadata", ok=False, found=f"answers {told.status}, no CapabilityStatement", fix=fix)]
    version = str(value.get("fhirVersion", "none"))[:20]
    is_r4 = version.startswith("4.0")
    fix = "" if is_r4 else "Give the address of its R4 interface."
    found = [Check("connection", ok=True, found=config.base), Check("version", is_r4, f"FHIR {version}", fix)]
    return [*found, *_capable(config, _resources(value))]


def _resources(value: Json) -> dict[str, Json]:
    rests = [rest for rest in _list(value.get("rest")) if isinstance(rest, dict)]
    all_ = [one for rest in rests for one in _list(rest.get("resource")) if isinstance(one, dict)]
    return {str(one.get("type")): one for one in all_}


def _capable(config: FhirConfig, resources: dict[str, Json]) -> list[Check]:
    """What the server says it can do. Our user may be allowed less: that shows when it is tried."""
    missing = []
    for kind, wanted in _NEEDED.items():
        can = {one.get("code") for one in _list(resources.get(kind, {}).get("interaction")) if isinstance(one, dict)}
        needed = [*wanted, *(("create",) if kind == TASK and config.search == REQUEST else ())]
        missing += [f"{kind} {one}" for one in needed if one not in can and (config.answer or one == "read")]
    fix = "Let the server offer these; without updates of Task set answer = false." if missing else ""
    said = f"it offers no {', '.join(missing)}" if missing else "reads, searches and updates what is needed"
    versioned = resources.get(TASK, {}).get("versioning", "versioned") != "no-version"
    lost = "" if versioned else "Switch on versions of Task: without them an update can undo another one."
    return [
        Check("interactions", not missing, said, fix),
        Check("versions", versioned, "Task has versions" if versioned else "Task has no versions", lost),
    ]


def _clock(told: Answer, origin: Origin) -> list[Check]:
    if not told.date:
        return [Check("clock", ok=True, found="the server tells no time")]
    skew = (datetime.fromisoformat(told.date) - datetime.fromisoformat(origin.now())).total_seconds()
    ok = abs(skew) <= SKEW_S
    fix = "" if ok else "Set both clocks by NTP. Nothing is missed by it, but times will not fit together."
    return [Check("clock", ok, f"the server is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}", fix)]


async def _searching(config: FhirConfig, server: Server) -> list[Check]:
    search = Search(config)
    search.count = min(10, search.count)
    answer = await server.get(search.kind, search.parameters(""), strict=True)
    if answer.status in {401, 403}:
        fix = "Give the token or password this server knows, and let its user read Task, ServiceRequest and Patient."
        return [Check("credentials", ok=False, found=f"a search of {search.kind} is answered {answer.status}", fix=fix)]
    found = [Check("credentials", ok=True, found="accepted")]
    if not answer.ok:
        fix = f"Correct `parameters`: the server must know each for {search.kind}, beside status and _lastUpdated."
        said = f"a search of {search.kind} is answered {answer.status}"
        return [*found, Check("search", ok=False, found=said, fix=fix)]
    page = read(answer, search.kind)
    families, _, _ = search.sorted_out(page.held)
    more = " and more" if page.next else ""
    asks = f"{len(families)}{more} ask now" if families else "none asks now: is that so, or do `parameters` exclude it?"
    found.append(Check("search", ok=True, found=asks))
    return [*found, _order(page, search.kind), _links(server, page.next), await _by_time(search, server)]


def _order(page: Page, kind: str) -> Check:
    times = [
        instant(updated(h.value)) for h in page.held if h.name.startswith(f"{kind}/") and isinstance(h.value, dict)
    ]
    ok = times == sorted(times)
    fix = "" if ok else "Let the server heed _sort=_lastUpdated; until then everything is read twice, in no order."
    return Check("order", ok, f"_sort is {'' if ok else 'not '}heeded", fix)


def _links(server: Server, link: str) -> Check:
    try:
        address = server.below(link) if link else ""
    except Away as error:
        fix = "Set the server's public address to the url given here; until then pages are asked for by time."
        return Check("links", ok=False, found=str(error), fix=fix)
    return Check("links", ok=True, found="to the next page lead to it" if address else "no next page now")


async def _by_time(search: Search, server: Server) -> Check:
    parameters = [("_lastUpdated", f"gt{NEVER}"), ("_count", "1")]
    answer = await server.get(search.kind, parameters)
    ok = answer.ok and not any(held.name.startswith(f"{search.kind}/") for held in read(answer, search.kind).held)
    fix = "" if ok else "Let the server index _lastUpdated: without it everything is read at each look."
    return Check("time", ok, f"_lastUpdated is {'' if ok else 'not '}heeded", fix)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
