"""A FHIR bundle sorted by kind, with where each resource stands and how others refer to it.

Owns finding and resolving references inside one bundle. Knows nothing of needs or persons.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from hub.schemas.native.fhir import (
    Bundle,
    Consent,
    Entry,
    Patient,
    Procedure,
    Reference,
    RelatedPerson,
    ServiceRequest,
    Task,
)

Held = TypeVar("Held")


class Placed(Generic[Held]):
    """A resource, its JSON pointer and the names it goes by ('Patient/1', its fullUrl)."""

    __slots__ = ("names", "path", "resource")

    def __init__(self, resource: Held, path: str, names: tuple[str, ...]) -> None:
        self.resource = resource
        self.path = path
        self.names = names


class Parts:
    """The resources of a bundle that are read."""

    __slots__ = ("consents", "patients", "procedures", "relatives", "request_names", "requests", "tasks")

    def __init__(self) -> None:
        self.patients: list[Placed[Patient]] = []
        self.requests: list[Placed[ServiceRequest]] = []
        self.consents: list[Placed[Consent]] = []
        self.relatives: list[Placed[RelatedPerson]] = []
        self.tasks: list[Placed[Task]] = []
        self.procedures: list[Placed[Procedure]] = []
        self.request_names: set[str] = set()

    @classmethod
    def of(cls, bundle: Bundle) -> Parts:
        """The parts of `bundle`, in its order."""
        parts = cls()
        for place, entry in enumerate(bundle.entry):
            parts._put(entry, f"/entry/{place}/resource")
        parts.request_names = {name for held in parts.requests for name in held.names}
        return parts

    def _put(self, entry: Entry, path: str) -> None:
        resource = entry.resource
        if isinstance(resource, Patient):
            self.patients.append(Placed(resource, path, _names(entry.full_url, "Patient", resource.id)))
        elif isinstance(resource, ServiceRequest):
            self.requests.append(Placed(resource, path, _names(entry.full_url, "ServiceRequest", resource.id)))
        elif isinstance(resource, Consent):
            self.consents.append(Placed(resource, path, ()))
        elif isinstance(resource, RelatedPerson):
            self.relatives.append(Placed(resource, path, _names(entry.full_url, "RelatedPerson", resource.id)))
        elif isinstance(resource, Task):
            self.tasks.append(Placed(resource, path, _names(entry.full_url, "Task", resource.id)))
        elif isinstance(resource, Procedure):
            self.procedures.append(Placed(resource, path, ()))

    def is_child(self, held: Placed[ServiceRequest]) -> bool:
        """Whether a request is based on another one of this bundle."""
        return any(based.reference in self.request_names for based in held.resource.based_on)

    def patient_of(self, held: Placed[ServiceRequest]) -> Placed[Patient] | None:
        """The request's subject; the only patient of the bundle where the reference leads nowhere."""
        named = [patient for patient in self.patients if held.resource.subject.reference in patient.names]
        return named[0] if named else self.patients[0] if len(self.patients) == 1 else None

    def is_by_relative(self, consent: Consent) -> bool:
        """Whether a related person of this bundle gave the consent."""
        names = {name for relative in self.relatives for name in relative.names}
        return any(who.reference in names for who in consent.performer)


def refers(references: tuple[Reference, ...], names: tuple[str, ...]) -> bool:
    """Whether one of the references leads to something that goes by one of the names."""
    return any(reference.reference in names for reference in references)


def _names(full_url: str, kind: str, id_: str) -> tuple[str, ...]:
    named = (full_url,) if full_url else ()
    return (*named, f"{kind}/{id_}") if id_ else named
