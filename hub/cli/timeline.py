"""What happened in a case, as a worker of the city reads it: times, words, ids and codes; nobody's name.

Owns the words. Shows what the API answers and nothing else: what the reader may not know never arrives here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from hub.core.calendar import SEOUL
from hub.core.rules import Rules

KINDS: Final[dict[str, str]] = {
    "referral.recorded": "의뢰 접수",
    "referral.corrected": "의뢰 정정",
    "referral.duplicated": "중복 의뢰로 연결",
    "referral.offered": "수락 요청",
    "referral.unplaced": "미연계",
    "referral.changed": "의뢰 변경",
    "offer.expired": "회신기한 경과",
    "person.merged": "같은 대상자로 확인",
    "person.split": "다른 대상자로 분리",
    "identity.decided": "담당자의 대상자 판정",
    "review.opened": "대상자 검토 요청",
    "key.retired": "너무 흔한 단서를 버림",
    "identity.redone": "대상자 연결 다시 살핌",
    "household.changed": "가구 변동",
    "household.decided": "담당자의 가구 판정",
    "signal.recorded": "위기 신호",
    "directory.listed": "기관·서비스 목록 등재",
    "message.refused": "접수 거절",
    "access.recorded": "열람",
    "agency.registered": "기관 등록",
    "agency.changed": "기관 상태 변경",
}
CHANGES: Final[dict[str, str]] = {
    "accept": "수락",
    "decline": "거절",
    "start": "서비스 시작",
    "hold": "보류",
    "resume": "재개",
    "deliver": "서비스 제공",
    "fail": "서비스 실패",
    "refer-on": "재의뢰",
    "withdraw": "의뢰 취소",
    "close": "종결(의뢰 기관에 회신)",
}
URGENCY: Final[dict[str, str]] = {"routine": "일반", "urgent": "긴급", "sos": "SOS 긴급 틈새"}
WITHHELD: Final = "비공개"


def lines(
    entries: Iterable[Mapping[str, Any]], rules: Rules, names: Mapping[str, str]
) -> list[tuple[str, str, str, str]]:
    """One line an entry: position, time in Seoul, what happened, to whom it went and why."""
    return [
        (str(e["position"]), moment(e["heard"]), title(e["kind"], e["facts"]), detail(e, rules, names)) for e in entries
    ]


def moment(heard: str) -> str:
    """A time in Seoul, to the second."""
    return datetime.fromisoformat(heard).astimezone(SEOUL).strftime("%m-%d %H:%M:%S")


def title(kind: str, facts: Mapping[str, Any]) -> str:
    """What happened, in words."""
    if kind == "referral.changed":
        return CHANGES.get(str(facts.get("change")), KINDS[kind])
    if kind == "referral.recorded" and facts.get("duplicate_of"):
        return "의뢰 접수(중복)"
    return KINDS.get(kind, kind)


def detail(entry: Mapping[str, Any], rules: Rules, names: Mapping[str, str]) -> str:
    """Need, agencies (codes without `names`), urgency, reason and the referral's id, as far as they are there."""
    facts = entry["facts"]
    parts = [need_words(facts, rules)] if entry["kind"] == "referral.recorded" else []
    parts += [f"{names.get(str(facts[f]), facts[f])}" for f in ("agency",) if facts.get(f)]
    asked = ("owner",) if entry["kind"] == "referral.changed" else ("to", "owner")  # there `to` is a state
    parts += [f"→ {names.get(str(facts[f]), facts[f])}" for f in asked if facts.get(f)]
    parts += [URGENCY[str(facts["urgency"])]] if facts.get("urgency") in URGENCY else []
    parts += [str(facts["dong"])] if facts.get("dong") else []
    parts += [f"사유 {facts['reason']}"] if facts.get("reason") else []
    parts += [f"회신기한 {moment(str(facts['due']))}"] if _is_time(facts.get("due")) else []
    parts += [f"[{str(facts['referral'])[:8]}]"] if facts.get("referral") else []
    return " · ".join(part for part in parts if part)


def need_words(facts: Mapping[str, Any], rules: Rules) -> str:
    """The need in Korean, 비공개 where its code is withheld."""
    known = rules.needs.get(str(facts.get("code", "")))
    return known.ko if known else WITHHELD


def _is_time(value: object) -> bool:
    return isinstance(value, str) and value.endswith("Z")
