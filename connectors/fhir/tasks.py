"""Where referrals stand as a hospital's own Task, and that Task without what we wrote. Owns the elements we write.

The states and their statuses are those of the hub's own façade (`docs/fhir.md`); a test compares the two. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

Json = dict[str, Any]
STATES: Final = "urn:kr:ieum:referral-state"
REASONS: Final = "urn:kr:ieum:reason"
REFERRAL: Final = "urn:kr:ieum:referral"
NEED: Final = "urn:kr:ieum:need"
AGENCY: Final = "urn:kr:ieum:agency"
OUTPUT: Final = "urn:kr:ieum:task-output"
#: Of a Task that we made.
TASK_ID: Final = "urn:kr:ieum:task"
#: Who signs our notes: by it they are found again.
AUTHOR: Final = "Ieum Hub"
PENDING, REFUSED, WITHDRAWN = "pending", "refused", "withdrawn"
#: State of a referral: Task.status at its source, and in words.
TABLE: Final = {
    PENDING: ("requested", "The ledger has not decided yet."),
    REFUSED: ("rejected", "The ledger refused the message; statusReason says why."),
    "received": ("requested", "Recorded, not offered yet."),
    "offered": ("received", "Offered to an agency, which has not answered yet."),
    "accepted": ("accepted", "An agency accepted it."),
    "in_service": ("in-progress", "The service has begun."),
    "on_hold": ("on-hold", "The service rests."),
    "delivered": ("completed", "The service was given."),
    "closed": ("completed", "The service was given, and the source has been told."),
    "declined": ("received", "An agency declined it; the next one is asked."),
    "failed": ("failed", "The service failed; the next agency is asked."),
    "unplaced": ("received", "No agency is left to take it; somebody of the city owns it now."),
    "duplicate": ("received", "The same need of the same person was referred before."),
    WITHDRAWN: ("cancelled", "Its source took it back."),
}
#: The least advanced part of a request speaks for all of it.
_ORDER: Final = (
    "rejected", "requested", "received", "on-hold", "accepted", "in-progress", "failed", "completed", "cancelled"
)  # fmt: skip
#: Nothing happens to these any more.
ENDED: Final = frozenset({"closed", WITHDRAWN})
#: A source's own words in these elements are not kept, as on the façade.
_OURS: Final = ("status", "businessStatus", "statusReason", "lastModified")
#: What a server writes with every update.
_STAMPS: Final = frozenset({"versionId", "lastUpdated", "source"})
TAKEN_BACK: Final = frozenset({"cancelled", "entered-in-error"})


class Stand(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one referral stands: its state, who has it, its need, the last answer's reason, whose duplicate it is."""

    state: str
    id: str = ""
    receiver: str = ""
    need: str = ""
    reason: str = ""
    earlier: str = ""


class Reason(msgspec.Struct, frozen=True):
    """Why something was refused: the element (`Patient.birthDate`), a code, and words that quote no value."""

    path: str
    code: str
    text: str

    @property
    def words(self) -> str:
        """As a person reads it."""
        return f"{self.path}: {self.text}" if self.path else self.text


class Standing(msgspec.Struct, frozen=True):
    """What a Task is to show. reasons: of a refusal; kept: why a change of the hospital's could not be followed."""

    stands: tuple[Stand, ...]
    reasons: tuple[Reason, ...] = ()
    kept: str = ""

    @property
    def first(self) -> Stand:
        """The referral that speaks for all: the least advanced."""
        return min(self.stands, key=lambda one: (_ORDER.index(status_of(one.state)), one.id))


def status_of(state: str) -> str:
    """Task.status at the source; of a state that is not known here, that somebody has it."""
    return TABLE.get(state, ("received", ""))[0]


def is_ours(task: Json) -> bool:
    """Whether a Task stands as we wrote it: then its status is no news."""
    state = _state(task.get("businessStatus"))
    return state in TABLE and task.get("status") == _status(state, task)


def is_made(task: Json) -> bool:
    """Whether a Task is one that we made for a request: it says nothing of its hospital's."""
    return any(isinstance(one, dict) and one.get("system") == TASK_ID for one in _list(task.get("identifier")))


def _status(state: str, task: Json) -> str:
    """Status of a Task in this state. What its hospital has called an error stays one."""
    told = task.get("status")
    return str(told) if state == WITHDRAWN and told in TAKEN_BACK else status_of(state)


