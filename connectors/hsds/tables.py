"""An HSDS tabular data package: a folder of CSV, one table a file, to organizations. Owns which row belongs to what.

A row that names nothing that is there is named with its row and column, and the next one passes. Charset and quoting
are `connectors.reading_tables`'s: UTF-8, UTF-16 or CP949.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from connectors.hsds.found import WHOLE_LIMIT, Found, Json, identifier
from connectors.reading_tables import Broken, csv_lines

#: Other names a table goes by.
ALIASES: Final = {"service_at_location": "service_at_locations", "service_capacity": "service_capacities"}
ROOTS: Final = ("organizations", "services", "locations", "service_at_locations")
OWNER: Final = {
    "service_at_location_id": "service_at_locations",
    "location_id": "locations",
    "service_id": "services",
    "organization_id": "organizations",
    "phone_id": "phones",
}
#: A table has as many columns at least: a unit is an id and a name.
COLUMNS: Final = 2
#: Table → the field it becomes, and the columns that say whose a row is.
PARTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "service_at_locations": ("service_at_locations", ("service_id",)),
    "programs": ("programs", ("organization_id",)),
    "organization_identifiers": ("organization_identifiers", ("organization_id",)),
    "addresses": ("addresses", ("location_id",)),
    "accessibility": ("accessibility", ("location_id",)),
    "phones": ("phones", ("service_at_location_id", "location_id", "service_id", "organization_id")),
    "schedules": ("schedules", ("service_at_location_id", "location_id", "service_id")),
    "contacts": ("contacts", ("service_at_location_id", "location_id", "service_id", "organization_id")),
    "service_areas": ("service_areas", ("service_at_location_id", "service_id")),
    "service_capacities": ("capacities", ("service_id",)),
    "languages": ("languages", ("phone_id", "location_id", "service_id")),
    "cost_options": ("cost_options", ("service_id",)),
    "required_documents": ("required_documents", ("service_id",)),
    "funding": ("funding", ("service_id", "organization_id")),
}
#: Rows that others point to, and how: column → table, field.
POINTERS: Final = {"unit_id": ("units", "unit"), "taxonomy_term_id": ("taxonomy_terms", "taxonomy_term")}
POINTING: Final = {"service_capacities": "unit_id", "attributes": "taxonomy_term_id"}
#: What an attribute can be given to.
LINKED: Final = ("organizations", "services", "locations", "service_at_locations")
KNOWN: Final = frozenset({*ROOTS, *PARTS, "units", "taxonomy_terms", "taxonomies", "attributes", "metadata"})


class Row(msgspec.Struct, frozen=True):
    """One row: where it stands, and its filled cells."""

    path: str
    row: int
    cells: Json


class Package:
    """The tables of one folder."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._tables: dict[str, list[Row]] = {}
        self._known: dict[tuple[str, str], Json] = {}
        self._owners: dict[str, str] = {}
        self._copied = 0

    def read(self, name: str, path: Path) -> None:
        """One table. `name`: what it is called in the report."""
        table = ALIASES.get(path.stem, path.stem)
        if table not in KNOWN:
            self._found.broken(name, 0, "", "unknown_table", "no table of HSDS is called so")
            return
        rows = self._tables.setdefault(table, [])
        for line in csv_lines(path, COLUMNS):
            if isinstance(line, Broken):
                self._found.broken(name, line.row, "", "unreadable", line.reason)
                continue
            cells = {title: cell for title, cell in zip(line.header, line.cells, strict=False) if title and cell}
            row = Row(name, line.row, cells)
            rows.append(row)
            id_ = identifier(cells.get("id"))
            if id_:
                self._known.setdefault((table, id_), cells)
            elif table in ROOTS:
                self._found.broken(name, line.row, "id", "id", "the row has no id")

    def end(self) -> None:
        """All tables are read: put them together."""
        for table, column in POINTING.items():
            for row in self._tables.get(table, ()):
                self._point(row, column)
        for table, (field, columns) in PARTS.items():
            for row in self._tables.get(table, ()):
                self._attach(row, field, columns)
        for row in self._tables.get("attributes", ()):
            self._attribute(row)
        for table in ("services", "locations"):
            self._own(table)
        for row in self._tables.get("organizations", ()):
            self._found.add(row.path, row.row, row.cells)

    def _point(self, row: Row, column: str) -> None:
        """What a row points to becomes a part of it. One long term given to all would outgrow any memory."""
        table, field = POINTERS[column]
        held = self._known.get((table, row.cells.get(column, "")))
        if held is None:
            return
        self._copied += sum(map(len, held.values()))
        if self._copied > WHOLE_LIMIT:
            self._found.broken(row.path, row.row, column, "too_large", f"more than {WHOLE_LIMIT} bytes of {table}")
        else:
            row.cells[field] = held

    def _attach(self, row: Row, field: str, columns: Sequence[str]) -> None:
        """To everything it names: published rows name a service, its place and its organization at once."""
        named = [column for column in columns if row.cells.get(column)]
        owners = [o for column in named if (o := self._known.get((OWNER[column], row.cells[column]))) is not None]
        for owner in owners:
            owner.setdefault(field, []).append(row.cells)
        self._learn(row.cells)
        if not owners:
            column = named[0] if named else columns[-1]
            text = f"names none of {OWNER[column]}.csv" if named else "the row does not say whose it is"
            self._found.broken(row.path, row.row, column, "belongs_to_nobody", text)

    def _learn(self, cells: Mapping[str, Any]) -> None:
        """Whose a place is, where a row names it together with a service or an organization."""
        place = cells.get("location_id", "")
        service = self._known.get(("services", cells.get("service_id", "")), {})
        owner = cells.get("organization_id") or service.get("organization_id", "")
        if place and ("organizations", owner) in self._known:
            self._owners.setdefault(place, owner)

    def _attribute(self, row: Row) -> None:
        """A term given to something, named by table and id or by id alone."""
        id_ = row.cells.get("link_id", "")
        owner = next((o for table in LINKED if (o := self._known.get((table, id_))) is not None), None)
        if owner is not None:
            owner.setdefault("attributes", []).append(row.cells)
        elif row.cells.get("link_entity", "") in {"organization", "service", "location", "service_at_location", ""}:
            self._found.broken(row.path, row.row, "link_id", "belongs_to_nobody", "names nothing that is here")

    def _own(self, table: str) -> None:
        """Services and places go to their organization; a place whose own is not here, where other rows put it.

        An organization that none of the tables has may be told of in a document beside them.
        """
        for row in self._tables.get(table, ()):
            told, id_ = identifier(row.cells.get("organization_id")), row.cells.get("id", "")
            learned = self._owners.get(id_, "") if table == "locations" else ""
            owner = self._known.get(("organizations", told)) or self._known.get(("organizations", learned))
            if owner is not None:
                owner.setdefault(table, []).append(row.cells)
            elif told and id_:
                self._found.add(row.path, row.row, {"id": told, table: [row.cells]})
            elif id_:
                text = "the row does not say whose it is"
                self._found.broken(row.path, row.row, "organization_id", "belongs_to_nobody", text)
