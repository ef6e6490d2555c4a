"""An organization of a service directory: Open Referral HSDS 3.0 to 3.2, `organization_full` with its services.

Owns which parts are read; what is not declared here is ignored, as the standard has more. People are left out on
purpose: of `contacts` only how many there are, never an address's `attention`, a record's `metadata`, an assurer.
Published directories write numbers as text and text as numbers, and leave out what the standard requires: only what
nobody could look up is refused (an id, a name), and what is no number where one belongs.

Source: https://docs.openreferral.org, schema/*.json of the specification (`capacities` and `unit` since 3.1).
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from hub.schemas.native import wire
from hub.schemas.native.wire import TEXT_LIMIT, Foreign

LARGEST: Final = 1e12


def _said(**text: Any) -> WithJsonSchema:  # noqa: ANN401 - keywords of JSON Schema
    """Text, or a number that is taken as it is written."""
    return WithJsonSchema({"anyOf": [{"type": "string", **text}, {"type": "number"}]})


Text = Annotated[wire.Text, _said(maxLength=TEXT_LIMIT)]
Word = Annotated[wire.Word, _said(maxLength=256)]
Token = Annotated[wire.Token, _said(minLength=1, maxLength=128)]
Name = Annotated[wire.Text, Field(min_length=1), _said(minLength=1, maxLength=TEXT_LIMIT)]


def _number(held: object) -> object:
    """An empty cell is no number given; true is none either."""
    if isinstance(held, bool):
        raise ValueError("not a number")  # noqa: TRY004 - pydantic's way to refuse
    return None if isinstance(held, str) and not held.strip() else held


Number = Annotated[
    Annotated[int | float, Field(ge=-LARGEST, le=LARGEST)] | None,
    BeforeValidator(_number),
    WithJsonSchema({"type": ["number", "string", "null"], "minimum": -LARGEST, "maximum": LARGEST}),
]


class Part(Foreign):
    """A part of a directory; a number where text belongs is that number as written."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Contact(Part):
    """Somebody who is named: counted by id. Who it is stays in the sealed message."""

    id: Word = ""


class Language(Part):
    """A language that is spoken."""

    name: Word = ""
    code: Word = ""
    note: Text = ""


class Phone(Part):
    """A number of the organization, a service or a place."""

    number: Word = ""
    extension: Word = ""
    type: Word = ""
    description: Text = ""


class Schedule(Part):
    """When something is open: a rule of iCalendar (RFC 5545) in parts, and words."""

    id: Word = ""
    valid_from: Word = ""
    valid_to: Word = ""
    dtstart: Word = ""
    timezone: Word = ""
    until: Word = ""
    count: Number = None
    wkst: Word = ""
    freq: Word = ""
    interval: Number = None
    byday: Word = ""
    byweekno: Word = ""
    bymonthday: Word = ""
    byyearday: Word = ""
    opens_at: Word = ""
    closes_at: Word = ""
    description: Text = ""
    schedule_link: Text = ""
    attending_type: Text = ""
    notes: Text = ""


class ServiceArea(Part):
    """Where a service is given: words, or a shape (`extent`) in the form `extent_type` names."""

    id: Word = ""
    name: Text = ""
    description: Text = ""
    extent: Text = ""
    extent_type: Word = ""
    uri: Text = ""


class Unit(Part):
    """What capacity is counted in."""

    id: Word = ""
    name: Word = ""


class Capacity(Part):
    """How many units are free, of how many."""

    id: Word = ""
    unit: Unit = Unit()
    available: Number = None
    maximum: Number = None
    description: Text = ""
    updated: Word = ""


class CostOption(Part):
    """What it costs, for whom and when."""

    id: Word = ""
    option: Text = ""
    amount: Number = None
    currency: Word = ""
    amount_description: Text = ""
    valid_from: Word = ""
    valid_to: Word = ""


