"""Where a referral stands: what an entry of the outbox says of it, and how a clerk reads it in Korean.

Owns both tables for every connector that shows a partner the state of its referrals. Writes nothing anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connectors.protocol import Change

#: State of a referral → Korean. A state that is not here is shown as the hub names it.
KOREAN: Final = {
    "received": "접수",
    "offered": "수락 요청",
    "accepted": "수락",
    "declined": "거절됨(다음 기관에 요청)",
    "in_service": "지원 중",
    "on_hold": "보류",
    "delivered": "지원 완료",
    "failed": "지원 실패(다음 기관에 요청)",
    "closed": "종결",
    "withdrawn": "철회",
    "duplicate": "중복(먼저 접수된 의뢰 있음)",
    "unplaced": "미연계(담당 지정)",
}


def standing(change: Change) -> Iterator[tuple[str, dict[str, str]]]:
    """Where referrals stand after an entry of the outbox, by their ids: state, receiver, due, as far as it says."""
    facts = change.facts
    referral, due = str(facts.get("referral", "")), facts.get("due")
    until = {"due": due} if isinstance(due, str) else {}
    match change.kind:
        case "referral.offered":
            yield referral, {"state": "offered", "receiver": str(facts.get("to", "")), "due": "", **until}
        case "referral.unplaced":
            yield referral, {"state": "unplaced", "receiver": str(facts.get("owner", "")), "due": ""}
        case "referral.changed":
            # A deadline belongs to the offer it was given with.
            yield referral, {"state": str(facts.get("to", "")), "due": "", **until}
        case "referral.duplicated":
            yield referral, {"state": "duplicate", "due": ""}
        case "referral.recorded":
            yield referral, {"state": str(facts.get("state", "")), **until}
        case "referral.corrected":
            for one, at in (due if isinstance(due, dict) else {}).items():
                yield str(one), {"due": str(at)}
        case _:
            return
