"""Where a need goes: an ordered list of agencies, each with its reason, and who owns what nobody takes.

Owns the order and the walls around victim support. Never opens an offer or counts capacity: `lifecycle` does.
Order: kinds as the rule file lists them; agencies that name the dong before city-wide ones; among equals a choice
keyed by the referral, so that no agency gets everything and a replay offers to the same one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec

from hub.core.directory import Agency, Directory
from hub.core.rules import NeedCode, Rules

INSIDE: Final = "victim_support"
DONG_CENTER: Final = "dong_center"
CITY_DESK: Final = "city_desk"


class Place(msgspec.Struct, frozen=True):
    """One agency to ask, of which kind, and why it stands here (Korean, for the worker)."""

    agency: str
    kind: str
    reason: str


def route(
    need: NeedCode,
    *,
    dong: str,
    restricted: bool,
    source: str,
    agencies: Mapping[str, Agency],
    tried: Collection[str],
    rules: Rules,
    spread: str,
) -> tuple[Place, ...]:
    """Agencies to ask, best first; empty when none is left (then see `unplaced_owner`).

    restricted: consent for victim support only, or a protected address. tried: agencies already asked. spread: the
    referral's id. The source is never offered its own referral. A `Directory` answers from its index; any other
    mapping is indexed on each call.
    """
    directory = agencies if isinstance(agencies, Directory) else Directory(agencies.values())
    inside = restricted or need.secret
    places: list[Place] = []
    for rule in rules.routing[need.code]:
        if inside and rules.kinds[rule.kind].barred:
            continue
        for group in directory.serving(rule.kind, dong):
            allowed = [a for a in group if INSIDE in a.purposes] if inside else group
            open_ = [a for a in allowed if a.code not in tried and a.code != source]
            places += [Place(a.code, rule.kind, rule.reason) for a in _turned(open_, spread)]
    return tuple(places)


def _turned(open_: list[Agency], spread: str) -> list[Agency]:
    """The list begun elsewhere for each referral; what was tried is gone before, so second choices spread too."""
    if len(open_) < 2:  # noqa: PLR2004 - nothing to choose
        return open_
    start = _keyed(spread) % len(open_)
    return open_[start:] + open_[:start]


@lru_cache(maxsize=1024)
def _keyed(spread: str) -> int:
    return int.from_bytes(blake2b(spread.encode(), digest_size=8, person=b"ieum route").digest())


def unplaced_owner(dong: str, restricted: bool, agencies: Mapping[str, Agency], source: str) -> Place:  # noqa: FBT001
    """Who answers for a need that nobody takes. A restricted one never leaves the source, inside victim support.

    The dong center of the address; the city desk without a usable address or while that dong has no center. Without
    either the source keeps it: a need always has an owner.
    """
    if not restricted:
        directory = agencies if isinstance(agencies, Directory) else Directory(agencies.values())
        # Only a center that names the dong owns it; a city-wide one would own everybody.
        centers = [a for group in directory.serving(DONG_CENTER, dong) for a in group if a.areas]
        if centers:
            return Place(centers[0].code, DONG_CENTER, "주소지 행정복지센터")
        desks = [a for group in directory.serving(CITY_DESK, dong) for a in group]
        if desks:
            reason = "담당 행정복지센터 없음" if dong else "쓸 수 있는 주소 없음"
            return Place(desks[0].code, CITY_DESK, reason)
    known = agencies.get(source)
    return Place(source, known.kind if known else "", "의뢰기관이 계속 담당")
