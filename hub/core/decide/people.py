"""What follows when records come to belong to other persons: who merged, who split, where they live, what is double.

Owns the order of these steps and their entries, for whatever caused them: a new record, a worker's word, a link that
was dropped. Never decides who is who (`core.identity`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from hub.core.decide import household, rejudge
from hub.core.entry import Recorder
from hub.core.privacy import VICTIM, audience_for
from hub.core.state import Referral, State

VICTIM_ONLY = f"p:{VICTIM}"


class Changed(Protocol):
    """What became of persons: `identity.Settled` and `Identified` both say it."""

    @property
    def persons(self) -> Mapping[str, str]:
        """Records whose person changed, and the new one."""

    @property
    def merged(self) -> tuple[tuple[str, str], ...]:
        """(survivor, absorbed)."""

    @property
    def split(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """(kept, new, the records that left)."""


def follow(recorder: Recorder, changed: Changed, audience: list[str]) -> dict[str, str]:
    """Entries for persons that merged or split; former ids mapped to survivors."""
    state, own = recorder.state, recorder.message.record
    moves: dict[tuple[str, str], list[str]] = {}
    for id_, person in changed.persons.items():
        if id_ != own and state.records[id_].person != person:
            moves.setdefault((state.records[id_].person, person), []).append(id_)
    absorbed = {old: survivor for survivor, old in changed.merged}
    for (was, into), records in sorted(moves.items()):
        merged = was in absorbed
        facts: dict[str, Any] = {
            "absorbed": was if merged else "",
            "audience": audience,
            "into": into,
            "records": sorted(records),
            "referrals": sorted(r.id for r in referrals_of(state, records) if VICTIM_ONLY in audience or not hidden(r)),
            "was": was,
        }
        recorder.emit("person.merged" if merged else "person.split", facts)
    return absorbed


def hidden(referral: Referral) -> bool:
    """Whether only victim support may know of it."""
    return referral.secret or referral.restricted


def referrals_of(state: State, records: Collection[str]) -> list[Referral]:
    """The referrals made for these records."""
    cases = sorted({state.filed[r].case for r in records if r in state.filed} & state.cases.keys())
    return [r for case in cases for r in state.cases[case].referrals.values() if r.record in records]


def resettle(
    recorder: Recorder,
    changed: Changed,
    absorbed: Mapping[str, str],
    audience: list[str],
    near: Collection[str],
    but: str = "",
) -> None:
    """Households and duplicates of the persons that changed; `but`: whose household is somebody else's to settle."""
    touched = {*changed.persons.values(), *(kept for kept, _, _ in changed.split)}
    household.settle(recorder, touched - {but}, absorbed, audience, near)
    rejudge.persons(recorder, touched)


def audience_of(recorder: Recorder, records: Collection[str]) -> list[str]:
    """Who may know of a change of these records: victim support alone where one of them is known to it alone."""
    secret = any(hidden(r) for r in referrals_of(recorder.state, records))
    return audience_for(recorder.message.agency, secret=secret)
