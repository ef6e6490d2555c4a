"""The addresses of the façade: create, update, read, transaction. Owns HTTP: bodies, headers, statuses.

What is asked of it goes to `submitting` and `moving`, what is read comes from `finding`; the search is `searching`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Final

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.core.directory import Agency
from hub.web.courier import Courier
from hub.web.deps import WebDeps
from hub.web.door import Door, caller_of
from hub.web.fhir.finding import Finding, Found
from hub.web.fhir.moving import Moving
from hub.web.fhir.outcome import fhir_answer, issue, outcome, wrong
from hub.web.fhir.reading import Asked, body_of, preferred, recorded
from hub.web.fhir.resources import Part, bundle_parts, checked, given_id, known_id, known_kind, localized, unread
from hub.web.fhir.searching import Searching
from hub.web.fhir.standings import Standings
from hub.web.fhir.submitting import Submitting, Taken
from hub.web.fhir.tasks import Standing
from hub.web.metrics import Metrics
from hub.web.problems import ProblemError, not_found

Resource = dict[str, Any]
TASK: Final = "Task"


class Facade:
    """The hub as a FHIR server."""

    def __init__(self, deps: WebDeps, door: Door, courier: Courier, metrics: Metrics) -> None:
        self._deps, self._asked = deps, Asked(deps, courier, metrics)
        standings = Standings(deps)
        self._finding = Finding(deps, standings)
        self._moving = Moving(deps, door, courier, standings)
        self._submitting = Submitting(deps, door, courier, self._moving)
        self._searching = Searching(self._finding, self._asked)

    def routes(self, router: APIRouter) -> None:
        """Add the addresses. Their description is the CapabilityStatement."""
        for path, endpoint, method in (
            ("/fhir", self.transaction, "POST"),
            ("/fhir/", self.transaction, "POST"),
            ("/fhir/{kind}", self.create, "POST"),
            ("/fhir/{kind}", self._searching.search, "GET"),
            ("/fhir/{kind}/{id}", self.read, "GET"),
            ("/fhir/{kind}/{id}", self.update, "PUT"),
        ):
            router.add_api_route(path, endpoint, methods=[method], tags=["fhir"], include_in_schema=False)

    # ------------------------------------------------------------- one
    async def read(self, request: Request, kind: str, id: str) -> Response:  # noqa: A002 - the address's name
        """One resource."""
        agency = caller_of(request).agency
        preferred(request)
        known_kind(kind)
        found = await to_thread.run_sync(self._finding.one, agency, kind, known_id(id))
        if found is None:
            raise not_found()
        if request.headers.get("if-none-match", "") == etag(found.value):
            return fhir_answer(None, 304, {"ETag": etag(found.value)})
        await self._asked.record(agency, [found])
        return fhir_answer(found.value, headers=versioned(found.value))

    async def create(self, request: Request, kind: str) -> Response:
        """Create a resource; the same content again finds the one created before."""
        agency = caller_of(request).agency
        wanted = preferred(request)
        known_kind(kind)
        value = await body_of(request, self._deps.limits, kind)
        checked(value, kind, kind)
        value = localized(value, {})
        part = Part(kind, given_id(self._deps.keys.pepper, agency.code, kind, value), value, kind)
        condition = condition_of(request.headers.get("if-none-exist", ""))
        part = await self._submitting.known(agency, part, condition)
        (taken,) = await self._submitting.take(agency, [part])
        if condition and not taken.created:  # nobody sent what is answered now
            await self._asked.record(agency, [await to_thread.run_sync(self._finding.own, agency, taken.held)])
        return await self._told(request, agency, taken, wanted)

    async def update(self, request: Request, kind: str, id: str) -> Response:  # noqa: A002 - the address's name
        """Update a resource, or create it under an id of one's own. A Task's status is a change of its referral."""
        agency = caller_of(request).agency
        wanted = preferred(request)
        known_kind(kind)
        id_ = known_id(id)
        value = await body_of(request, self._deps.limits, kind)
        checked(value, kind, kind)
        if value.get("id", id_) != id_:
            raise wrong("invalid", f"{kind}.id", "id_mismatch", "The resource's id is the address's.")
        await self._match(request, agency, kind, id_)
        part = await self._submitting.known(agency, Part(kind, id_, localized(value, {}), kind))
        if kind == TASK:
            standings = await to_thread.run_sync(self._finding.moved_by, agency, part.held, id_)
            if part.held is not None or standings:
                return await self._moved(agency, part, standings, wanted)
        (taken,) = await self._submitting.take(agency, [part])
        return await self._told(request, agency, taken, wanted)

    async def _match(self, request: Request, agency: Agency, kind: str, id_: str) -> None:
        """If-Match: an update of something older than what is there now changes nothing."""
        expected = request.headers.get("if-match")
        if expected is None:
            return
        found = await to_thread.run_sync(self._finding.one, agency, kind, id_)
        if found is None or expected != etag(found.value):
            raise ProblemError("precondition", "This is not the version that is here now. Read it again.")

    async def _moved(self, agency: Agency, part: Part, standings: list[Standing], wanted: str) -> Response:
        """A Task's update: what its status asks for, decided by the ledger."""
        held = part.held
        decided = await self._moving.move(agency, part.value, standings)
        if held is not None and part.changed and held.value is not None:
            await self._submitting.keep(agency, part)
        found = await to_thread.run_sync(self._finding.one, agency, TASK, part.id)
        if found is None:
            raise not_found()
        await self._asked.record(agency, [found])
        status = 200 if decided else 202
        return fhir_answer(body(found.value, wanted, ()), status, versioned(found.value))

    async def _told(self, request: Request, agency: Agency, taken: Taken, wanted: str) -> Response:
        found = await to_thread.run_sync(self._finding.own, agency, taken.held)
        status = 202 if not taken.decided else 201 if taken.created else 200
        headers = versioned(found.value) | {"Location": f"{base(request)}/{location(found.value)}"}
        return fhir_answer(body(found.value, wanted, taken.flags), status, headers)

    # ------------------------------------------------------------- a transaction
    async def transaction(self, request: Request) -> Response:
        """All of a Bundle, or nothing of it."""
        agency = caller_of(request).agency
        wanted = preferred(request)
        bundle = await body_of(request, self._deps.limits, "Bundle")
        parts, sent = bundle_parts(self._deps.keys.pepper, agency.code, bundle)
        named = [p for p in parts if p is not None]
        known = [await self._submitting.known(agency, p) for p in named]
        for one in known:
            if one.kind == TASK and one.changed and one.held is not None:
                text = "A Task that is here already is updated by itself: its status asks the ledger for a change."
                raise wrong("refused", one.place, "task_by_itself", text)
        taken = {t.part.name: t for t in await self._submitting.take(agency, known, sent)}
        entries = []
        for place, part in enumerate(parts):
            if part is None:
                entries.append({"response": {"status": "200 OK", "outcome": _kept(place)}})
                continue
            found = await to_thread.run_sync(self._finding.own, agency, taken[part.name].held)
            entries.append(_entry(found, taken[part.name], wanted))
        status = 200 if all(t.decided for t in taken.values()) else 202
        return fhir_answer({"resourceType": "Bundle", "type": "transaction-response", "entry": entries}, status)


