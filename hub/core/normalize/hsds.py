"""A published organization to a listing. Owns what is kept of it, where it is, and what it says twice and differently.

Published directories contradict themselves (precise.md 12; the standard's own example has 12 places free of 10): what
they say is kept as written and the contradiction is a flag for a worker to see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, Final

from hub.core.normalize.addresses import read_address
from hub.core.normalize.dates import read_day, read_instant
from hub.core.normalize.draft import Draft
from hub.core.normalize.mapping import Mapping
from hub.core.normalize.referral import read_at
from hub.schemas.canonical import ListingClaim, Refusal
from hub.schemas.native.hsds import Address, Location, Organization, Schedule, Service

Content = dict[str, Any]
#: Degrees. Farther north or east there is nothing.
NORTH: Final = 90
EAST: Final = 180
DONGS_LIMIT: Final = 200
_WORDS: Final = re.compile(r"[\s,;/·()]+")
_WHERE: Final = ("state_province", "region", "city", "address_1", "address_2")
#: What says where a place is.
_PLACE: Final = ("addresses", "latitude", "longitude", "transportation", "name", "alternate_name", "description", "url")


def normalize(organization: Organization, mapping: Mapping, heard: str) -> ListingClaim | Refusal:
    """The listing.

    Flags: capacity_contradicts, ages_contradict, dates_contradict, date_unreadable, place_impossible,
    extent_unreadable, belongs_elsewhere, id_twice, sources_differ, address_protected.
    """
    draft = Draft()
    at = read_at(draft, heard)
    if draft.reasons:
        return draft.refusal()
    places = list(_places(organization))
    for service in organization.services:
        _flag_service(draft, service, organization)
    for place in places:
        _flag_place(draft, place, organization)
    _flag_whole(draft, organization)
    modified = _modified(draft, organization, at)
    dongs = _dongs(organization, places, mapping)
    return ListingClaim(
        organization=organization.id,
        at=at,
        content=_content(draft, organization, mapping),
        modified=modified,
        services=len({service.id for service in organization.services}),
        locations=len({place.id for place in places}),
        contacts=_contacts(organization, places),
        dongs=tuple(sorted(dongs)[:DONGS_LIMIT]),
        flags=tuple(sorted(draft.flags)),
    )


def _places(organization: Organization) -> Iterator[Location]:
    """Every place that is described, some of them twice."""
    yield from organization.locations
    for service in organization.services:
        yield from (held.location for held in service.service_at_locations if held.location)


# ------------------------------------------------------------------ contradictions
def _flag_whole(draft: Draft, organization: Organization) -> None:
    if organization.differs:
        draft.flag("sources_differ")
    if organization.parent_organization_id == organization.id:
        draft.flag("belongs_elsewhere")
    if _differ(organization.services) or _differ(_places(organization)):
        draft.flag("id_twice")


def _differ(parts: Iterable[Service | Location]) -> bool:
    """Whether one id stands for two different things: what only one of them says is no contradiction."""
    held: dict[str, dict[str, object]] = {}
    for part in parts:
        said = {name: value for name, value in part if value not in {None, ""} and not isinstance(value, tuple)}
        before = held.setdefault(part.id, said)
        if any(said[name] != before[name] for name in said.keys() & before.keys()):
            return True
    return False


def _flag_service(draft: Draft, service: Service, organization: Organization) -> None:
    if service.organization_id not in {"", organization.id}:
        draft.flag("belongs_elsewhere")
    named = {program.id for program in organization.programs}
    if service.program_id and named and service.program_id not in named:
        draft.flag("belongs_elsewhere")
    if _is_over(service.minimum_age, service.maximum_age):
        draft.flag("ages_contradict")
    for capacity in service.capacities:
        if _is_over(capacity.available, capacity.maximum) or min(capacity.available or 0, capacity.maximum or 0) < 0:
            draft.flag("capacity_contradicts")
    for area in service.service_areas:
        if area.extent_type.casefold() == "geojson" and area.extent and not area.extent.lstrip().startswith("{"):
            draft.flag("extent_unreadable")
    for cost in service.cost_options:
        _flag_span(draft, cost.valid_from, cost.valid_to)
    _flag_schedules(draft, service.schedules)
    for held in service.service_at_locations:
        _flag_schedules(draft, held.schedules)


def _flag_place(draft: Draft, place: Location, organization: Organization) -> None:
    if place.organization_id not in {"", organization.id}:
        draft.flag("belongs_elsewhere")
    if abs(place.latitude or 0) > NORTH or abs(place.longitude or 0) > EAST:
        draft.flag("place_impossible")
    _flag_schedules(draft, place.schedules)


def _flag_schedules(draft: Draft, schedules: Iterable[Schedule]) -> None:
    for schedule in schedules:
        _flag_span(draft, schedule.valid_from, schedule.valid_to)
        _flag_span(draft, schedule.dtstart, schedule.until)


def _flag_span(draft: Draft, start: str, end: str) -> None:
    first, last = _day(draft, start), _day(draft, end)
    if first and last and last < first:
        draft.flag("dates_contradict")


def _day(draft: Draft, text: str) -> str:
    day = read_day(text[:10]) if text else ""
    if day is None:
        draft.flag("date_unreadable")
    return day or ""


def _is_over(less: float | None, more: float | None) -> bool:
    return less is not None and more is not None and less > more


# ------------------------------------------------------------------ when and where
def _modified(draft: Draft, organization: Organization, at: str) -> str:
    """The newest change that is dated. One of a day that has not come says nothing about which version is newer."""
    written = [service.last_modified for service in organization.services]
    written += [capacity.updated for service in organization.services for capacity in service.capacities]
    latest = (date.fromisoformat(at[:10]) + timedelta(days=1)).isoformat()
    newest = ""
    for text in written:
        moment = read_instant(text) if text else ""
        if moment is None:
            draft.flag("date_unreadable")
        elif moment and moment[:10] > latest:
            draft.flag("dates_contradict")
        else:
            newest = max(newest, moment)
    return newest


def _dongs(organization: Organization, places: Iterable[Location], mapping: Mapping) -> set[str]:
    """Administrative dongs that areas name, or that addresses lie in."""
    crosswalk = mapping.areas.crosswalk
    areas = [area.name for service in organization.services for area in service.service_areas]
    named = {crosswalk.get(f"dong:{word}", "") for text in areas for word in _WORDS.split(text)}
    addresses = (address for place in places for address in place.addresses)
    return (named | {_claim(address, mapping)[0] for address in addresses}) - {""}


def _claim(address: Address, mapping: Mapping) -> tuple[str, bool]:
    """The dong, and whether the address must not be told."""
    text = " ".join(held for name in _WHERE if (held := getattr(address, name)))
    claim = read_address(text, mapping.areas).claim
    return claim.dong, claim.protected


# ------------------------------------------------------------------ what is kept
def _content(draft: Draft, organization: Organization, mapping: Mapping) -> Content:
    """As published, without what is empty. A place whose address is withheld, or a shelter's, keeps its id alone."""
    content = organization.model_dump(mode="json", exclude_defaults=True)
    hidden = {p.id for p in _places(organization) if any(_claim(a, mapping)[1] for a in p.addresses)}
    if hidden:
        draft.flag("address_protected")
        held = (s for service in content.get("services", ()) for s in service.get("service_at_locations", ()))
        found = [*content.get("locations", ()), *(s["location"] for s in held if s.get("location"))]
        for place in (place for place in found if place["id"] in hidden):
            for name in _PLACE:
                place.pop(name, None)
    return content


def _contacts(organization: Organization, places: Iterable[Location]) -> int:
    """How many people are named, by id; without one, each time they are."""
    found = [*organization.contacts, *(contact for place in places for contact in place.contacts)]
    for service in organization.services:
        found += service.contacts
        found += (contact for held in service.service_at_locations for contact in held.contacts)
    return len({contact.id for contact in found if contact.id}) + sum(not contact.id for contact in found)
