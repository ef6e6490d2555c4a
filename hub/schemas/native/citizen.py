"""A citizen's or honorary officer's report. Owns the shape; the reporter stays hidden everywhere behind the intake."""

from __future__ import annotations

from hub.schemas.native.wire import Own, Text, Token, Word


class About(Own):
    """Whom or which place it is about; often only an address."""

    name: Word = ""
    address: Text = ""
    phone: Word = ""


class CitizenReport(Own):
    """One observation. `at` RFC 3339; `kind` says more than 'report' where the form asks."""

    id: Token
    reporter: Word = ""
    about: About = About()
    observed: Text
    urgent: bool = False
    at: Word = ""
    kind: Word = "report"
