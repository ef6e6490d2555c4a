"""FHIR R4 as hospitals send it: a transaction bundle around ServiceRequests. Owns the few elements that are read.

Unknown resources and elements are tolerated (FHIR R4, 2.1.0.5 "must ignore"); which request is the root and what its
codes mean is `core.normalize.fhir`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, JsonValue, Tag
from pydantic.alias_generators import to_camel

from hub.schemas.native.wire import Foreign, Text, Word

ENTRIES_LIMIT = 200
_MANY = Field(max_length=50)


class Element(Foreign):
    """Any part of a resource; on the wire its elements are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)


class Coding(Element):
    """A code of a system; `system` is a URI."""

    system: Word = ""
    code: Word = ""


class Concept(Element):
    """CodeableConcept: the codings say the same thing in several systems."""

    coding: Annotated[tuple[Coding, ...], _MANY] = ()
    text: Text = ""


class Period(Element):
    """FHIR dateTimes as written."""

    start: Word = ""
    end: Word = ""


class Identifier(Element):
    """A business identifier; `type` tells a record number (MR) from others."""

    system: Word = ""
    value: Word = ""
    type: Concept | None = None


class Reference(Element):
    """A literal reference ('Patient/1', 'urn:uuid:…') or a logical one by identifier."""

    reference: Word = ""
    identifier: Identifier | None = None


class HumanName(Element):
    """A name; `period.end` marks one no longer used."""

    use: Word = ""
    text: Word = ""
    family: Word = ""
    given: Annotated[tuple[Word, ...], _MANY] = ()
    period: Period | None = None


class ContactPoint(Element):
    """A phone or mail address."""

    system: Word = ""
    value: Word = ""


class Address(Element):
    """An address, whole in `text` or in parts."""

    use: Word = ""
    text: Text = ""
    line: Annotated[tuple[Word, ...], _MANY] = ()
    city: Word = ""
    district: Word = ""
    state: Word = ""
    period: Period | None = None


class Annotation(Element):
    """A note."""

    text: Text = ""


class Patient(Element):
    """The person the referral is about."""

    resource_type: Literal["Patient"]
    id: Word = ""
    identifier: Annotated[tuple[Identifier, ...], _MANY] = ()
    name: Annotated[tuple[HumanName, ...], _MANY] = ()
    telecom: Annotated[tuple[ContactPoint, ...], _MANY] = ()
    gender: Word = ""
    birth_date: Word = ""
    address: Annotated[tuple[Address, ...], _MANY] = ()


class ServiceRequest(Element):
    """What is asked for. `basedOn` makes it a part of another request."""

    resource_type: Literal["ServiceRequest"]
    id: Word = ""
    identifier: Annotated[tuple[Identifier, ...], _MANY] = ()
    based_on: Annotated[tuple[Reference, ...], _MANY] = ()
    status: Word = ""
    priority: Word = ""
    category: Annotated[tuple[Concept, ...], _MANY] = ()
    code: Concept = Concept()
    subject: Reference = Reference()
    authored_on: Word = ""
    occurrence_date_time: Word = ""
    occurrence_period: Period | None = None
    note: Annotated[tuple[Annotation, ...], _MANY] = ()


class Task(Element):
    """How far somebody got with a request (`focus`). `partOf` makes it a step of another task."""

    resource_type: Literal["Task"]
    id: Word = ""
    part_of: Annotated[tuple[Reference, ...], _MANY] = ()
    status: Word = ""
    focus: Reference = Reference()
    authored_on: Word = ""
    last_modified: Word = ""
    execution_period: Period | None = None


class Procedure(Element):
    """What was done on the ground of a request."""

    resource_type: Literal["Procedure"]
    status: Word = ""
    based_on: Annotated[tuple[Reference, ...], _MANY] = ()
    performed_date_time: Word = ""


class Provision(Element):
    """What a consent permits or denies, for which purposes."""

    type: Word = ""
    period: Period | None = None
    purpose: Annotated[tuple[Coding, ...], _MANY] = ()


class Consent(Element):
    """A consent record; `policyRule.text` names the form and its version."""

    resource_type: Literal["Consent"]
    status: Word = ""
    date_time: Word = ""
    performer: Annotated[tuple[Reference, ...], _MANY] = ()
    policy_rule: Concept = Concept()
    provision: Provision = Provision()


class RelatedPerson(Element):
    """Somebody related to the patient, as a mother or a guardian."""

    resource_type: Literal["RelatedPerson"]
    id: Word = ""
    relationship: Annotated[tuple[Concept, ...], _MANY] = ()
    name: Annotated[tuple[HumanName, ...], _MANY] = ()
    telecom: Annotated[tuple[ContactPoint, ...], _MANY] = ()


_READ = frozenset({"Patient", "ServiceRequest", "Task", "Procedure", "Consent", "RelatedPerson"})
#: What `_kind` does, in words of JSON Schema.
_OTHERS = Field(json_schema_extra={"not": {"enum": list[JsonValue](sorted(_READ))}})


class Other(Element):
    """A resource that is recorded with the raw message and not read (Organization, Practitioner, Condition …)."""

    resource_type: Annotated[Word, _OTHERS]


def _kind(value: Any) -> str:  # noqa: ANN401 - whatever stands there, before it is validated
    kind = value.get("resourceType") if isinstance(value, dict) else getattr(value, "resource_type", None)
    return kind if isinstance(kind, str) and kind in _READ else "Other"


Resource = Annotated[
    Annotated[Patient, Tag("Patient")]
    | Annotated[ServiceRequest, Tag("ServiceRequest")]
    | Annotated[Task, Tag("Task")]
    | Annotated[Procedure, Tag("Procedure")]
    | Annotated[Consent, Tag("Consent")]
    | Annotated[RelatedPerson, Tag("RelatedPerson")]
    | Annotated[Other, Tag("Other")],
    Discriminator(_kind),
]


class Entry(Element):
    """One resource and the address other entries know it by."""

    full_url: Word = ""
    resource: Resource | None = None


class Bundle(Element):
    """A bundle, `type` transaction, batch, collection or message: all carry the same thing here."""

    resource_type: Literal["Bundle"]
    type: Word = ""
    entry: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=ENTRIES_LIMIT)]
