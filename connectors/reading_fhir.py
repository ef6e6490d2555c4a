"""Loose FHIR resources to transaction bundles, one per root ServiceRequest, joined by their references.

Owns which resources belong to which request. Never reads what they say beyond `resourceType`, `id` and references.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from connectors.reading_tables import Broken

ENTRIES_LIMIT: Final = 200
#: Resources that point at the request or person they belong to: type → element.
_BELONGS: Final = {
    "ServiceRequest": "basedOn",
    "Task": "focus",
    "Procedure": "basedOn",
    "Consent": "patient",
    "RelatedPerson": "patient",
}
#: Resources that say nothing by themselves; unreferenced ones are no loss.
_BACKGROUND: Final = frozenset(("Organization", "Practitioner", "PractitionerRole", "Location", "HealthcareService"))

Resource = dict[str, Any]


def bundles(loose: list[tuple[str, Resource]]) -> Iterator[Resource | Broken]:
    """Transaction bundles, roots in the order of their names; a resource that belongs to no request is `Broken`."""
    named: dict[str, Resource] = {}
    files: dict[str, str] = {}
    for file, resource in loose:
        kind, id_ = resource.get("resourceType"), resource.get("id")
        if not isinstance(kind, str) or not isinstance(id_, str):
            yield Broken(file, 0, "a loose FHIR resource needs resourceType and id")
        else:
            named[f"{kind}/{id_}"], files[f"{kind}/{id_}"] = resource, file
    reached: set[str] = set()
    for root in sorted(name for name in named if _is_root(name, named)):
        members = _members(root, named)
        reached |= members
        if len(members) > ENTRIES_LIMIT:
            yield Broken(files[root], 0, f"more than {ENTRIES_LIMIT} resources belong to this request")
        else:
            yield _bundle([root, *sorted(members - {root})], named)
    for name in sorted(named.keys() - reached):
        if name.partition("/")[0] not in _BACKGROUND:
            yield Broken(files[name], 0, "belongs to no ServiceRequest among these files")


def _is_root(name: str, named: dict[str, Resource]) -> bool:
    kind = name.partition("/")[0]
    return kind == "ServiceRequest" and not any(based in named for based in _references(named[name].get("basedOn")))


def _members(root: str, named: dict[str, Resource]) -> set[str]:
    """Everything a request leads to, and everything that says it belongs to what was found."""
    members = {root}
    while True:
        pointed = {target for name in members for target in _references(named[name]) if target in named}
        belonging = {
            name for name, resource in named.items() if members.intersection(_references(resource.get(_element(name))))
        }
        # Another root of the same patient is a referral of its own.
        found = {name for name in pointed | belonging if not (_is_root(name, named) and name != root)}
        if found <= members:
            return members
        members |= found


def _element(name: str) -> str:
    return _BELONGS.get(name.partition("/")[0], "")


def _references(value: object) -> Iterator[str]:
    """Every literal reference inside a JSON value (its depth is bounded where it was read)."""
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str):
            yield reference
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _bundle(names: list[str], named: dict[str, Resource]) -> Resource:
    entries = [{"resource": named[name], "request": {"method": "PUT", "url": name}} for name in names]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
