"""Duplicates judged again, and nobody else's: after persons merge or split, and when a survivor is withdrawn."""

from __future__ import annotations

from collections.abc import Iterable

from hub.core.decide.offer import ask_next, tighten
from hub.core.duplicates import earliest
from hub.core.entry import Recorder
from hub.core.privacy import audience_of
from hub.core.state import LIVE, Case, Referral

#: A referral somebody already works on is not taken away from them: it stays, related by its person.
UNTOUCHED = frozenset({"received", "offered", "unplaced"})
Filed = tuple[Case, Referral]


def persons(recorder: Recorder, touched: Iterable[str]) -> None:
    """Judge each touched person's open requests again, code by code: one survives, the others point to it.

    What stays inside victim support is judged apart: nobody else may learn of it by being called its duplicate.
    """
    for person in sorted(set(touched)):
        mine = [f for f in recorder.state.referrals_of(person) if f[1].state in LIVE or f[1].state == "duplicate"]
        for code, hidden in sorted({_kind(r) for _, r in mine}):
            _judge(recorder, person, [(c, r) for c, r in mine if _kind(r) == (code, hidden)])


def orphans(recorder: Recorder, case: Case, withdrawn: Referral) -> None:
    """The duplicates of a withdrawn request are requests still: the first is asked for, the others point to it."""
    waiting = [r for r in case.referrals.values() if r.state == "duplicate" and r.duplicate_of == withdrawn.id]
    first = earliest(waiting)
    if first is None:
        return
    ask_next(recorder, case, first)
    for referral in sorted(waiting, key=lambda r: r.seq):
        if referral is not first:
            _point(recorder, case, referral, first)


def _kind(referral: Referral) -> tuple[str, bool]:
    return referral.code, referral.secret or referral.restricted


def _judge(recorder: Recorder, person: str, same: list[Filed]) -> None:
    """One person's requests of one code, in the order they were heard."""
    survivor = _survivor(recorder, person, same)
    if survivor is None:
        return
    for case, referral in same:
        stray = referral.state == "duplicate" and referral.duplicate_of != survivor.id
        if referral is not survivor and (stray or referral.state in UNTOUCHED):
            _point(recorder, case, referral, survivor)


def _survivor(recorder: Recorder, person: str, same: list[Filed]) -> Referral | None:
    """Who is worked on, else who was heard first. Where only duplicates of somebody else's are left, the first."""
    live = [r for _, r in same if r.state in LIVE]
    if live:
        return earliest(r for r in live if r.state not in UNTOUCHED) or earliest(live)
    for case, referral in same:
        found = recorder.state.find(referral.duplicate_of)
        if found is None or recorder.state.person_of(found[1].record) != person:
            ask_next(recorder, case, referral)
            return referral
    return None


def _point(recorder: Recorder, case: Case, referral: Referral, survivor: Referral) -> None:
    facts = {
        "audience": audience_of(referral),
        "duplicate_of": survivor.id,
        "referral": referral.id,
        "tightens": tighten(recorder, survivor, referral.urgency, referral.needed_by),
    }
    recorder.emit("referral.duplicated", facts, case=case.id)