def shown(task: Json, standing: Standing, now: str) -> Json:
    """The Task with this standing; the same value where it shows it already."""
    told = bare(task)
    told["meta"] = task.get("meta", {})
    first = standing.first
    told |= {
        "status": _status(first.state, task),
        "businessStatus": _concept(STATES, first.state, TABLE.get(first.state, ("", ""))[1]),
        "identifier": [*_list(told.get("identifier")), *_identifiers(standing)],
        "note": [*_list(told.get("note")), *({"authorString": AUTHOR, "text": text} for text in _notes(standing))],
        "output": [*_list(told.get("output")), *_outputs(standing, free="owner" not in told)],
    }
    if reason := _status_reason(standing):
        told["statusReason"] = reason
    if first.receiver and "owner" not in told:
        told["owner"] = {"identifier": _identifier(AGENCY, first.receiver)}
    told = {name: what for name, what in told.items() if what not in ([], {})}
    if told == {name: what for name, what in task.items() if name != "lastModified" and what not in ([], {})}:
        return task
    return told | {"lastModified": now}


def bare(task: Json) -> Json:
    """A Task as its hospital wrote it, without versions: the same words are the same value, whatever we wrote since."""
    found = unstamped({name: what for name, what in task.items() if name not in _OURS})
    if _system(found.get("owner")) == AGENCY:
        del found["owner"]
    kept: dict[str, Callable[[Json], bool]] = {
        "identifier": lambda one: one.get("system") != REFERRAL,
        "note": lambda one: one.get("authorString") != AUTHOR,
        "output": lambda one: not _is_own_output(one),
    }
    for name, keeps in kept.items():
        if isinstance(found.get(name), list):
            found[name] = [one for one in found[name] if not isinstance(one, dict) or keeps(one)]
            if not found[name]:
                del found[name]
    return found


def unstamped(resource: Json) -> Json:
    """A resource without what its server adds to each update."""
    meta = resource.get("meta")
    if not isinstance(meta, dict):
        return dict(resource)
    rest = {name: what for name, what in meta.items() if name not in _STAMPS}
    own = {name: what for name, what in resource.items() if name != "meta"}
    return own | ({"meta": rest} if rest else {})


# ------------------------------------------------------------------ parts
def _status_reason(standing: Standing) -> Json:
    first = standing.first
    if first.state == REFUSED:
        codes = dict.fromkeys(reason.code for reason in standing.reasons if reason.code)
        text = "; ".join(dict.fromkeys(reason.words for reason in standing.reasons)) or "refused"
        return {"coding": [{"system": REASONS, "code": code} for code in codes], "text": text[:4000]}
    return {"coding": [{"system": REASONS, "code": first.reason}]} if first.reason else {}


def _notes(standing: Standing) -> list[str]:
    found = [
        f"Another agency referred this need before (referral {one.earlier}). This one is kept and follows if that ends."
        for one in standing.stands
        if one.state == "duplicate" and one.earlier
    ]
    return list(dict.fromkeys([*found, *([standing.kept] if standing.kept else [])]))


def _outputs(standing: Standing, *, free: bool) -> list[Json]:
    """Each need with its own state, where there are several or all is done; who has it, where owner is not free."""
    first, found = standing.first, list[Json]()
    if len(standing.stands) > 1 or status_of(first.state) == "completed":
        for one in standing.stands:
            text = TABLE.get(one.state, ("", ""))[1]
            state = _concept(STATES, one.state, text)
            found.append({"type": _concept(NEED, one.need) if one.need else {}, "valueCodeableConcept": state})
    if first.receiver and not free:
        who = {"identifier": _identifier(AGENCY, first.receiver)}
        found.append({"type": _concept(OUTPUT, "receiver"), "valueReference": who})
    return [one | {"type": one["type"] or {"text": "withheld"}} for one in found]


def _identifiers(standing: Standing) -> list[Json]:
    return [_identifier(REFERRAL, one.id) for one in standing.stands if one.id]


def _concept(system: str, code: str, text: str = "") -> Json:
    return {"coding": [{"system": system, "code": code}]} | ({"text": text} if text else {})


def _identifier(system: str, value: str) -> Json:
    return {"system": system, "value": value}


def _state(concept: object) -> str:
    for coding in _list(concept.get("coding") if isinstance(concept, dict) else None):
        if isinstance(coding, dict) and coding.get("system") == STATES and isinstance(coding.get("code"), str):
            return str(coding["code"])
    return ""


def _system(reference: object) -> object:
    identifier = reference.get("identifier") if isinstance(reference, dict) else None
    return identifier.get("system") if isinstance(identifier, dict) else None


def _is_own_output(output: Json) -> bool:
    return bool(_state(output.get("valueCodeableConcept"))) or _system(output.get("valueReference")) == AGENCY


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
