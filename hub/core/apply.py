"""The only place where state changes: `apply(state, entry, opened)`, the same for live, replay and as-of.

Owns what each kind of entry means for the aggregates. Decides nothing: everything it needs is in the entry and in
the bodies that still open; what has been erased stays unknown (a sealed record joins no person).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hub.core.applied_people import (
    household_changed,
    household_decided,
    identity_decided,
    identity_redone,
    new_case,
    persons_changed,
    review_opened,
)
from hub.core.bodies import Opened
from hub.core.calendar import life_stage
from hub.core.directory import Agency
from hub.core.identity.partition import Record
from hub.core.state import Case, Filed, Need, Referral, Signal, State

Entry = dict[str, Any]
Facts = dict[str, Any]


def apply(state: State, entry: Entry, opened: Opened) -> None:
    """Change `state` as `entry` says. Position and the case's numbering advance with every entry."""
    state.size += 1
    state.heard = entry["heard"]
    APPLY[entry["kind"]](state, entry, entry["facts"], opened)
    case = state.cases.get(entry["case"])
    if case is not None:
        case.seq += 1
        state.changed_cases.add(case.id)


# ------------------------------------------------------------------ agencies
def _agency_registered(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    del entry, opened
    state.directory.register(
        Agency(
            code=facts["agency"],
            kind=facts["agency_kind"],
            name=facts["name"],
            purposes=tuple(facts["purposes"]),
            legal_basis=facts["legal_basis"],
            areas=tuple(facts["areas"]),
        )
    )
    state.changed_agencies.add(facts["agency"])


def _agency_changed(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    del entry, opened
    if "key" in facts:
        state.directory.change_key(facts["agency"], facts["key"], add=facts["key_change"] == "added")
    else:
        state.directory.set_state(facts["agency"], facts["state"])
        state.refusals.pop(facts["agency"], None)
    state.changed_agencies.add(facts["agency"])


# ------------------------------------------------------------------ referrals
def _referral_recorded(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    _count(state, facts["agency"], refused=False)
    case = _case_of(state, entry, facts, opened)
    if facts["record"] and facts["record"] not in state.records:
        _add_record(state, entry, facts, opened)
    _join(case, facts, entry["heard"])
    referral = _referral(state, entry, facts, opened, case)
    case.referrals[referral.id] = referral
    if referral.need not in case.needs:
        case.needs[referral.need] = Need(referral.need, referral.code, entry["heard"], referral.record)
    state.place(case.id, referral)
    state.changed_referrals.add(referral.id)
    _tighten(state, facts.get("tightens"))


def _referral(state: State, entry: Entry, facts: Facts, opened: Opened, case: Case) -> Referral:
    body = opened.identity
    return Referral(
        id=facts["referral"],
        number=body.number if body else "",
        agency=facts["agency"],
        need=facts["need"],
        code=opened.need.code if opened.need else facts.get("code", ""),
        urgency=facts["urgency"],
        state=facts["state"],
        seq=state.size,
        heard=entry["heard"],
        record=facts["record"],
        dong=facts.get("dong", ""),
        stage=life_stage(body.claim.birth.value, entry["heard"]) if body else "",
        needed_by=facts.get("needed_by", ""),
        restricted=facts.get("restricted", False),
        secret=facts.get("secret", False),
        origin_hidden=facts.get("origin_hidden", False),
        duplicate_of=facts.get("duplicate_of", ""),
        related_to=facts.get("related_to", ""),
        household_version=case.version,
        flags=facts["flags"],
        number_key=opened.number_key,
    )


def _case_of(state: State, entry: Entry, facts: Facts, opened: Opened) -> Case:
    case = state.cases.get(entry["case"])
    if case is None:
        unit = opened.unit if facts.get("dwelling") else None
        case = new_case(state, entry["case"], unit, facts.get("dong", ""))
    return case


def _add_record(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    if opened.features is None:
        return
    matching = opened.matching
    record = Record(
        id=facts["record"],
        features=opened.features,
        component=matching.component if matching else facts["record"],
        person=facts["person"],
        seq=state.size,
        edges=dict(matching.edges) if matching else {},
        guards=dict(matching.guards) if matching else {},
        keys=opened.keys,
    )
    for absorbed in matching.absorbed if matching else ():
        _unite(state, absorbed, record.component)
    state.add_record(record, Filed(case=entry["case"], unit=opened.unit, at=entry["at"]))
    state.new_records.append(record.id)


def _unite(state: State, absorbed: str, component: str) -> None:
    """Components that an edge now connects become one: the one the matcher named."""
    moved = state.components.pop(absorbed, [])
    for id_ in moved:
        state.records[id_].component = component
        state.changed_records.add(id_)
    state.components.setdefault(component, []).extend(moved)


def _join(case: Case, facts: Facts, heard: str) -> None:
    person = facts["person"]
    if person and facts.get("joins") and person not in case.members:
        case.members[person] = heard
        case.version += 1


def _tighten(state: State, tightens: Facts | None) -> None:
    found = state.find(tightens["referral"]) if tightens else None
    if not tightens or found is None:
        return
    case, survivor = found
    survivor.urgency, survivor.due = tightens["urgency"], tightens["due"] or survivor.due
    _touch(state, case, survivor)


def _touch(state: State, case: Case, referral: Referral) -> None:
    state.watch(referral)
    state.changed_cases.add(case.id)
    state.changed_referrals.add(referral.id)


def _referral_corrected(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    _count(state, facts["agency"], refused=False)
    renamed = facts.get("record", "")
    if renamed and renamed not in state.records:
        _add_record(state, entry, facts, opened)
        _join(state.cases[entry["case"]], facts, entry["heard"])
    for id_ in facts["referrals"]:
        found = state.find(id_)
        if found:
            _rename(found, renamed, opened, entry["heard"])
            found[1].urgency = facts["urgency"].get(id_, found[1].urgency)
            found[1].needed_by = facts.get("needed_by", found[1].needed_by)
            found[1].due = facts["due"].get(id_, found[1].due)
            found[1].flags = list(facts.get("flags", found[1].flags))
            _touch(state, *found)


def _rename(found: tuple[Case, Referral], record: str, opened: Opened, heard: str) -> None:
    """The referral is about whom its latest mention names."""
    case, referral = found
    if record:
        need = case.needs.get(referral.need)
        if need is not None and need.record == referral.record:
            need.record = record
        referral.record = record
        if opened.identity:
            referral.stage = life_stage(opened.identity.claim.birth.value, heard)


def _referral_duplicated(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    del entry, opened
    found = state.find(facts["referral"])
    if found:
        referral = found[1]
        if referral.state == "offered" and referral.receiver in referral.tried:
            # Nobody refused: should it turn out to be somebody else's request, it is asked of the same agency again.
            referral.tried.remove(referral.receiver)
        referral.state, referral.duplicate_of, referral.due = "duplicate", facts["duplicate_of"], ""
        _touch(state, *found)
    _tighten(state, facts.get("tightens"))


def _referral_offered(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    del entry, opened
    found = state.find(facts["referral"])
    if found:
        referral = found[1]
        referral.state, referral.receiver, referral.due = "offered", facts["to"], facts["due"]
        referral.tried.append(facts["to"])
        _touch(state, *found)


def _referral_unplaced(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    del entry, opened
    found = state.find(facts["referral"])
    if found:
        found[1].state, found[1].receiver, found[1].due = "unplaced", facts["owner"], ""
        _touch(state, *found)


def _referral_changed(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    del entry, opened
    found = state.find(facts["referral"])
    if found:
        found[1].state, found[1].due = facts["to"], ""
        _touch(state, *found)


# ------------------------------------------------------------------ the rest
def _signal_recorded(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    _count(state, facts["agency"], refused=False)
    if entry["case"]:
        case = _case_of(state, entry, facts, opened)
        signal = Signal(facts["signal"], facts["signal_kind"], facts["agency"], facts["urgency"], entry["heard"])
        case.signals.append(signal)


def _directory_listed(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    _count(state, facts["agency"], refused=False)
    state.listings.put(state.size, entry["heard"], facts, opened.listing)


def _message_refused(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    del entry, opened
    if facts.get("counts", True):
        _count(state, facts["agency"], refused=True)


#: Refusals are counted over about this many messages of one agency; then both counters are halved.
WINDOW = 200


def _count(state: State, agency: str, *, refused: bool) -> None:
    counters = state.refusals.setdefault(agency, [0, 0])
    counters[0] += 1
    counters[1] += refused
    if counters[0] >= WINDOW:
        counters[0], counters[1] = counters[0] // 2, counters[1] // 2


def _nothing(state: State, entry: Entry, facts: Facts, opened: Opened) -> None:
    """Kinds that are evidence and change no aggregate."""
    del state, entry, facts, opened


APPLY: dict[str, Callable[[State, Entry, Facts, Opened], None]] = {
    "agency.registered": _agency_registered,
    "agency.changed": _agency_changed,
    "referral.recorded": _referral_recorded,
    "referral.corrected": _referral_corrected,
    "referral.duplicated": _referral_duplicated,
    "referral.offered": _referral_offered,
    "referral.unplaced": _referral_unplaced,
    "referral.changed": _referral_changed,
    "offer.expired": _nothing,
    "person.merged": persons_changed,
    "person.split": persons_changed,
    "identity.decided": identity_decided,
    "identity.redone": identity_redone,
    "review.opened": review_opened,
    "key.retired": _nothing,
    "household.decided": household_decided,
    "household.changed": household_changed,
    "signal.recorded": _signal_recorded,
    "directory.listed": _directory_listed,
    "message.refused": _message_refused,
    "access.recorded": _nothing,
    "clock.paged": _nothing,
}
