"""Patient and RelatedPerson of a FHIR bundle into a draft. Owns which of several names and addresses counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from hub.core.normalize.draft import Draft
from hub.core.normalize.mapping import Mapping
from hub.core.normalize.parts import Parts, Placed
from hub.schemas.native.fhir import (
    Address,
    ContactPoint,
    HumanName,
    Identifier,
    Patient,
    RelatedPerson,
    ServiceRequest,
)

_PHONES = frozenset(("phone", "sms", ""))


def put_person(draft: Draft, parts: Parts, root: Placed[ServiceRequest], mapping: Mapping, agency: str) -> None:
    """The request's patient; without one in the bundle only where the name should have stood."""
    held = parts.patient_of(root)
    if held is None:
        draft.places["name"] = f"{root.path}/subject"
        return
    patient, path = held.resource, held.path
    draft.places["name"] = f"{path}/name"
    _name(draft, "name", patient.name, path)
    draft.put("birth", f"{path}/birthDate", patient.birth_date)
    draft.put("sex", f"{path}/gender", patient.gender)
    _phones(draft, "phone", patient.telecom, path)
    _address(draft, patient.address, path)
    _identifiers(draft, patient, path, mapping, agency)


def put_guardian(draft: Draft, parts: Parts) -> None:
    """The first related person. The role's code (GUARD …) or its text says whether more than kinship is claimed."""
    for held in parts.relatives[:1]:
        relative = held.resource
        _name(draft, "guardian_name", relative.name, held.path)
        draft.put("guardian_relation", f"{held.path}/relationship", _relation(relative))
        _phones(draft, "guardian_phone", relative.telecom, held.path)


def _relation(relative: RelatedPerson) -> str:
    codes = [coding.code for concept in relative.relationship for coding in concept.coding]
    legal = next((code for code in codes if code in {"GUARD", "HPOWATT", "POWATT"}), "")
    texts = [concept.text for concept in relative.relationship if concept.text]
    return legal or next(iter(texts + codes), "")


def _name(draft: Draft, field: str, names: tuple[HumanName, ...], path: str) -> None:
    found = _current(names)
    if found is None:
        return
    place, name = found
    if name.text:
        draft.put(field, f"{path}/name/{place}/text", name.text)
        return
    given = " ".join(name.given)
    # Korean names are written together, family name first; others apart, family name last.
    whole = f"{given} {name.family}" if (name.family + given).isascii() else name.family + given
    draft.put(field, f"{path}/name/{place}", whole)


def _address(draft: Draft, addresses: tuple[Address, ...], path: str) -> None:
    found = _current(addresses)
    if found is None:
        return
    place, address = found
    if address.text:
        draft.put("address", f"{path}/address/{place}/text", address.text)
        return
    line = " ".join(address.line)
    outer = [name for name in (address.state, address.city, address.district) if name and name not in line]
    draft.put("address", f"{path}/address/{place}", " ".join([*outer, line]))


def _phones(draft: Draft, field: str, points: tuple[ContactPoint, ...], path: str) -> None:
    for place, point in enumerate(points):
        if point.system in _PHONES:
            draft.add(field, f"{path}/telecom/{place}/value", point.value)


def _identifiers(draft: Draft, patient: Patient, path: str, mapping: Mapping, agency: str) -> None:
    """National numbers by their system, as the mapping lists them; of the rest the record number, else the first."""
    local: list[tuple[bool, int, str]] = []
    for place, identifier in enumerate(patient.identifier):
        if kind := mapping.identifiers.get(identifier.system):
            draft.put(kind, f"{path}/identifier/{place}/value", identifier.value)
        elif identifier.value:
            local.append((not _is_record(identifier), place, identifier.value))
    if local:
        _, place, value = min(local)
        draft.put("local_id", f"{path}/identifier/{place}/value", f"{agency}:{value}")


def _is_record(identifier: Identifier) -> bool:
    return identifier.type is not None and any(coding.code == "MR" for coding in identifier.type.coding)


Dated = TypeVar("Dated", HumanName, Address)


def _current(held: Iterable[Dated]) -> tuple[int, Dated] | None:
    """The first that has not ended, official names before others; else the last one known."""
    numbered = list(enumerate(held))
    current = [pair for pair in numbered if pair[1].period is None or not pair[1].period.end]
    official = [pair for pair in current if pair[1].use == "official"]
    return next(iter(official or current or numbered[-1:]), None)
