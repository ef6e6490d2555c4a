"""Time passes: offers nobody answered go to the next agency. Owns the page size of what one tick may do at once."""

from __future__ import annotations

from typing import Any

from hub.core.decide.offer import ask_next
from hub.core.entry import Recorder
from hub.core.privacy import audience_of
from hub.schemas import topics
from hub.schemas.canonical import Reason, Refusal, TickClaim

#: A decision larger than this goes on in a continuation, so that no transaction holds the lock for long.
PAGE = 200


def decide(recorder: Recorder, claim: TickClaim) -> Refusal | None:
    """Expire what was due by the tick's time, a page at a time; agencies named stuck keep their offers meanwhile."""
    if recorder.message.agency != topics.HUB:
        return Refusal((Reason("/type", "not_allowed", "time is told by the hub itself"),))
    state, done, last = recorder.state, 0, ""
    put_back = []
    for due, id_ in state.due(claim.at):
        found = state.find(id_)
        if found is None:
            continue
        case, referral = found
        if referral.receiver in claim.stuck:
            put_back.append(referral)
            continue
        if done == PAGE:
            put_back.append(referral)
            _page(recorder, claim, last)
            break
        facts: dict[str, Any] = {
            "audience": audience_of(referral, referral.receiver),
            "due": due,
            "referral": id_,
            "to": referral.receiver,
        }
        recorder.emit("offer.expired", facts, case=case.id)
        ask_next(recorder, case, referral)
        done, last = done + 1, f"{due}|{id_}"
    for referral in put_back:
        state.watch(referral)
    return None


def _page(recorder: Recorder, claim: TickClaim, last: str) -> None:
    recorder.emit("clock.paged", {"audience": ["p:audit"], "cursor": last, "through": claim.at})
