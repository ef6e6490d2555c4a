"""A source takes back its own referral by its own number. Owns which referrals that means, not which of them may.

For those who cannot answer by the hub's id: a hospital's REF^I14 knows only its own number.
"""

from __future__ import annotations

from hub.core.decide import answer
from hub.core.entry import Recorder
from hub.schemas.canonical import AnswerClaim, Reason, Refusal, WithdrawalClaim

UNKNOWN = Refusal((Reason("/number", "unknown_number", "no referral with this number came from this agency"),))


def decide(recorder: Recorder, claim: WithdrawalClaim) -> Refusal | None:
    """Withdraw every referral of the number that can be; refused where none is known or none can be any more."""
    state = recorder.state
    known = sorted(i for i in state.numbers.get(recorder.message.number_key, ()) if i in state.referral_case)
    refusals = [answer.decide(recorder, AnswerClaim(id_, "withdraw", claim.at)) for id_ in known]
    if not refusals:
        return UNKNOWN
    return None if None in refusals else refusals[0]
