"""Who may know what: the audience of an entry, and what a reader sees of a case. Decides nothing else.

An audience is a list of `a:<agency>` (that agency) and `p:<purpose>` (any account with that purpose). Classes and
purposes as in the glossary. What exists only through a secret code is absent without trace, never withheld.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from hub.core.directory import Agency
from hub.core.state import Case, Referral

WITHHELD = "withheld"
#: The purposes under which everything that is neither secret nor restricted may be known to exist.
OPEN_PURPOSE = "welfare"
VICTIM = "victim_support"


def audience_for(source: str, *, secret: bool, others: Iterable[str] = ()) -> list[str]:
    """The audience of a referral's entries: its source, those named, and the purpose it falls under."""
    agencies = sorted({f"a:{a}" for a in (source, *others) if a})
    return [*agencies, f"p:{VICTIM if secret else OPEN_PURPOSE}"]


def audience_of(referral: Referral, *others: str) -> list[str]:
    """As `audience_for`, for a referral that exists."""
    return audience_for(referral.agency, secret=referral.secret or referral.restricted, others=others)


def may_know(audience: Collection[str], agency: Agency) -> bool:
    """Whether a position may be known to this account in its feed of purposes (the city's view)."""
    return any(name in audience for name in listeners(agency))


def listeners(agency: Agency) -> list[str]:
    """Every name an audience can have for this account: one of them in it, and it may know."""
    return [f"a:{agency.code}", *(f"p:{purpose}" for purpose in agency.purposes)]


def concerns(audience: Collection[str], agency: str) -> bool:
    """Whether a position concerns this agency itself (its outbox and its API view)."""
    return f"a:{agency}" in audience


def sees_referral(referral: Referral, agency: Agency) -> bool:
    """Whether this account may know that the referral exists."""
    if agency.code in (referral.agency, referral.receiver) or agency.code in referral.tried:
        return True
    if referral.secret or referral.restricted:
        return False
    return OPEN_PURPOSE in agency.purposes


def opens_identity(referral: Referral, agency: Agency) -> bool:
    """Whether name, phone and address are open: to the source, and to the receiver from acceptance on."""
    if agency.code == referral.agency:
        return True
    accepted = referral.state in {"accepted", "in_service", "on_hold", "delivered", "closed"}
    return agency.code == referral.receiver and (accepted or referral.urgency == "sos")


def sees_code(referral: Referral, agency: Agency, *, health: bool) -> bool:
    """Whether the need's code is open: health codes only to those who sent or may serve it."""
    involved = agency.code in (referral.agency, referral.receiver) or agency.code in referral.tried
    return involved or not health


def view_referral(referral: Referral, agency: Agency, *, health: bool) -> dict[str, Any]:
    """What this account may see of a referral it may know of. Withheld fields are named as withheld."""
    involved = agency.code in (referral.agency, referral.receiver)
    hidden_origin = referral.origin_hidden and agency.code != referral.agency
    view: dict[str, Any] = {
        "id": referral.id,
        "state": referral.state,
        "need": referral.code if sees_code(referral, agency, health=health) else WITHHELD,
        "urgency": referral.urgency,
        "dong": referral.dong,
        "life_stage": referral.stage,
        "needed_by": referral.needed_by,
        "due": referral.due,
        "receiver": referral.receiver,
        "heard": referral.heard,
    }
    if agency.code == referral.agency:
        view |= {"number": referral.number, "duplicate_of": referral.duplicate_of, "flags": referral.flags}
    if not hidden_origin:
        view["source"] = referral.agency if involved else WITHHELD
    return view


def visible(case: Case, agency: Agency) -> list[Referral]:
    """The referrals of a case this account may know of, in the order the hub heard them."""
    return sorted((r for r in case.referrals.values() if sees_referral(r, agency)), key=lambda r: r.seq)
