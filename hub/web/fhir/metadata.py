"""`GET /fhir/metadata`: what the façade can do, as a CapabilityStatement. Owns this one document, open to everybody."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from hub.web.deps import WebDeps
from hub.web.fhir.outcome import fhir_answer

Resource = dict[str, Any]
#: The day this description last changed.
DATE: Final = "2026-11-22"
#: Search parameters by kind: name, type, what it finds.
SEARCHES: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    "Task": (
        ("_id", "token", "One Task."),
        ("focus", "reference", "Tasks about a ServiceRequest."),
        ("identifier", "token", "One's own identifier, or the hub's id of a referral."),
        ("_lastUpdated", "date", "gt or ge with an instant: what moved since, in the order of the ledger."),
    ),
    "ServiceRequest": (
        ("_id", "token", "One ServiceRequest."),
        ("identifier", "token", "The sender's own number."),
    ),
    "Patient": (("_id", "token", "One Patient."), ("identifier", "token", "The sender's own number.")),
    "Consent": (("_id", "token", "One Consent."), ("identifier", "token", "The sender's own number.")),
    "RelatedPerson": (("_id", "token", "One RelatedPerson."), ("identifier", "token", "The sender's own number.")),
}
_ABOUT: Final = {
    "Task": "Its status is the referral's. A receiver moves it with an update, its source may cancel it.",
    "ServiceRequest": "An active one is a referral as soon as its patient is known here; its number makes it unique.",
    "Patient": "Kept sealed for 30 days, until a ServiceRequest refers to it.",
    "Consent": "Kept as a Patient is; one that comes later corrects the referral.",
    "RelatedPerson": "A guardian; kept as a Patient is.",
}


class Metadata:
    """Answers with the statement."""

    def __init__(self, deps: WebDeps) -> None:
        self._value = statement(deps.release)

    def routes(self, router: APIRouter) -> None:
        """Add the address."""
        router.add_api_route(
            "/fhir/metadata", self.get, methods=["GET"], tags=["fhir"], summary="What the FHIR façade can do"
        )

    async def get(self) -> Response:
        """The CapabilityStatement."""
        return fhir_answer(self._value)


def statement(release: str) -> Resource:
    """The CapabilityStatement of a release."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "software": {"name": "Ieum Hub", "version": release},
        "implementation": {"description": "Referrals of people in need between agencies of a city."},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Every change is decided by the ledger; its verdict is the answer.",
                "security": {"description": "A bearer token of the agency's account."},
                "resource": [_resource(kind) for kind in sorted(SEARCHES)],
                "interaction": [{"code": "transaction"}],
            }
        ],
    }


def _resource(kind: str) -> Resource:
    return {
        "type": kind,
        "documentation": _ABOUT[kind],
        "interaction": [{"code": code} for code in ("read", "update", "create", "search-type")],
        "versioning": "versioned-update",
        "readHistory": False,
        "updateCreate": True,
        "conditionalCreate": True,
        "searchParam": [{"name": name, "type": type_, "documentation": about} for name, type_, about in SEARCHES[kind]],
    }
