"""A referral's state as a Task's status, and a Task's status as a change. Owns the table between the two.

The table is the one place where both languages meet; `docs/fhir.md` repeats it and a test compares them. Decides
nothing: whether a change is legal is the ledger's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from hub.core.lifecycle import DECLINES
from hub.schemas.canonical import Reason
from hub.web.fhir.outcome import REASONS, invalid

Resource = dict[str, Any]
#: The hub's own state codes, need codes, and ids of referrals, as FHIR systems.
STATES: Final = "urn:kr:ieum:referral-state"
NEEDS: Final = "urn:kr:ieum:need"
REFERRAL: Final = "urn:kr:ieum:referral"
SOURCE, RECEIVER, FORMER, ONLOOKER = "source", "receiver", "former", "onlooker"


class Row(msgspec.Struct, frozen=True):
    """One state: the Task's status as its source sees it, as its receiver sees it, and in words."""

    state: str
    source: str
    receiver: str
    text: str


TABLE: Final = {
    row.state: row
    for row in (
        Row("pending", "requested", "requested", "The ledger has not decided yet."),
        Row("refused", "rejected", "rejected", "The ledger refused the message; statusReason says why."),
        Row("received", "requested", "requested", "Recorded, not offered yet."),
        Row("offered", "received", "requested", "Offered to an agency, which has not answered yet."),
        Row("accepted", "accepted", "accepted", "An agency accepted it."),
        Row("in_service", "in-progress", "in-progress", "The service has begun."),
        Row("on_hold", "on-hold", "on-hold", "The service rests."),
        Row("delivered", "completed", "completed", "The service was given."),
        Row("closed", "completed", "completed", "The service was given, and the source has been told."),
        Row("declined", "received", "rejected", "An agency declined it; the next one is asked."),
        Row("failed", "failed", "failed", "The service failed; the next agency is asked."),
        Row("unplaced", "received", "requested", "No agency is left to take it; somebody of the city owns it now."),
        Row("duplicate", "received", "requested", "The same need of the same person was referred before."),
        Row("passed_on", "received", "cancelled", "It went on to another agency."),
        Row("withdrawn", "cancelled", "cancelled", "Its source took it back."),
    )
}
#: Task.status as a change a client asks for. `in-progress` is resume where the service rests, else start.
ASKS: Final = {
    "accepted": "accept",
    "rejected": "decline",
    "in-progress": "start",
    "on-hold": "hold",
    "completed": "deliver",
    "failed": "fail",
    "cancelled": "withdraw",
    "entered-in-error": "withdraw",
}
#: Statuses that ask for nothing: the hub's own is written over them.
SILENT: Final = frozenset({"draft", "requested", "received", "ready", ""})
#: The least advanced part of a request speaks for all of it.
_ORDER: Final = (
    "rejected", "requested", "received", "on-hold", "accepted", "in-progress", "failed", "completed", "cancelled"
)  # fmt: skip


class Standing(msgspec.Struct, frozen=True):
    """Where one referral stands, as one account may know of it. `view` as `core.views.referral_view` gives it.

    moved: when it last changed; reason: of the last answer, a code; mine: where the account's own last answer led.
    """

    id: str
    case: str
    role: str
    view: Mapping[str, Any]
    opened: tuple[str, ...]
    moved: str
    reason: str = ""
    mine: str = ""
    receiver: str = ""

    @property
    def state(self) -> str:
        """The state to tell: for who had it and passed it on, where that led."""
        if self.role == FORMER:
            return self.mine if self.mine in {"declined", "failed"} else "passed_on"
        return str(self.view["state"])

    @property
    def status(self) -> str:
        """Task.status."""
        row = TABLE[self.state]
        return row.receiver if self.role in {RECEIVER, FORMER} else row.source


def summary(standings: Sequence[Standing]) -> Standing:
    """The referral that speaks for a request of several needs: the least advanced one that is not taken back."""
    return min(standings, key=lambda s: (_ORDER.index(s.status), s.id))


def standing_elements(standings: Sequence[Standing]) -> Resource:
    """The elements of a Task that the ledger decides."""
    first = summary(standings)
    value: Resource = {
        "status": first.status,
        "businessStatus": business_status(first.state),
        "lastModified": max(s.moved for s in standings),
    }
    if first.reason:
        value["statusReason"] = {"coding": [{"system": REASONS, "code": first.reason}]}
    if first.role != FORMER and first.receiver:
        identifier = {"system": "urn:kr:ieum:agency", "value": str(first.view["receiver"])}
        value["owner"] = {"identifier": identifier, "display": first.receiver}
    notes = [note for s in standings if (note := _note(s))]
    if notes:
        value["note"] = [{"text": text} for text in dict.fromkeys(notes)]
    if len(standings) > 1 or first.status == "completed":
        value["output"] = [_output(s) for s in standings]
    return value


def business_status(state: str) -> Resource:
    """The hub's own state, which says more than a Task's status can."""
    return {"coding": [{"system": STATES, "code": state}], "text": TABLE[state].text}


def need_concept(view: Mapping[str, Any]) -> Resource:
    """The need's code; in words where it is withheld."""
    code = str(view["need"])
    return {"text": code} if code == "withheld" else {"coding": [{"system": NEEDS, "code": code}]}


def identifier_of(id_: str) -> Resource:
    """The hub's id of a referral."""
    return {"system": REFERRAL, "value": id_}


def _note(standing: Standing) -> str:
    earlier = standing.view.get("duplicate_of")
    if standing.state != "duplicate" or not earlier:
        return ""
    return f"Another agency referred this need before (referral {earlier}). This one is kept and follows if that ends."


def _output(standing: Standing) -> Resource:
    return {"type": need_concept(standing.view), "valueCodeableConcept": business_status(standing.state)}


# ------------------------------------------------------------------ what an update asks for
def asked_change(status: str, state: str) -> str:
    """The change a Task's new status asks for, '' for none. Raises the problem of a status that is none."""
    if status in SILENT:
        return ""
    if status not in ASKS:
        text = f"Task.status is one of {', '.join(sorted({*ASKS, *SILENT} - {''}))}."
        raise invalid([Reason("/status", "code_unknown", text)], "Task")
    return "resume" if status == "in-progress" and state == "on_hold" else ASKS[status]


def asked_reason(task: Mapping[str, Any]) -> dict[str, str]:
    """Reason code and words of `statusReason`; words without a code are `other`. An unknown code is refused by name."""
    concept = task.get("statusReason")
    if not isinstance(concept, dict):
        return {}
    codings = [c for c in concept.get("coding") or () if isinstance(c, dict) and c.get("system") == REASONS]
    codes = [str(c.get("code", "")) for c in codings]
    unknown = [code for code in codes if code not in DECLINES]
    if unknown:
        named = unknown[0] if unknown[0].isidentifier() and len(unknown[0]) <= 64 else "this code"  # noqa: PLR2004
        allowed = f"{named} is no reason. Reasons: {', '.join(DECLINES)}."
        raise invalid([Reason("/statusReason/coding", "code_unknown", allowed, DECLINES)], "Task")
    text = concept.get("text")
    words = {"text": text} if isinstance(text, str) and text else {}
    code = next(iter(codes), "other" if words else "")
    return ({"reason": code} if code else {}) | words
