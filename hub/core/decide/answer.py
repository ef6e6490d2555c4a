"""Somebody moves a referral: accept, decline, start, hold, deliver, fail, withdraw. Owns who may, and what follows."""

from __future__ import annotations

from typing import Any

from hub.core.decide import rejudge
from hub.core.decide.offer import ask_next
from hub.core.directory import Agency
from hub.core.entry import Recorder
from hub.core.lifecycle import ASKS_NEXT, HUB, RECEIVER, SOURCE, WORKER, guard
from hub.core.privacy import audience_of, sees_referral
from hub.core.state import Referral
from hub.schemas import topics
from hub.schemas.canonical import AnswerClaim, Reason, Refusal

UNKNOWN = Refusal((Reason("/data/referral", "unknown_referral", "no such referral"),))
#: Kinds whose workers may move any open referral of their area, with a reason, also on behalf of an agency.
WORKING = frozenset({"dong_center", "city_desk"})


def decide(recorder: Recorder, claim: AnswerClaim) -> Refusal | None:
    """Apply one change, or refuse it with the current state and the allowed changes."""
    found = recorder.state.find(claim.referral)
    if found is None:
        return UNKNOWN
    case, referral = found
    who = roles(recorder, referral, claim)
    if not who:
        return UNKNOWN
    mode = recorder.rules.needs[referral.code].mode
    rule = guard(claim.change, referral.state, who, claim.reason, report=mode == "report")
    if isinstance(rule, Refusal):
        return rule
    _change(recorder, case.id, referral, claim, rule.to)
    if rule.to in ASKS_NEXT:
        ask_next(recorder, case, referral)
    elif rule.to == "withdrawn":
        rejudge.orphans(recorder, case, referral)
    return None


def roles(recorder: Recorder, referral: Referral, claim: AnswerClaim) -> frozenset[str]:
    """In which roles this agency may touch the referral; none means that it does not exist for it."""
    code = recorder.message.agency
    if code == topics.HUB:
        return frozenset({HUB})
    agency = recorder.state.agency(code)
    if agency is None or agency.state == "suspended":
        return frozenset()
    names = {SOURCE} if code == referral.agency else set()
    if code == referral.receiver:
        names.add(RECEIVER)
    if _works_on(agency, referral) and (claim.reason or claim.text):
        names.add(WORKER)
    if not names and sees_referral(referral, agency):
        names.add("onlooker")
    return frozenset(names)


def _works_on(agency: Agency, referral: Referral) -> bool:
    if agency.kind not in WORKING or referral.secret or referral.restricted:
        return False
    return not agency.areas or referral.dong in agency.areas


def _change(recorder: Recorder, case: str, referral: Referral, claim: AnswerClaim, to: str) -> None:
    facts: dict[str, Any] = {
        "audience": audience_of(referral, referral.receiver),
        "by": recorder.message.agency,
        "change": claim.change,
        "from": referral.state,
        "reason": claim.reason,
        "referral": referral.id,
        "to": to,
    }
    if claim.on_behalf:
        facts["on_behalf"] = claim.on_behalf
    if referral.origin_hidden and recorder.message.agency == referral.agency:
        facts["by"] = "source"
    recorder.emit("referral.changed", facts, case=case, bodies=(recorder.message.notes,))