class RequiredDocument(Part):
    """What one has to bring."""

    document: Text = ""
    uri: Text = ""


class TaxonomyTerm(Part):
    """A term of a classification."""

    id: Word = ""
    code: Word = ""
    name: Word = ""
    taxonomy: Word = ""
    term_uri: Text = ""


class Attribute(Part):
    """A term given to something; `value` where the term alone does not say it."""

    link_type: Word = ""
    value: Text = ""
    taxonomy_term: TaxonomyTerm | None = None


class Accessibility(Part):
    """What makes a place reachable."""

    description: Text = ""
    details: Text = ""
    url: Text = ""


class Address(Part):
    """An address of a place, without the person it is addressed to."""

    address_1: Text = ""
    address_2: Text = ""
    city: Word = ""
    region: Word = ""
    state_province: Word = ""
    postal_code: Word = ""
    country: Word = ""
    address_type: Word = ""


class Location(Part):
    """A place."""

    id: Token
    organization_id: Word = ""
    location_type: Word = ""
    name: Text = ""
    alternate_name: Text = ""
    description: Text = ""
    transportation: Text = ""
    url: Text = ""
    latitude: Number = None
    longitude: Number = None
    addresses: tuple[Address, ...] = ()
    accessibility: tuple[Accessibility, ...] = ()
    phones: tuple[Phone, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    languages: tuple[Language, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    contacts: tuple[Contact, ...] = Field((), exclude=True)


class ServiceAtLocation(Part):
    """A service at one of the places."""

    id: Word = ""
    location_id: Word = ""
    description: Text = ""
    location: Location | None = None
    phones: tuple[Phone, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    service_areas: tuple[ServiceArea, ...] = ()
    contacts: tuple[Contact, ...] = Field((), exclude=True)


class Program(Part):
    """What services are grouped under."""

    id: Word = ""
    name: Word = ""
    description: Text = ""


class Service(Part):
    """What an organization does for people."""

    id: Token
    organization_id: Word = ""
    program_id: Word = ""
    name: Name
    alternate_name: Text = ""
    description: Text = ""
    url: Text = ""
    email: Word = ""
    status: Word = ""
    alert: Text = ""
    interpretation_services: Text = ""
    application_process: Text = ""
    fees_description: Text = ""
    fees: Text = ""
    wait_time: Text = ""
    accreditations: Text = ""
    licenses: Text = ""
    eligibility_description: Text = ""
    minimum_age: Number = None
    maximum_age: Number = None
    assured_date: Word = ""
    last_modified: Word = ""
    program: Program | None = None
    phones: tuple[Phone, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    service_areas: tuple[ServiceArea, ...] = ()
    service_at_locations: tuple[ServiceAtLocation, ...] = ()
    languages: tuple[Language, ...] = ()
    capacities: tuple[Capacity, ...] = ()
    cost_options: tuple[CostOption, ...] = ()
    required_documents: tuple[RequiredDocument, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    contacts: tuple[Contact, ...] = Field((), exclude=True)


class OrganizationIdentifier(Part):
    """A number some register gave the organization."""

    identifier_scheme: Word = ""
    identifier_type: Word = ""
    identifier: Word = ""


class Organization(Part):
    """One organization with everything it offers.

    `differs` is not HSDS's: JSON pointers of what files of one directory say differently, as the connector found them.
    """

    id: Token
    name: Name
    alternate_name: Text = ""
    description: Text = ""
    email: Word = ""
    website: Text = ""
    uri: Text = ""
    legal_status: Word = ""
    parent_organization_id: Word = ""
    organization_identifiers: tuple[OrganizationIdentifier, ...] = ()
    programs: tuple[Program, ...] = ()
    phones: tuple[Phone, ...] = ()
    locations: tuple[Location, ...] = ()
    services: tuple[Service, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    contacts: tuple[Contact, ...] = Field((), exclude=True)
    differs: tuple[Text, ...] = Field((), exclude=True)
