"""Whether a request was already made: duplicate, related, or new. Owns no record of it.

Duplicate: same need code and the same person, or no person named and the same household, from receipt until the need
closes. A household-scope need asked for another member is *related*: the benefit check speaks then.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hub.core.rules import NeedCode
from hub.core.state import LIVE, Case, Referral, State


class Verdict(msgspec.Struct, frozen=True):
    """What an earlier request means for this one: at most one of the two is set."""

    duplicate_of: Referral | None = None
    related_to: Referral | None = None


def judge(state: State, need: NeedCode, person: str, case: Case | None, *, sees_secrets: bool) -> Verdict:
    """Compare a new request for `need` with what is open for `person` ('' when nobody is named) and the household.

    `sees_secrets`: the asker's purposes let it know of secret referrals; others get an answer as if none existed.
    """
    known = [r for _, r in state.referrals_of(person)] if person else list(case.referrals.values() if case else ())
    same = earliest(r for r in known if _open(r, need.code) and (sees_secrets or not (r.secret or r.restricted)))
    if same is not None:
        return Verdict(duplicate_of=same)
    if person and case and need.scope == "household":
        others = (r for r in case.referrals.values() if _open(r, need.code) and state.person_of(r.record) != person)
        return Verdict(related_to=earliest(r for r in others if sees_secrets or not (r.secret or r.restricted)))
    return Verdict()


def earliest(referrals: Iterable[Referral]) -> Referral | None:
    """The one the hub heard first: it survives, the later ones point to it."""
    return min(referrals, key=lambda r: r.seq, default=None)


def _open(referral: Referral, code: str) -> bool:
    return referral.code == code and referral.state in LIVE
