"""What a native message means once normalized: claims, each with where it came from and what was repaired.

Owns the vocabulary between `core.normalize` and the rest of `core`. Holds personal data in memory only: it is
stored solely as encrypted bodies. Values, immutable; msgspec because they are built for every message.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Urgency = Literal["routine", "urgent", "sos"]
Sex = Literal["M", "F"]
URGENCY_RANK: dict[str, int] = {"routine": 0, "urgent": 1, "sos": 2}


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a field made a message unacceptable. `path` is in the source's own words; `text` never quotes the value."""

    path: str
    code: str
    text: str
    allowed: tuple[str, ...] = ()
    state: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """This message can never be accepted. Recorded with its reasons and its raw bytes."""

    reasons: tuple[Reason, ...]


class DateClaim(msgspec.Struct, frozen=True, omit_defaults=True):
    """A birth date as claimed. `value` is ISO (YYYY-MM-DD) when usable, else None; `raw` as written."""

    value: str | None = None
    raw: str = ""
    quality: Literal["exact", "short_year", "impossible", "default", "lunar", "missing"] = "missing"


class AddressClaim(msgspec.Struct, frozen=True, omit_defaults=True):
    """An address as claimed, parsed into a building key and a unit.

    building: 'road:진주대로 1052' or 'lot:상봉동 802-5' (None: unusable); block: apartment 동 ('101'); ho: '1203';
    sigungu: '진주시'; dong: administrative dong by the crosswalk, '' when unknown.
    """

    raw: str = ""
    building: str | None = None
    block: str = ""
    ho: str = ""
    sigungu: str = ""
    dong: str = ""
    protected: bool = False

    @property
    def is_unit(self) -> bool:
        """Whether it names one dwelling (a building alone can hold several households)."""
        return self.building is not None and self.ho != "" and not self.protected


class PersonClaim(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one message says about one person. Phones in E.164 (+82…); rrn 13 digits or None."""

    name: str = ""
    birth: DateClaim = DateClaim()
    sex: Sex | None = None
    phones: tuple[str, ...] = ()
    address: AddressClaim | None = None
    rrn: str | None = None
    substitute: bool = False
    local_id: str = ""
    row: str = ""  # the register this mention is a row of: two rows of one register are evidence of two people


class GuardianClaim(msgspec.Struct, frozen=True, omit_defaults=True):
    """A guardian named by the source. Kinship alone does not make a legal representative."""

    name: str = ""
    relation: str = ""
    phones: tuple[str, ...] = ()


class ConsentClaim(msgspec.Struct, frozen=True, omit_defaults=True):
    """A consent record. purposes: the codes it names; by: who gave it; form: written, spoken or a form's version."""

    by: str = ""
    purposes: tuple[str, ...] = ()
    form: str = ""
    date: str = ""


class ReferralClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="referral"):
    """One agency asks that needs be served. `at` is the source's claim, RFC 3339 UTC with milliseconds."""

    number: str
    needs: tuple[str, ...]
    at: str
    person: PersonClaim = PersonClaim()
    guardian: GuardianClaim | None = None
    urgency: Urgency | None = None  # None: the code's default decides
    urgent_mark: bool = False  # the source wrote 긴급: with a gap-support code this is sos
    needed_by: str = ""
    consent: ConsentClaim | None = None
    share_origin: bool = True
    offence_class: str = ""
    notes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    provenance: dict[str, str] = {}
    repairs: tuple[str, ...] = ()


class SignalClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="signal"):
    """An observation that may reveal a need. kind: report, water_meter, fall_sensor and so on."""

    ref: str
    kind: str
    at: str
    urgency: Urgency = "routine"
    address: AddressClaim | None = None
    about: str = ""
    observed: str = ""
    reporter: str = ""
    value: str = ""
    flags: tuple[str, ...] = ()
    provenance: dict[str, str] = {}
    repairs: tuple[str, ...] = ()


class AnswerClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="answer"):
    """A change somebody asks of a referral: accept, decline, start, hold, resume, deliver, fail, withdraw.

    `referral` is the hub's id. `reason` is a code of `domain.md`; `text` is free and stays encrypted.
    """

    referral: str
    change: str
    at: str
    reason: str = ""
    text: str = ""
    on_behalf: str = ""


class AgencyClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="agency"):
    """An account: what the agency is, for which purposes it may see data and by what right it refers."""

    code: str
    kind: str
    name: str
    purposes: tuple[str, ...]
    legal_basis: str
    areas: tuple[str, ...] = ()  # administrative dongs; empty: the whole city
    action: Literal["register", "suspend", "resume"] = "register"


class KeyClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="key"):
    """A public key (`schemas.signature`) that an agency's events are signed with: registered, or removed."""

    code: str
    key: str
    action: Literal["add_key", "remove_key"]


class TickClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="tick"):
    """The passing of time. `through` maps 'topic/partition' to the end offset when the tick was made."""

    at: str
    through: dict[str, int] = {}
    stuck: tuple[str, ...] = ()  # agencies whose partitions stand still: their offers do not expire meanwhile
    cursor: str = ""  # a continuation goes on behind this '<due>|<referral>'


class ListingClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="listing"):
    """An organization as a directory publishes it. `organization`: the directory's own id of it.

    content: HSDS 3 as far as the hub reads it, without contacts; `contacts`: how many people were named. modified: the
    newest change the source dates, RFC 3339 UTC, '' where it dates none. dongs: those it is in or serves.
    """

    organization: str
    at: str
    content: dict[str, Any]
    modified: str = ""
    services: int = 0
    locations: int = 0
    contacts: int = 0
    dongs: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


class AccessClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="access"):
    """A read of personal data: who (agency), what (kind and id), which classes were opened, why."""

    reader: str
    what: str
    id: str
    classes: tuple[str, ...]
    purpose: str
    at: str
    case: str = ""


class IdentityClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="identity"):
    """What a worker decided: that persons are one, or that records are another person than the rest.

    Either `review` (an open question of the hub's), or two `persons` (same), or one person with the `records` that are
    somebody else's (apart; none: a merge by hand is undone).
    """

    decision: Literal["same", "apart"]
    at: str
    persons: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    review: str = ""
    reason: str = ""
    text: str = ""


class WithdrawalClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="withdrawal"):
    """The source takes back what it asked for under a number of its own: every referral of it that can be."""

    number: str
    at: str


class HouseholdClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="household"):
    """What a worker decided: that `persons` of a case are a household of their own, or that `other` is the same one."""

    decision: Literal["split", "join"]
    at: str
    case: str
    persons: tuple[str, ...] = ()
    other: str = ""
    reason: str = ""
    text: str = ""


class RedoClaim(msgspec.Struct, frozen=True, omit_defaults=True, tag="redo"):
    """A page of work: a blocking key has become generic, so links that rest on it alone are looked at again.

    `key`: as in the register. `before`: ledger size when it happened; `after`: go on behind this record's position.
    """

    key: int
    before: int
    after: int = 0


Claim = (
    ReferralClaim
    | SignalClaim
    | AnswerClaim
    | AgencyClaim
    | KeyClaim
    | TickClaim
    | AccessClaim
    | IdentityClaim
    | HouseholdClaim
    | WithdrawalClaim
    | ListingClaim
    | RedoClaim
)