# ------------------------------------------------------------------ answers
def body(value: Resource, wanted: str, flags: Sequence[str]) -> Resource | None:
    """What the client asked to be answered with."""
    if wanted == "minimal":
        return None
    return outcome(_warnings(flags)) if wanted == "OperationOutcome" else value


def etag(value: Resource) -> str:
    """The weak entity tag of a representation."""
    return f'W/"{value["meta"]["versionId"]}"'


def versioned(value: Resource) -> dict[str, str]:
    """ETag and Last-Modified."""
    changed = datetime.fromisoformat(value["meta"]["lastUpdated"])
    return {"ETag": etag(value), "Last-Modified": format_datetime(changed, usegmt=True)}


def location(value: Resource) -> str:
    """Where this version of a resource stands, below the façade's address."""
    return f"{value['resourceType']}/{value['id']}/_history/{value['meta']['versionId']}"


def base(request: Request) -> str:
    """The façade's own address."""
    return f"{str(request.base_url).rstrip('/')}/fhir"


def condition_of(header: str) -> str:
    """The identifier If-None-Exist asks for; '' without one. Raises the problem of any other condition."""
    if not header:
        return ""
    searched, _, token = header.rpartition("?")[2].partition("=")
    if searched != "identifier" or not token or "&" in token:
        raise wrong("invalid", "If-None-Exist", "value", "If-None-Exist takes identifier=system|value.")
    return recorded(token)


def _warnings(flags: Sequence[str]) -> list[Resource]:
    """Contradictions, recorded as they are and shown to a worker."""
    text = "Recorded as it is, and shown to a worker: "
    return [issue("business-rule", text + flag, severity="warning", reason=flag) for flag in flags]


def _entry(found: Found, taken: Taken, wanted: str) -> Resource:
    status = HTTPStatus(201 if taken.created else 200)
    response: Resource = {
        "status": f"{status.value} {status.phrase}",
        "location": location(found.value),
        "etag": etag(found.value),
        "lastModified": found.value["meta"]["lastUpdated"],
    }
    if taken.flags and taken.part.kind == "ServiceRequest":
        response["outcome"] = outcome(_warnings(taken.flags))
    return ({"resource": found.value} if wanted == "representation" else {}) | {"response": response}


def _kept(place: int) -> Resource:
    reason = unread(f"Bundle.entry[{place}].resource")
    return outcome([issue("informational", reason.text, expression=reason.path, severity="information")])
