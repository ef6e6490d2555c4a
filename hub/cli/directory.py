"""`hub directory`: organizations as agencies' directories publish them. Through the API, as the named agency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from hub.cli.asking import CITY, As, Asking
from hub.cli.output import Json, State, emit, examples, table
from hub.cli.output import group as new_group

group = new_group()
PAGE: Final = 500
HEADER: Final = ("listing", "name", "agency", "services", "locations", "dongs", "flags", "modified")
ADDRESS: Final = ("state_province", "region", "city", "address_1", "address_2", "postal_code")
Id = Annotated[str, typer.Argument(metavar="LISTING", help="A listing's id.")]


@group.command("list")
@examples("hub directory list", "hub directory list --dong 평거동 --json", "hub directory list --as sangbong")
def list_(
    dong: Annotated[str, typer.Option("--dong", help="Only those in, or for, this administrative dong.")] = "",
    flagged: Annotated[bool, typer.Option("--flagged", help="Only those that contradict themselves.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 200,
    as_agency: As = CITY,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Organizations an agency may know of, in the order in which they were last listed."""
    with Asking(as_agency, state) as asking:
        rows = []
        for row in _rows(asking):
            if (not dong or dong in row["dongs"]) and (not flagged or row["flags"]):
                rows.append(row)
            if len(rows) == limit:
                break
    emit(rows) if as_json else print(table([_cells(row) for row in rows], HEADER))


@group.command("show")
@examples("hub directory show 0191d0c4-…", "hub directory show 0191d0c4-… --json")
def show(listing: Id, as_agency: As = CITY, state: State = None, as_json: Json = False) -> None:
    """One organization: services with eligibility, capacity and hours, places, areas, terms."""
    with Asking(as_agency, state) as asking:
        told = asking.get(f"/v1/directory/{listing}")
    if as_json:
        emit(told)
        return
    print(table([(name, cell) for name, cell in zip(HEADER, _cells(told), strict=True)]))
    organization = told["organization"]
    if isinstance(organization, Mapping):
        print("\n".join(["", *_lines(organization)]))


def _rows(asking: Asking) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        page = asking.get("/v1/directory", after=after, limit=PAGE)
        yield from page["listings"]
        if page["next"] == after:
            return
        after = page["next"]


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [",".join(row[h]) if isinstance(row[h], list) else str(row[h]) for h in HEADER]


def _lines(organization: Mapping[str, Any]) -> Iterator[str]:
    """What a worker asks first, a line each."""
    yield from _reach("", organization)
    for service in organization.get("services", ()):
        yield f"service   {service['name']}  {service.get('status', '')}".rstrip()
        yield from _ages(service)
        for held in service.get("capacities", ()):
            unit = held.get("unit", {}).get("name", "")
            yield f"  capacity  {held.get('available', '?')} of {held.get('maximum', '?')} {unit}".rstrip()
        yield from (
            f"  area      {a.get('name') or a.get('description', '')}" for a in service.get("service_areas", ())
        )
        yield from _reach("  ", service)
    for place in organization.get("locations", ()):
        yield f"location  {place.get('name', place['id'])}"
        for held in place.get("addresses", ()):
            yield f"  address   {' '.join(str(held[part]) for part in ADDRESS if held.get(part))}"
        yield from _reach("  ", place)


def _ages(service: Mapping[str, Any]) -> Iterator[str]:
    ages = f"{service.get('minimum_age', '')}-{service.get('maximum_age', '')}".strip("-")
    words = " ".join(text for text in (service.get("eligibility_description", ""), f"({ages})" if ages else "") if text)
    if words:
        yield f"  for       {words}"


def _reach(indent: str, held: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{indent}phone     {phone['number']}" for phone in held.get("phones", ()) if phone.get("number"))
    for hours in held.get("schedules", ()):
        when = " ".join(v for k in ("byday", "opens_at", "closes_at", "description") if (v := hours.get(k)))
        if when:
            yield f"{indent}hours     {when}"
