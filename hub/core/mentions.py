"""Mentions of persons as a worker looks at them: which of them an account may know of, and what was decided of them.

Owns that rule: the records an account may decide about (`core.decide.identity`) whose referrals it may know of. What
only victim support knows is absent without trace. Never says why two records are one person (`core.why` does).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from hub.core.decide import people
from hub.core.decide.identity import may_decide
from hub.core.directory import Agency
from hub.core.feedview import Entry
from hub.core.identity.features import Features
from hub.core.privacy import OPEN_PURPOSE, VICTIM, may_know, sees_referral
from hub.core.sealing import person_id
from hub.core.state import Case, Referral

DECIDED: Final = "identity.decided"


class Mention(msgspec.Struct, frozen=True):
    """One record. `position`: of the entry that recorded it. `features`: None once erased. Edges as in `Record`."""

    id: str
    person: str
    component: str
    case: str
    position: int
    features: Features | None
    edges: dict[str, int]
    guards: dict[str, str]
    same: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()


class Happened(msgspec.Struct, frozen=True):
    """An entry at its position."""

    position: int
    entry: Entry

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.entry.kind

    @property
    def facts(self) -> dict[str, Any]:
        """Its facts."""
        return self.entry.facts


class Said(msgspec.Struct, frozen=True):
    """A worker's last word on two records: `decision` is same or apart, `by` the agency's code."""

    decision: str
    by: str
    reason: str
    heard: str
    position: int


def known(mentions: Iterable[Mention], cases: Mapping[str, Case], agency: Agency) -> list[Mention]:
    """The mentions this account may know of, in the order the hub heard them."""
    if not may_decide(agency):
        return []
    found: dict[str, list[Referral]] = {}
    for case in cases.values():
        for referral in case.referrals.values():
            found.setdefault(referral.record, []).append(referral)
    mine = [m for m in mentions if _may(found.get(m.id, ()), agency)]
    return sorted(mine, key=lambda mention: (mention.position, mention.id))


def _may(referrals: Sequence[Referral], agency: Agency) -> bool:
    """As in `core.decide.identity`, and only through a referral the account may know of."""
    if not any(sees_referral(r, agency) for r in referrals):
        return False
    return (VICTIM if any(people.hidden(r) for r in referrals) else OPEN_PURPOSE) in agency.purposes


def answers_to(id_: str, person: str, mine: Iterable[Mention]) -> bool:
    """Whether an id means this person for somebody who knows `mine` of it: its id, a record's, a former one."""
    return any(id_ in (m.id, person_id(m.id)) for m in mine) or id_ == person


def names_of(person: str, mine: Iterable[Mention]) -> list[str]:
    """Every id under which entries may speak of a person, as far as `mine` tells."""
    return sorted({person, *(id_ for m in mine for id_ in (m.id, person_id(m.id)))})


def may_tell(happened: Iterable[Happened], agency: Agency) -> list[Happened]:
    """The entries this account may know of, in order."""
    return [h for h in happened if may_know(h.facts["audience"], agency)]


def said(happened: Iterable[Happened], one: str, other: str) -> Said | None:
    """The last word a worker said about two records."""
    found = None
    for h in happened:
        facts = h.facts
        if h.kind != DECIDED:
            continue
        if (one in facts["left"] and other in facts["right"]) or (other in facts["left"] and one in facts["right"]):
            found = Said(facts["decision"], facts["by"], facts["reason"], h.entry.heard, h.position)
    return found
