"""A request arrives: who is it, was it asked before, where does it go. Owns the order of these questions.

identify → household → (correction | duplicate | new) → urgency → offer. One entry per need, then what follows from
it; persons and households that changed on the way have entries of their own.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hub.core.bodies import MATCHING, IdentityBody, MatchingBody, NeedBody, Opened
from hub.core.calendar import due_answer
from hub.core.decide import household, people, redo, rejudge, reviews
from hub.core.decide.offer import ask_next, tighten
from hub.core.decide.sender import admitted
from hub.core.duplicates import Verdict, judge
from hub.core.entry import Recorder
from hub.core.identity.features import Features
from hub.core.identity.identify import Identified, identify
from hub.core.prepared import Prepared, Sealed
from hub.core.privacy import VICTIM, audience_for
from hub.core.rules import NeedCode
from hub.core.sealing import derive_id, own_case, person_id
from hub.core.state import Referral
from hub.core.urgency import decide as decide_urgency
from hub.core.vault import seal_bytes
from hub.schemas.canonical import ReferralClaim, Refusal

#: The flag of a referral whose person may be somebody known.
POSSIBLY_SAME = "possibly_same"
ENCODE = msgspec.json.Encoder(order="deterministic").encode


class Filing(msgspec.Struct):
    """What identification and the household decided, before the needs are recorded one by one."""

    person: str
    case: str
    how: str
    restricted: bool
    secret_origin: bool
    matching: MatchingBody | None
    sealed_matching: Sealed | None
    found: Identified | None
    absorbed: dict[str, str]  # ids of persons that are this one now
    near: set[str]  # cases in which persons that changed were members


def decide(recorder: Recorder, claim: ReferralClaim) -> Refusal | None:
    """Record a referral, or say why it cannot be."""
    state, message = recorder.state, recorder.message
    agency = admitted(recorder)
    if isinstance(agency, Refusal):
        return agency
    earlier = sorted(i for i in state.numbers.get(message.number_key, ()) if i in state.referral_case)
    if earlier:
        _correct(recorder, claim, earlier)
        return None
    filing = _file(recorder, claim)
    for ordinal, code in enumerate(claim.needs):
        _record(recorder, claim, filing, recorder.rules.needs[code], ordinal)
    _ask_about(recorder, filing)
    return None


def _ask_about(recorder: Recorder, filing: Filing) -> None:
    """Once everything is recorded: what is left open about the person, and keys that say nothing from now on."""
    if filing.found is not None:
        if filing.found.possibly:
            reviews.open_all(recorder, filing.found, filing.person)
        redo.retire(recorder)


# ------------------------------------------------------------------ who, and with whom
def is_restricted(claim: ReferralClaim) -> bool:
    """Whether it stays inside victim support: a consent naming only that, or a protected address."""
    address = claim.person.address
    if address is not None and address.protected:
        return True
    purposes = claim.consent.purposes if claim.consent else ()
    return VICTIM in purposes and "welfare" not in purposes


def _file(recorder: Recorder, claim: ReferralClaim) -> Filing:
    message = recorder.message
    restricted = is_restricted(claim)
    found = _identify(recorder) if message.record else None
    secret = restricted or bool(claim.offence_class)
    audience = audience_for(message.agency, secret=secret)
    near = recorder.state.homes_of(found.persons) if found else set()
    absorbed = people.follow(recorder, found, audience) if found else {}
    person = found.person if found else ""
    case = _home(recorder, person, claim)
    matching, sealed = _matching(recorder, found) if found else (None, None)
    filing = Filing(
        person, case, found.how if found else "none", restricted, secret, matching, sealed,
        found, absorbed, near,
    )  # fmt: skip
    if found and (found.merged or found.split):
        # The person of this record moves once the record is in: it may name another dwelling.
        people.resettle(recorder, found, absorbed, audience, near, but=person)
    return filing


def _identify(recorder: Recorder) -> Identified:
    message = recorder.message
    assert message.features is not None  # noqa: S101 - prepare sets record and features together
    return identify(
        recorder.state,
        message.record,
        message.features,
        message.keys,
        recorder.policy.model,
        person_id,
        message.scores,
    )


def _home(recorder: Recorder, person: str, claim: ReferralClaim) -> str:
    state, message = recorder.state, recorder.message
    if person:
        home = household.home_with(recorder, person, message.record, claim.at, message.unit)
        if not home and message.unit is None and not state.persons.get(person):
            home = own_case(message.record)
    else:
        home = state.units.get(message.unit, "") if message.unit is not None else ""
    return home or derive_id(message.cause, "case", 0)


def _matching(recorder: Recorder, found: Identified) -> tuple[MatchingBody, Sealed | None]:
    explain = msgspec.Raw(ENCODE(found.explain)) if found.edges else msgspec.Raw(b"{}")
    body = MatchingBody(found.component, found.absorbed, found.edges, found.guards, explain)
    if not found.edges:
        return body, None
    message = recorder.message
    wrapped = message.identity.wrapped if message.identity else b""
    return body, seal_bytes(message.data_key, wrapped, message.record, MATCHING, ENCODE(body))


# ------------------------------------------------------------------ one need
def _record(recorder: Recorder, claim: ReferralClaim, filing: Filing, need: NeedCode, ordinal: int) -> None:
    state, message = recorder.state, recorder.message
    agency = state.agency(message.agency)
    sees = agency is not None and VICTIM in agency.purposes
    case = state.cases.get(filing.case)
    verdict = judge(state, need, filing.person, case, sees_secrets=sees)
    urgency = decide_urgency(claim.urgency, claim.urgent_mark, need)
    facts = _facts(recorder, claim, filing, need, verdict, urgency)
    facts["referral"] = derive_id(message.cause, "referral", ordinal)
    facts["need"] = verdict.duplicate_of.need if verdict.duplicate_of else derive_id(message.cause, "need", ordinal)
    first = ordinal == 0 and (not message.record or message.record not in state.records)
    # Every need's entry points to who it is for: `apply` has nothing else to go by when entries are read again.
    bodies = (
        message.needs.get(need.code),
        message.identity,
        *((filing.sealed_matching, message.notes) if first else ()),
    )
    recorder.emit(
        "referral.recorded", facts, case=filing.case, bodies=bodies, opened=_opened(message, claim, filing, need)
    )
    if first and filing.person:
        household.settle(recorder, [filing.person], filing.absorbed, facts["audience"], filing.near)
    found = state.find(facts["referral"])
    if found and verdict.duplicate_of is None:
        ask_next(recorder, *found)


def _facts(
    recorder: Recorder, claim: ReferralClaim, filing: Filing, need: NeedCode, verdict: Verdict, urgency: str
) -> dict[str, Any]:
    message = recorder.message
    secret = need.secret or filing.secret_origin
    same, related = verdict.duplicate_of, verdict.related_to
    address = claim.person.address
    dwelling = message.unit is not None and filing.case not in recorder.state.cases
    facts: dict[str, Any] = {
        "agency": message.agency,
        "audience": audience_for(message.agency, secret=secret),
        "flags": _flags(claim, filing),
        "how": filing.how,
        "person": filing.person,
        "record": message.record,
        "repairs": list(claim.repairs),
        "state": "duplicate" if same else "received",
        "urgency": urgency,
    }
    optional = {
        "joins": bool(filing.person),
        "dwelling": dwelling,
        "code": "" if secret or need.health or claim.offence_class else need.code,
        "dong": address.dong if address is not None and not filing.restricted else "",
        "secret": secret,
        "restricted": filing.restricted,
        "origin_hidden": not claim.share_origin,
        "needed_by": claim.needed_by,
        "related_to": related.id if related else "",
        "duplicate_of": same.id if same else "",
        "tightens": tighten(recorder, same, urgency, claim.needed_by) if same else None,
    }
    return facts | {name: value for name, value in optional.items() if value}


def _flags(claim: ReferralClaim, filing: Filing) -> list[str]:
    """What the claim contradicts, and whether somebody known may be the same person."""
    return sorted({*claim.flags, *((POSSIBLY_SAME,) if filing.found and filing.found.possibly else ())})


def _opened(message: Prepared, claim: ReferralClaim, filing: Filing, need: NeedCode | None = None) -> Opened:
    return Opened(
        identity=IdentityBody(number=claim.number, claim=claim.person, at=claim.at),
        matching=filing.matching,
        need=NeedBody(need.code) if need else None,
        features=message.features,
        keys=message.keys,
        number_key=message.number_key,
        unit=message.unit,
    )


# ------------------------------------------------------------------ corrections
def _correct(recorder: Recorder, claim: ReferralClaim, earlier: list[str]) -> None:
    """The same referral number under a new message id: what it says now counts, new needs open, nothing vanishes."""
    state = recorder.state
    every = [f for i in earlier if (f := state.find(i))]
    new = [code for code in claim.needs if code not in {r.code for _, r in every}]
    renamed = _is_renamed(recorder, [r for _, r in every])
    filing = _file(recorder, claim) if new or renamed else None
    facts = _corrected(recorder, claim, [r for _, r in every])
    case, message = state.referral_case[earlier[0]], recorder.message
    if filing is None or not renamed:
        recorder.emit("referral.corrected", facts, case=case, bodies=(message.identity,))
    else:
        before = {state.person_of(r.record) for _, r in every} - {""}
        facts |= {"how": filing.how, "person": filing.person, "record": message.record, "flags": _flags(claim, filing)}
        bodies = (message.identity, filing.sealed_matching, message.notes)
        recorder.emit("referral.corrected", facts, case=case, bodies=bodies, opened=_opened(message, claim, filing))
        household.settle(recorder, [filing.person], filing.absorbed, facts["audience"], {*filing.near, case})
        rejudge.persons(recorder, {filing.person, *before})
    for ordinal, code in enumerate(new):
        assert filing is not None  # noqa: S101 - made above where something is new
        _record(recorder, claim, filing, recorder.rules.needs[code], ordinal)
    if filing is not None:
        _ask_about(recorder, filing)


def _is_renamed(recorder: Recorder, referrals: list[Referral]) -> bool:
    """Whether the correction says somebody else, or the same person otherwise: then it is one more mention."""
    message, known = recorder.message, recorder.state.records
    if not message.record or message.features is None:
        return False
    said = _who(message.features)
    return any(_who(known[r.record].features) != said for r in referrals if r.record in known)


def _who(features: Features) -> Features:
    """What is said of the person, without where it was written."""
    return msgspec.structs.replace(features, row="", local_id="")


def _corrected(recorder: Recorder, claim: ReferralClaim, referrals: list[Referral]) -> dict[str, Any]:
    rules = recorder.rules
    asked = [r for r in referrals if r.code in claim.needs]
    urgency = {r.id: decide_urgency(claim.urgency, claim.urgent_mark, rules.needs[r.code]) for r in asked}
    due = {
        r.id: due_answer(recorder.now, urgency[r.id], rules.needs[r.code], claim.needed_by, rules)
        for r in asked
        if r.state == "offered"
    }
    secret = any(r.secret or r.restricted for r in asked)
    facts: dict[str, Any] = {
        "agency": recorder.message.agency,
        "audience": audience_for(recorder.message.agency, secret=secret),
        "due": due,
        "flags": sorted({*claim.flags, *(POSSIBLY_SAME for r in referrals if POSSIBLY_SAME in r.flags)}),
        "referrals": sorted(r.id for r in referrals),
        "urgency": urgency,
    }
    return facts | ({"needed_by": claim.needed_by} if claim.needed_by else {})
