"""An agency's or worker's answer about a referral. Owns the shape; whether the change is legal is the lifecycle's."""

from __future__ import annotations

from typing import Literal

from hub.schemas.native.wire import Own, Text, Token, Word

#: Who may ask which is the lifecycle's to say: `close` is the hub's own.
Change = Literal["accept", "decline", "start", "hold", "resume", "deliver", "fail", "refer-on", "withdraw", "close"]
#: Reasons of `domain.md`; empty where the sender gave none (the lifecycle asks for one where it must).
ReasonCode = Literal[
    "",
    "no_capacity",
    "not_eligible",
    "no_contact",
    "out_of_area",
    "unsafe",
    "already_served",
    "person_refused",
    "moved",
    "deceased",
    "admitted",
    "budget_exhausted",
    "other",
]


class ReferralAnswer(Own):
    """`referral`: the hub's id; `on_behalf`: the agency a worker speaks for; `at`: RFC 3339, else the envelope's."""

    referral: Token
    change: Change
    reason: ReasonCode = ""
    text: Text = ""
    at: Word = ""
    on_behalf: Word = ""
