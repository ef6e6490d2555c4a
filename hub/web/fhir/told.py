"""Resources as they go out: a sender's own with the ledger's word on them, or made of what the ledger shows.

Owns the elements of Task, ServiceRequest and Patient that the hub writes. Pure: everything is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hub.core.bodies import IdentityBody
from hub.ledger.fhir import Held
from hub.ledger.reads import Verdict
from hub.schemas.canonical import AddressClaim
from hub.web.fhir.outcome import REASONS
from hub.web.fhir.resources import stamped
from hub.web.fhir.tasks import (
    TABLE,
    Standing,
    business_status,
    identifier_of,
    need_concept,
    standing_elements,
    summary,
)

Resource = dict[str, Any]
#: The hub's urgency as a priority.
PRIORITIES: Final = {"routine": "routine", "urgent": "urgent", "sos": "stat"}
_GENDERS: Final = {"F": "female", "M": "male"}
_REQUESTS: Final = {"completed": "completed", "cancelled": "revoked"}
#: What the hub writes over a sender's Task; the rest of it stays the sender's own.
_OURS: Final = frozenset({"status", "businessStatus", "statusReason", "owner", "output", "lastModified"})


# ------------------------------------------------------------------ a sender's own
def _unclaimed(value: Resource) -> Resource:
    """Without the profiles its sender claims: what the hub writes over it is checked against none of them."""
    meta = value.get("meta")
    if not isinstance(meta, dict):
        return value
    return value | {"meta": {name: what for name, what in meta.items() if name != "profile"}}


def own_task(held: Held, standings: Sequence[Standing], verdict: Verdict | None) -> Resource:
    """A sender's Task with the ledger's word on it."""
    sent = held.value or {"resourceType": "Task", "intent": "order"}
    value = {name: what for name, what in _unclaimed(sent).items() if name not in _OURS} | {"id": held.id}
    if not standings:
        return stamped(value | _undecided(held, verdict), held.at)
    value.setdefault("focus", {"reference": f"ServiceRequest/{standings[0].id}"})
    told = standing_elements(standings)
    told["note"] = [*_listed(value.get("note")), *told.get("note", [])]
    told["identifier"] = _identified(value.get("identifier"), standings)
    told["output"] = [*_listed(sent.get("output")), *told.get("output", [])]
    changed = max(held.at, told["lastModified"])
    return stamped(_filled(value | told), changed)


def own_request(held: Held, standings: Sequence[Standing]) -> Resource:
    """A sender's ServiceRequest: active, completed or revoked as the ledger says."""
    value = _unclaimed(held.value or {"resourceType": "ServiceRequest", "intent": "order"}) | {"id": held.id}
    if not standings:
        return stamped(value, held.at)
    first = summary(standings)
    value["status"] = _REQUESTS.get(first.status, "active")
    value["identifier"] = _identified(value.get("identifier"), standings)
    if held.value is None:
        value |= {"subject": {"display": "expired"}, "code": need_concept(first.view)}
    return stamped(value, max(held.at, *(s.moved for s in standings)))


def _undecided(held: Held, verdict: Verdict | None) -> Resource:
    """No referral: not sent or not decided yet, or refused, and why."""
    if verdict is None or verdict.verdict != "refused":
        return {"status": "requested", "businessStatus": business_status("pending"), "lastModified": held.at}
    reasons = verdict.facts.get("reasons", [])
    codings = [{"system": REASONS, "code": code} for code in dict.fromkeys(str(r["code"]) for r in reasons)]
    text = "; ".join(dict.fromkeys(str(r["text"]) for r in reasons))
    return {
        "status": TABLE["refused"].source,
        "businessStatus": business_status("refused"),
        "statusReason": {"coding": codings, "text": text} if codings else {"text": "refused"},
        "lastModified": held.at,
    }


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _identified(sent: object, standings: Sequence[Standing]) -> list[Any]:
    own = _listed(sent)
    return [*own, *(i for s in standings if (i := identifier_of(s.id)) not in own)]


def _filled(value: Resource) -> Resource:
    """FHIR has no empty arrays."""
    return {name: what for name, what in value.items() if what != []}


# ------------------------------------------------------------------ of the ledger
def task(standing: Standing, *, open_: bool) -> Resource:
    """A referral as a Task. `open_`: whether the caller may read whom it is about."""
    view = standing.view
    value: Resource = {
        "resourceType": "Task",
        "id": standing.id,
        "identifier": [identifier_of(standing.id)],
        "intent": "order",
        "priority": PRIORITIES.get(str(view["urgency"]), "routine"),
        "code": need_concept(view),
        "focus": {"reference": f"ServiceRequest/{standing.id}"},
        "for": _subject(standing, open_=open_),
        "authoredOn": view["heard"],
    }
    if view.get("due"):
        value["restriction"] = {"period": {"end": view["due"]}}
    if requester := _requester(view):
        value["requester"] = requester
    return stamped(_filled(value | standing_elements([standing])), standing.moved)


def request(standing: Standing, *, open_: bool) -> Resource:
    """A referral as a ServiceRequest."""
    view = standing.view
    value: Resource = {
        "resourceType": "ServiceRequest",
        "id": standing.id,
        "identifier": [identifier_of(standing.id)],
        "status": _REQUESTS.get(standing.status, "active"),
        "intent": "order",
        "priority": PRIORITIES.get(str(view["urgency"]), "routine"),
        "code": need_concept(view),
        "subject": _subject(standing, open_=open_),
        "authoredOn": view["heard"],
    }
    if view.get("needed_by"):
        value["occurrenceDateTime"] = view["needed_by"]
    if requester := _requester(view):
        value["requester"] = requester
    return stamped(value, standing.moved)


def patient(standing: Standing, body: IdentityBody) -> Resource:
    """The person of a referral, for who may read it."""
    claim = body.claim
    value: Resource = {"resourceType": "Patient", "id": standing.id}
    if claim.name:
        value["name"] = [{"text": claim.name}]
    if gender := _GENDERS.get(claim.sex or ""):
        value["gender"] = gender
    if claim.birth.value:
        value["birthDate"] = claim.birth.value
    value["telecom"] = [{"system": "phone", "value": phone} for phone in claim.phones]
    value["address"] = _address(claim.address)
    if body.guardian is not None and (body.guardian.name or body.guardian.phones):
        contact: Resource = {"telecom": [{"system": "phone", "value": phone} for phone in body.guardian.phones]}
        contact["name"] = {"text": body.guardian.name} if body.guardian.name else []
        contact["relationship"] = [{"text": body.guardian.relation}] if body.guardian.relation else []
        value["contact"] = [_filled(contact)]
    return stamped(_filled(value), standing.moved)


def _address(address: AddressClaim | None) -> list[Resource]:
    """A protected address never leaves."""
    if address is None or not address.raw:
        return []
    return [{"text": "withheld"}] if address.protected else [{"text": address.raw}]


def _subject(standing: Standing, *, open_: bool) -> Resource:
    return {"reference": f"Patient/{standing.id}"} if open_ else {"display": "withheld until accepted"}


def _requester(view: Mapping[str, Any]) -> Resource | None:
    source = view.get("source")
    if not source:
        return None
    if source == "withheld":
        return {"display": "withheld"}
    return {"identifier": {"system": "urn:kr:ieum:agency", "value": str(source)}}
