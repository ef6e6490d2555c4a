"""Questions only a person may answer: two persons that may be one, and whether it matters that somebody looks.

Owns the rank of a review (probability times consequence) and which reviews reach a human: those that would change
money, safety or a duplicate decision. A review never holds up a service: the referral went its way already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from hub.core.decide import people
from hub.core.entry import Recorder
from hub.core.identity.identify import Identified
from hub.core.sealing import derive_id
from hub.core.state import COVERED, LIVE, Referral

#: What a wrong answer would cost, in the order of the specification; the weights are assumed.
WEIGHTS: Final = {"safety": 8, "duplicate": 4, "money": 2}
#: Field of needs.csv whose support is paid in money.
MONEY: Final = "income"
#: At most so many questions about one new record: the likeliest.
MOST: Final = 3
#: Where a guard stopped a link, its bits say how alike two people are, not how likely they are one.
GUARDED: Final = 4
#: Per mille of 1 / (1 + 2^-bits), from -4 bits: a table, so that every machine agrees.
_CHANCE: Final = (59, 111, 200, 333, 500, 667, 800, 889, 941, 970, 985, 992, 996, 998, 999)
_LEAST: Final = -4


def open_all(recorder: Recorder, found: Identified, person: str) -> None:
    """Ask about the other persons a new record may be: one entry each."""
    state, record = recorder.state, recorder.message.record
    for ordinal, (other, bits) in enumerate(_candidates(recorder, found, person)):
        possibly = state.person_of(other)
        reasons = consequences(recorder, _open(recorder, person), _open(recorder, possibly))
        guard = found.guards.get(other, "")
        facts = {
            "audience": people.audience_of(recorder, [record, other]),
            "consequences": reasons,
            "guard": guard,
            "human": bool(reasons),
            "other": other,
            "person": person,
            "possibly": possibly,
            "rank": chance(bits) * sum(WEIGHTS[r] for r in reasons) // (GUARDED if guard else 1),
            "record": record,
            "review": derive_id(recorder.message.cause, "review", ordinal),
        }
        recorder.emit("review.opened", facts)


def chance(bits: int) -> int:
    """Per mille that two records with so many centibits are one person."""
    return _CHANCE[max(0, min(len(_CHANCE) - 1, bits // 100 - _LEAST))]


def consequences(recorder: Recorder, mine: Sequence[Referral], others: Sequence[Referral]) -> list[str]:
    """What it would change if the two persons were one."""
    needs = recorder.rules.needs
    live = [[r for r in side if r.state in LIVE] for side in (mine, others)]
    found = []
    # With one side known to victim support alone, the question itself would give that side away: they stay two.
    hidden = all(any(people.hidden(r) for r in side) for side in live)
    if hidden or any(r.urgency == "sos" for side in live for r in side):
        found.append("safety")
    if {r.code for r in mine} & {r.code for r in others}:
        found.append("duplicate")
    if all(any(needs[r.code].field == MONEY for r in side) for side in (mine, others)):
        found.append("money")
    return found


def _candidates(recorder: Recorder, found: Identified, person: str) -> Iterable[tuple[str, int]]:
    """The likeliest record of each person it may also be, with its bits."""
    state = recorder.state
    best: dict[str, tuple[str, int]] = {}
    for other, bits in found.edges.items():
        whose = state.person_of(other)
        if whose != person and whose in found.possibly:
            best.setdefault(whose, (other, bits))
    return list(best.values())[:MOST]


def _open(recorder: Recorder, person: str) -> list[Referral]:
    """What a person asks for or is given now."""
    return [r for _, r in recorder.state.referrals_of(person) if r.state in LIVE or r.state in COVERED]
