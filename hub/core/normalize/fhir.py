"""A FHIR R4 bundle to a referral. Owns which resource says what; paths are JSON pointers into the bundle.

One root ServiceRequest with its patient; requests based on it are parts of the same referral. Contradictions inside a
bundle are flagged, never repaired. Who else stands in the bundle (practitioners, organizations) is not read.
"""

from __future__ import annotations

import re
from typing import Final

from hub.core.normalize import fhir_person
from hub.core.normalize.contradictions import flag_contradictions
from hub.core.normalize.dates import read_day
from hub.core.normalize.draft import Draft
from hub.core.normalize.mapping import Mapping
from hub.core.normalize.parts import Parts, Placed
from hub.core.normalize.referral import finish
from hub.schemas.canonical import ConsentClaim, Reason, ReferralClaim, Refusal
from hub.schemas.native.fhir import Bundle, Concept, Consent, ServiceRequest

_REVOKED: Final = frozenset(("revoked", "entered-in-error"))
_CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
OWN_NEEDS: Final = "urn:kr:ieum:need"


def normalize(bundle: Bundle, mapping: Mapping, agency: str, heard: str) -> ReferralClaim | Refusal:
    """The referral in a bundle."""
    parts = Parts.of(bundle)
    root = _root(parts)
    if isinstance(root, Refusal):
        return root
    draft = Draft()
    _request(draft, root, mapping)
    for child in parts.requests:
        if child is not root and child.resource.status not in _REVOKED:
            _child(draft, child, root, mapping)
    fhir_person.put_person(draft, parts, root, mapping, agency)
    fhir_person.put_guardian(draft, parts)
    draft.consent = _consent(draft, parts, mapping)
    flag_contradictions(draft, parts, root)
    return finish(draft, mapping, heard)


def _root(parts: Parts) -> Placed[ServiceRequest] | Refusal:
    """The one request that is based on none in the bundle."""
    if not parts.requests:
        return _refuse("/entry", "request_missing", "The bundle has no ServiceRequest.")
    roots = [held for held in parts.requests if not parts.is_child(held)]
    if len(roots) != 1:
        code = "several_referrals" if roots else "request_circle"
        return _refuse("/entry", code, "A bundle has one ServiceRequest that others are based on (basedOn).")
    root = roots[0]
    if root.resource.status in _REVOKED:
        text = "A request that was taken back is no referral; withdraw the earlier one with an answer."
        return _refuse(f"{root.path}/status", "request_revoked", text)
    return root


def _request(draft: Draft, root: Placed[ServiceRequest], mapping: Mapping) -> None:
    request, path = root.resource, root.path
    _number(draft, root)
    draft.put("at", f"{path}/authoredOn", request.authored_on)
    if request.occurrence_date_time:
        draft.put("needed_by", f"{path}/occurrenceDateTime", request.occurrence_date_time)
    elif request.occurrence_period:
        draft.put("needed_by", f"{path}/occurrencePeriod/start", request.occurrence_period.start)
    if request.priority:
        draft.urgency = mapping.priorities.get(request.priority)
        draft.provenance["urgency"] = f"{path}/priority"
    for place, note in enumerate(request.note):
        draft.add("note", f"{path}/note/{place}/text", note.text)
    draft.places["need"] = f"{path}/code"
    _needs(draft, root, mapping)


def _child(draft: Draft, child: Placed[ServiceRequest], root: Placed[ServiceRequest], mapping: Mapping) -> None:
    """A part of the root's referral. One that is completed asks for nothing any more, and says so."""
    if child.resource.status == "completed":
        if root.resource.status != "completed":
            draft.flag("child_completed")
        return
    _needs(draft, child, mapping)


def _number(draft: Draft, root: Placed[ServiceRequest]) -> None:
    """The referral's number: its identifier named so, else the first, else the resource's id."""
    request, path = root.resource, root.path
    draft.places["number"] = f"{path}/identifier"
    held = [(place, one) for place, one in enumerate(request.identifier) if one.value]
    named = [pair for pair in held if pair[1].system.endswith("/referral")] or held
    if named:
        place, identifier = named[0]
        draft.put("number", f"{path}/identifier/{place}/value", identifier.value)
    elif request.id:
        draft.put("number", f"{path}/id", request.id)
        draft.note("number", ("resource_id",))


def _needs(draft: Draft, held: Placed[ServiceRequest], mapping: Mapping) -> None:
    """Codings of one concept say the same in several systems; in ours each names a need of its own."""
    path = f"{held.path}/code"
    concept = held.resource.code
    if not any(coding.code for coding in concept.coding):
        return _category(draft, held, mapping)
    own = [coding.code for coding in concept.coding if coding.system == OWN_NEEDS]
    known = [mapping.codings.get((coding.system, coding.code)) for coding in concept.coding]
    if all((OWN_NEEDS, code) in mapping.codings for code in own) and any(known):
        wanted = [mapping.codings[(OWN_NEEDS, code)] for code in own] or [need for need in known if need][:1]
        for need in wanted:
            draft.need(need)
        draft.provenance.setdefault("need", path)
    else:
        draft.refuse(f"{path}/coding", "unknown_need", _unknown(concept))
    return None


def _category(draft: Draft, held: Placed[ServiceRequest], mapping: Mapping) -> None:
    """A request without a code has its domain at most (food-insecurity …)."""
    for place, concept in enumerate(held.resource.category):
        for coding in concept.coding:
            if need := mapping.codings.get((coding.system, coding.code)):
                draft.need(need)
                draft.flag("need_by_category")
                draft.provenance.setdefault("need", f"{held.path}/category/{place}")


def _unknown(concept: Concept) -> str:
    """The codes, as far as they look like codes: they describe a service, not a person."""
    named = [coding.code for coding in concept.coding if _CODE.fullmatch(coding.code)][:5]
    return f"Not in the mapping: {', '.join(named) or 'the code'}."


def _consent(draft: Draft, parts: Parts, mapping: Mapping) -> ConsentClaim | None:
    """All active permits together. A denial is no consent, and is flagged."""
    purposes: list[str] = []
    permits: list[Placed[Consent]] = []
    for held in parts.consents:
        consent = held.resource
        if consent.status not in {"active", ""}:
            draft.flag("consent_inactive")
        elif consent.provision.type == "deny":
            draft.flag("consent_refused")
        else:
            permits.append(held)
            purposes += _purposes(draft, consent, mapping)
    if not permits:
        return None
    first = permits[0]
    draft.provenance["consent"] = first.path
    by = "guardian" if parts.is_by_relative(first.resource) else ""
    form, date = first.resource.policy_rule.text, read_day(first.resource.date_time[:10])
    return ConsentClaim(by, tuple(dict.fromkeys(purposes)), form, date or "")


def _purposes(draft: Draft, consent: Consent, mapping: Mapping) -> list[str]:
    found = [mapping.purposes.get(coding.code) for coding in consent.provision.purpose]
    if None in found:
        draft.flag("consent_purpose_unknown")
    return [purpose for purpose in found if purpose]


def _refuse(path: str, code: str, text: str) -> Refusal:
    return Refusal((Reason(path, code, text),))
