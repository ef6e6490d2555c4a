"""What one account sees of a case, a referral, a person, a timeline: values ready to be answered, and what was opened.

Owns the shape of these views on top of `core.privacy`, which decides who may know what. Everything in a view follows
from the referrals its reader may know of, so what exists only through a secret or restricted one leaves no trace: no
member, no need, no count, no dong, no date, no gap in a numbering. `opened` names the classes a view gives away; where
it is not empty, the read is recorded before the view is answered. A protected address and a reporter never leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from hub.core.bodies import IdentityBody
from hub.core.directory import Agency
from hub.core.feedview import Entry
from hub.core.privacy import OPEN_PURPOSE, WITHHELD, may_know, opens_identity, sees_code, view_referral, visible
from hub.core.state import COVERED, Case, Referral, Signal
from hub.schemas.canonical import AddressClaim, GuardianClaim

IDENTITY, CONTACT, HEALTH, OFFENCE, NOTES = "identity", "contact", "health", "offence", "notes"
ERASED: Final = "erased"
#: The fields that open together, on acceptance.
FIELDS: Final = ("name", "birth", "sex", "phones", "address", "guardian")
#: Facts of a case's entries that its readers may see, once the entry itself is theirs to know.
TIMELINE_FACTS: Final[Mapping[str, tuple[str, ...]]] = {
    "referral.recorded": ("code", "dong", "duplicate_of", "need", "needed_by", "referral", "state", "urgency"),
    "referral.duplicated": ("duplicate_of", "referral"),
    "referral.offered": ("due", "reason", "referral", "to", "urgency"),
    "referral.unplaced": ("owner", "reason", "referral"),
    "referral.changed": ("by", "change", "from", "on_behalf", "reason", "referral", "to"),
    "offer.expired": ("due", "referral", "to"),
    "signal.recorded": ("dong", "owner", "signal", "signal_kind", "urgency"),
    "access.recorded": ("classes", "id", "purpose", "reader", "what"),
}


class View(msgspec.Struct, frozen=True):
    """An answer, and the classes of body it gives away."""

    value: dict[str, Any]
    opened: tuple[str, ...] = ()


# ------------------------------------------------------------------ referrals
def records_to_open(referrals: Iterable[Referral], agency: Agency) -> list[str]:
    """Records whose identity this account may read."""
    return sorted({r.record for r in referrals if r.record and opens_identity(r, agency)})


def referral_view(
    referral: Referral, case: str, agency: Agency, health: frozenset[str], body: IdentityBody | None
) -> View:
    """A referral this account may know of. `body`: its record's identity, None when erased or not to be opened."""
    value = view_referral(referral, agency, health=referral.code in health)
    value["case"] = case
    identity = identity_view(referral, agency, body)
    return View(value | {"identity": identity.value}, _classes([referral], agency, health, identity.opened))


def identity_view(referral: Referral, agency: Agency, body: IdentityBody | None) -> View:
    """Who the referral is about: withheld, erased, or open. Its notes are its source's alone: they may tell why."""
    if not referral.record:
        return View({})
    if not opens_identity(referral, agency):
        return View(dict.fromkeys(FIELDS, WITHHELD))
    if body is None:
        return View(dict.fromkeys(FIELDS, ERASED))
    claim = body.claim
    value: dict[str, Any] = {
        "name": claim.name,
        "birth": claim.birth.value or claim.birth.raw,
        "sex": claim.sex,
        "phones": list(claim.phones),
        "address": _address(claim.address),
        "guardian": _guardian(body.guardian),
    }
    if agency.code != referral.agency:
        return View(value, (CONTACT, IDENTITY))
    return View(value | {"notes": list(body.notes)}, (CONTACT, IDENTITY, NOTES))


def _address(address: AddressClaim | None) -> object:
    if address is None:
        return None
    return WITHHELD if address.protected else {"text": address.raw, "dong": address.dong}


def _guardian(guardian: GuardianClaim | None) -> object:
    if guardian is None:
        return None
    return {"name": guardian.name, "relation": guardian.relation, "phones": list(guardian.phones)}


def _classes(
    referrals: Iterable[Referral], agency: Agency, health: frozenset[str], others: Iterable[str] = ()
) -> tuple[str, ...]:
    """The classes given away: those of bodies, and those that a shown code belongs to."""
    found = set(others)
    for referral in referrals:
        if referral.secret:
            found.add(OFFENCE)
        if referral.code in health and sees_code(referral, agency, health=True):
            found.add(HEALTH)
    return tuple(sorted(found))


def receipt_view(referral: Referral, agency: Agency, health: frozenset[str]) -> dict[str, Any] | None:
    """A referral as its source's receipt tells of it, None for anybody else. Opens nothing, so no read is recorded."""
    if agency.code != referral.agency:
        return None
    shown = view_referral(referral, agency, health=referral.code in health)
    if _classes([referral], agency, health):
        shown["need"] = WITHHELD
    return {name: shown[name] for name in ("id", "number", "need", "state", "receiver", "due", "duplicate_of")}


# ------------------------------------------------------------------ cases
def case_view(case: Case, agency: Agency, persons: Mapping[str, str], health: frozenset[str]) -> View | None:
    """A case, None if nothing of it may be known. `persons`: the person each of its referrals' records belongs to."""
    seen = visible(case, agency)
    signals = [_signal(s) for s in case.signals if sees_signal(s, agency)]
    if not seen and not signals:
        return None
    value = {
        "id": case.id,
        "dong": next((r.dong for r in seen if r.dong), ""),
        "members": _members(case, seen, persons),
        "needs": _needs(seen, agency, health),
        "referrals": [view_referral(r, agency, health=r.code in health) for r in seen],
        "signals": signals,
    }
    return View(value, _classes(seen, agency, health))


