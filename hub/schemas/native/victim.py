"""The victim-support form of a prosecutors' office. Owns the shape; what may be known to whom is decided elsewhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.schemas.native.wire import Own, Text, Token, Word

NEEDS_LIMIT = 50


class Guardian(Own):
    """Who speaks for the victim, as the office wrote it."""

    name: Word = ""
    relation: Word = ""
    phone: Word = ""


class Victim(Own):
    """The person. `substitute_number` is a 사회보장 전산관리번호, issued in place of a resident number."""

    name: Word = ""
    birth: Word = ""
    sex: Word = ""
    phone: Word = ""
    resident_number: Word = ""
    substitute_number: Word = ""
    address: Text = ""
    address_protected: bool = False
    guardian: Guardian | None = None


class Consent(Own):
    """Who agreed (self, guardian, legal_rep), to which purposes, when, in which form."""

    by: Word = ""
    scope: Annotated[tuple[Word, ...], Field(max_length=20)] = ()
    date: Word = ""
    form: Word = ""


class VictimSupport(Own):
    """One request: several needs of one person under one case number. `share_origin` false hides who referred."""

    case_no: Token
    office: Word = ""
    victim: Victim
    needs: Annotated[tuple[Word, ...], Field(min_length=1, max_length=NEEDS_LIMIT)]
    offence_class: Word = ""
    consent: Consent | None = None
    referred_at: Word = ""
    needed_by: Word = ""
    urgent: bool = False
    share_origin: bool = False
    note: Text = ""
