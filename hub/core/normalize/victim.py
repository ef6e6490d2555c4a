"""A prosecutors' victim-support request to a referral. Owns what its fields say; never shows what must stay inside."""

from __future__ import annotations

from hub.core.normalize.dates import read_day
from hub.core.normalize.draft import Draft
from hub.core.normalize.mapping import Mapping
from hub.core.normalize.referral import finish, words_to_needs
from hub.schemas.canonical import ConsentClaim, ReferralClaim, Refusal
from hub.schemas.native.victim import Consent, Guardian, Victim, VictimSupport


def normalize(request: VictimSupport, mapping: Mapping, heard: str) -> ReferralClaim | Refusal:
    """The referral: all needs in one claim, under the case number."""
    draft = Draft()
    draft.put("number", "/case_no", request.case_no)
    draft.put("at", "/referred_at", request.referred_at)
    draft.put("needed_by", "/needed_by", request.needed_by)
    draft.add("note", "/note", request.note)
    for place, word in enumerate(request.needs):
        draft.add("need", f"/needs/{place}", word)
    words_to_needs(draft, mapping)
    _person(draft, request.victim)
    if request.victim.guardian:
        _guardian(draft, request.victim.guardian)
    if request.consent:
        draft.consent = _consent(draft, request.consent, mapping)
    draft.urgent_mark = request.urgent
    return finish(
        draft,
        mapping,
        heard,
        protected=request.victim.address_protected,
        share_origin=request.share_origin,
        offence_class=request.offence_class,
    )


def _person(draft: Draft, victim: Victim) -> None:
    draft.put("name", "/victim/name", victim.name)
    draft.put("birth", "/victim/birth", victim.birth)
    draft.put("sex", "/victim/sex", victim.sex)
    draft.put("address", "/victim/address", victim.address)
    draft.put("resident", "/victim/resident_number", victim.resident_number)
    draft.put("substitute", "/victim/substitute_number", victim.substitute_number)
    draft.add("phone", "/victim/phone", victim.phone)


def _guardian(draft: Draft, guardian: Guardian) -> None:
    draft.put("guardian_name", "/victim/guardian/name", guardian.name)
    draft.put("guardian_relation", "/victim/guardian/relation", guardian.relation)
    draft.add("guardian_phone", "/victim/guardian/phone", guardian.phone)


def _consent(draft: Draft, consent: Consent, mapping: Mapping) -> ConsentClaim:
    """A purpose nobody knows permits nothing: it is left out and flagged."""
    purposes: list[str] = []
    for word in consent.scope:
        purpose = mapping.purposes.get(word)
        if purpose is None:
            draft.flag("consent_purpose_unknown")
        elif purpose not in purposes:
            purposes.append(purpose)
    date = read_day(consent.date)
    if consent.date and date is None:
        draft.flag("consent_date_impossible")
    draft.provenance["consent"] = "/consent"
    return ConsentClaim(consent.by, tuple(purposes), consent.form, date or "")
