"""Where referrals stand, as one account may know of them: from cases and timelines. Owns gathering; blocking reads.

What may be known is `core.privacy`'s and `core.views`' to say. What may not is absent: no standing, and so the same
404 as for nonsense.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hub.core import feedview, views
from hub.core.bodies import IdentityBody
from hub.core.directory import Agency
from hub.core.privacy import opens_identity, sees_referral
from hub.core.sealing import cause_digest
from hub.core.state import Case, Referral
from hub.ledger.fhir import Held
from hub.ledger.reads import Verdict
from hub.web.deps import WebDeps
from hub.web.fhir.families import SYSTEM
from hub.web.fhir.tasks import FORMER, ONLOOKER, RECEIVER, SOURCE, Standing

#: Entries of a case read at a time.
SCAN: Final = 500


class Standings:
    """Gathers standings, and what a recipient may read of the person."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps, self._reads, self._store = deps, deps.reads, deps.fhir
        self._health = frozenset(code for code, need in deps.rules.needs.items() if need.health)

    def one(self, agency: Agency, referral: str) -> Standing | None:
        """One referral by the hub's id; None for what does not exist or must not be known."""
        case = self._reads.case_of(referral)
        found = case.referrals.get(referral) if case else None
        if case is None or found is None or not sees_referral(found, agency):
            return None
        return self._standing(agency, case, found)

    def numbered(self, agency: Agency, number_key: bytes, codes: frozenset[str] | None) -> list[Standing]:
        """The referrals of one of the agency's own numbers: all, or those of `codes` (`resources.part_codes`)."""
        if not number_key:
            return []
        found = self._store.referrals(agency.code, number_key)
        mine = {id_: case.referrals[id_] for id_, case in found.items() if id_ in case.referrals}
        return [
            self._standing(agency, found[id_], referral)
            for id_, referral in mine.items()
            if codes is None or referral.code in codes
        ]

    def identity(self, agency: Agency, referral: str) -> tuple[Standing, IdentityBody | None] | None:
        """Whom a referral is about, for who may read it: its source, and its receiver from acceptance on."""
        case = self._reads.case_of(referral)
        found = case.referrals.get(referral) if case else None
        if case is None or found is None or not found.record or not opens_identity(found, agency):
            return None
        body = self._reads.identities([found.record]).get(found.record)
        return self._standing(agency, case, found), body

    def opens(self, agency: Agency, referral: str) -> bool:
        """Whether this account may read whom a referral is about."""
        case = self._reads.case_of(referral)
        found = case.referrals.get(referral) if case else None
        return found is not None and bool(found.record) and opens_identity(found, agency)

    def verdict(self, agency: Agency, held: Held) -> Verdict | None:
        """What became of the message a resource was last sent in."""
        if not held.message:
            return None
        cause = cause_digest(self._deps.keys.pepper, f"//agency/{agency.code}/{SYSTEM}", held.message)
        return self._reads.verdicts([cause]).get(cause)

    # ------------------------------------------------------------- inside
    def _standing(self, agency: Agency, case: Case, referral: Referral) -> Standing:
        view = views.referral_view(referral, case.id, agency, self._health, None)
        moved, reason, mine = self._history(agency, case, referral)
        receiver = self._reads.directory().get(referral.receiver) if referral.receiver else None
        return Standing(
            id=referral.id,
            case=case.id,
            role=_role(referral, agency),
            view=view.value,
            opened=view.opened,
            moved=moved,
            reason=reason,
            mine=mine,
            receiver=receiver.name if receiver else "",
        )

    def _history(self, agency: Agency, case: Case, referral: Referral) -> tuple[str, str, str]:
        """When it last moved, the reason of the last answer if that still holds, and where one's own answer led."""
        reader = views.Reader.of(case, agency, {}, self._health)
        moved, reason, mine, after = referral.heard, "", "", 0
        while posted := self._reads.timeline(case.id, after, SCAN):
            after = posted[-1].position
            for one in posted:
                entry = views.timeline_entry(feedview.read(one.entry), one.position, reader)
                if entry is None or not _is_about(entry["facts"], referral.id):
                    continue
                moved, facts = entry["heard"], entry["facts"]
                if entry["kind"] == "referral.changed":
                    reason = str(facts.get("reason", ""))
                    mine = str(facts["to"]) if facts.get("by") == agency.code else mine
        return moved, reason, mine


def _role(referral: Referral, agency: Agency) -> str:
    if agency.code == referral.agency:
        return SOURCE
    if agency.code == referral.receiver:
        return RECEIVER
    return FORMER if agency.code in referral.tried else ONLOOKER


def _is_about(facts: Mapping[str, Any], referral: str) -> bool:
    return facts.get("referral") == referral or referral in facts.get("referrals", ())
