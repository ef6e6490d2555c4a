"""After persons merge or split: duplicates of the touched persons are judged again, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterable

from hub.core.decide.offer import ask_next
from hub.core.duplicates import earliest
from hub.core.entry import Recorder
from hub.core.privacy import audience_of
from hub.core.state import LIVE, Case, Referral

#: A referral somebody already works on is not taken away from them: it stays, related by its person.
UNTOUCHED = frozenset({"received", "offered", "unplaced"})


def persons(recorder: Recorder, touched: Iterable[str]) -> None:
    """Judge each touched person's open requests again."""
    for person in sorted(set(touched)):
        mine = list(recorder.state.referrals_of(person))
        _join(recorder, mine)
        _release(recorder, mine, person)


def _join(recorder: Recorder, mine: list[tuple[Case, Referral]]) -> None:
    """Two open requests of one code are now one person's: the later points to the earlier."""
    for code in sorted({r.code for _, r in mine if r.state in LIVE}):
        same = [(c, r) for c, r in mine if r.code == code and r.state in LIVE]
        survivor = earliest(r for _, r in same)
        for case, referral in same:
            if survivor is not None and referral is not survivor and referral.state in UNTOUCHED:
                facts = {"audience": audience_of(referral), "duplicate_of": survivor.id, "referral": referral.id}
                recorder.emit("referral.duplicated", facts, case=case.id)


def _release(recorder: Recorder, mine: list[tuple[Case, Referral]], person: str) -> None:
    """What was a duplicate of somebody else's request is a request of its own again."""
    for case, referral in mine:
        if referral.state != "duplicate":
            continue
        found = recorder.state.find(referral.duplicate_of)
        if found is None or recorder.state.person_of(found[1].record) != person:
            ask_next(recorder, case, referral)