def sees_signal(signal: Signal, agency: Agency) -> bool:
    """Whether this account may know of an observation: its sender, and whoever looks after welfare."""
    return agency.code == signal.agency or OPEN_PURPOSE in agency.purposes


def _signal(signal: Signal) -> dict[str, Any]:
    return {"id": signal.id, "kind": signal.kind, "urgency": signal.urgency, "heard": signal.heard}


def _members(case: Case, seen: Sequence[Referral], persons: Mapping[str, str]) -> list[dict[str, Any]]:
    """Members known through a visible referral of their own, with those referrals. Never the day they joined."""
    known: dict[str, list[str]] = {}
    for referral in seen:
        person = persons.get(referral.record, "")
        if person in case.members:
            known.setdefault(person, []).append(referral.id)
    return [{"person": person, "referrals": ids} for person, ids in sorted(known.items())]


def _needs(seen: Sequence[Referral], agency: Agency, health: frozenset[str]) -> list[dict[str, Any]]:
    """Needs as the visible referrals tell of them: a hidden one for the same need must not change the state shown."""
    needs: dict[str, dict[str, Any]] = {}
    for referral in seen:
        shown = sees_code(referral, agency, health=referral.code in health)
        need = needs.setdefault(
            referral.need, {"id": referral.need, "code": WITHHELD, "since": referral.heard, "state": "open"}
        )
        if shown:
            need["code"] = referral.code
        if referral.state in COVERED:
            need["state"] = "covered"
    return list(needs.values())


# ------------------------------------------------------------------ persons
def mentions(records: Mapping[str, str], cases: Mapping[str, Case], agency: Agency) -> list[tuple[str, Referral]]:
    """The referrals through which this account may know of a person, each with its case, in the order heard."""
    found = [(c.id, r) for c in cases.values() for r in visible(c, agency) if r.record in records]
    return sorted(found, key=lambda mention: mention[1].seq)


def person_view(
    person: str, known: Sequence[tuple[str, Referral]], agency: Agency, bodies: Mapping[str, IdentityBody]
) -> View | None:
    """A person as its visible mentions tell of it; None if there are none. `identity` is the last one that is open."""
    if not known:
        return None
    views = [(case, r, identity_view(r, agency, bodies.get(r.record))) for case, r in known]
    opened = [view.value for _, _, view in views if view.opened]
    value = {
        "id": person,
        "cases": sorted({case for case, _ in known}),
        "identity": opened[-1] if opened else views[-1][2].value,
        "mentions": [{"case": c, "referral": r.id, "heard": r.heard, "identity": v.value} for c, r, v in views],
    }
    return View(value, tuple(sorted({cls for _, _, view in views for cls in view.opened})))


# ------------------------------------------------------------------ timelines
class Reader(msgspec.Struct, frozen=True):
    """One account in front of one case: what it may know of there, by id."""

    agency: Agency
    case: Case
    referrals: Mapping[str, Referral]
    persons: frozenset[str]
    health: frozenset[str]

    @classmethod
    def of(cls, case: Case, agency: Agency, persons: Mapping[str, str], health: frozenset[str]) -> Reader:
        """Work out what may be known."""
        seen = visible(case, agency)
        known = frozenset(persons[r.record] for r in seen if r.record in persons)
        return cls(agency, case, {r.id: r for r in seen}, known, health)


def timeline_entry(entry: Entry, position: int, reader: Reader) -> dict[str, Any] | None:
    """An entry of the case as this reader sees it; None when it must not know that the entry exists."""
    if not may_know(entry.facts["audience"], reader.agency):
        return None
    facts = _timeline_facts(entry, reader)
    if facts is None:
        return None
    return {"position": position, "kind": entry.kind, "heard": entry.heard, "facts": facts}


def _timeline_facts(entry: Entry, reader: Reader) -> dict[str, Any] | None:
    facts = entry.facts
    if entry.kind == "household.changed":
        return _moved(facts, reader)
    if entry.kind == "referral.corrected":
        return _corrected(facts, reader)
    if entry.kind not in TIMELINE_FACTS:
        return None
    shown = {name: facts[name] for name in TIMELINE_FACTS[entry.kind] if name in facts}
    if "referral" not in shown:
        return shown
    referral = reader.referrals.get(shown["referral"])
    return _about(referral, shown, reader) if referral else None


def _about(referral: Referral, shown: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """Take out what says more than the referral's own view does."""
    code = reader.agency.code
    involved = code in {referral.agency, referral.receiver}
    if not sees_code(referral, reader.agency, health=referral.code in reader.health):
        shown.pop("code", None)
    if code != referral.agency and shown.get("duplicate_of") not in reader.referrals:
        shown.pop("duplicate_of", None)
    if shown.get("by") == referral.agency and code != referral.agency and (referral.origin_hidden or not involved):
        shown["by"] = "source"
    return shown


def _moved(facts: Mapping[str, Any], reader: Reader) -> dict[str, Any] | None:
    if facts["person"] not in reader.persons:
        return None
    return {"person": facts["person"], "change": "joined" if facts["joined"] == reader.case.id else "left"}


def _corrected(facts: Mapping[str, Any], reader: Reader) -> dict[str, Any] | None:
    mine = [id_ for id_ in facts["referrals"] if id_ in reader.referrals]
    urgency = {id_: facts["urgency"][id_] for id_ in mine if id_ in facts["urgency"]}
    return {"referrals": mine, "urgency": urgency} if mine else None
