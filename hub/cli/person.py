"""`hub person`: why mentions are one person, why two persons are not, how one came to be, and a worker's word on it.

Owns the commands' names. Everything goes through the API as the named agency: what it may not know is absent here, a
read is recorded, and a merge is decided by the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from hub.cli import screens
from hub.cli.asking import CITY, As, Asking
from hub.cli.output import Json, State, emit, examples
from hub.cli.output import group as new_group
from hub.cli.screens import Lang, Language
from hub.errors import Usage

group = new_group()
WAIT_S: Final = 20
#: Codes of `hub.schemas.native.identity.IdentityReason`; a test compares the two.
REASONS: Final = ("asked_person", "documents_seen", "agency_confirmed", "entry_error", "other")
Id = Annotated[str, typer.Argument(metavar="ID", help="A person's id, a former one, or a mention's.")]
Other = Annotated[str, typer.Argument(metavar="OTHER", help="The other person.")]
Reason = Annotated[str, typer.Option("--reason", help=f"Why you are sure: {', '.join(REASONS)}.")]
Text = Annotated[str, typer.Option("--text", help="In your own words; stored encrypted. 'other' needs it.")]
FIND: Final = "See `hub case show` for the persons of a case, `hub person why` for their mentions."


@group.command("why")
@examples("hub person why 0191d0c4-…", "hub person why 0191d0c4-… --lang en", "hub person why 0191d0c4-… --json")
def why(person: Id, as_agency: As = CITY, lang: Lang = Language.ko, state: State = None, as_json: Json = False) -> None:
    """Why each mention belongs to a person: what agrees, what differs, how much it weighs. Never a value.

    With a mention's id: only what ties that mention. The read is recorded.
    """
    with Asking(as_agency, state) as asking:
        told = found(asking, f"/v1/persons/{person}/why")
    show(told, screens.why(told, lang), as_json=as_json)


@group.command("why-not")
@examples("hub person why-not 0191d0c4-… 0191d0c5-…", "hub person why-not 0191d0c4-… 0191d0c5-… --lang en")
def why_not(
    person: Id,
    other: Other,
    as_agency: As = CITY,
    lang: Lang = Language.ko,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Why two persons are two: their likeliest mentions, what keeps them apart, and how to join them."""
    with Asking(as_agency, state) as asking:
        told = found(asking, f"/v1/persons/{person}/why-not/{other}")
    show(told, screens.why_not(told, lang), as_json=as_json)


@group.command("how")
@examples("hub person how 0191d0c4-…", "hub person how 0191d0c4-… --json")
def how(person: Id, as_agency: As = CITY, lang: Lang = Language.ko, state: State = None, as_json: Json = False) -> None:
    """How a person came to be, step by step: mentions, merges, splits and workers' words, as the ledger has them."""
    with Asking(as_agency, state) as asking:
        told = found(asking, f"/v1/persons/{person}/how")
    show(told, screens.how(told, lang), as_json=as_json)


@group.command("merge")
@examples('hub person merge 0191d0c4-… 0191d0c5-… --reason asked_person --text "두 이름을 다 쓰신다고 함"')
def merge(
    person: Id,
    other: Other,
    reason: Reason,
    text: Text = "",
    as_agency: As = CITY,
    lang: Lang = Language.ko,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Say that two persons are one. The older id stays, the other leads to it; it holds whatever arrives later."""
    with Asking(as_agency, state) as asking:
        told = judge(asking, f"/v1/persons/{person}/merge", {"other": other, "reason": reason, "text": text})
    show(told, screens.judged(told, lang), as_json=as_json)


@group.command("unmerge")
@examples(
    "hub person unmerge 0191d0c4-… --reason entry_error",
    "hub person unmerge 0191d0c4-… 0191d0d1-… --reason documents_seen",
)
def unmerge(
    person: Id,
    reason: Reason,
    records: Annotated[
        list[str] | None, typer.Argument(metavar="[RECORD]...", help="Mentions of somebody else.")
    ] = None,
    text: Text = "",
    as_agency: As = CITY,
    lang: Lang = Language.ko,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Say that mentions of a person are somebody else's. Without mentions: take back the one merge made by hand."""
    body = {"records": list(records or ()), "reason": reason, "text": text}
    with Asking(as_agency, state) as asking:
        told = judge(asking, f"/v1/persons/{person}/unmerge", body)
    show(told, screens.judged(told, lang), as_json=as_json)


def found(asking: Asking, path: str) -> dict[str, Any]:
    """A read; what is not there comes with a way to find what is."""
    try:
        return asking.get(path)
    except Usage as refused:
        raise Usage(refused.what, refused.remedy or FIND) from None


def judge(asking: Asking, path: str, body: Mapping[str, object]) -> dict[str, Any]:
    """A worker's word, and what followed from it."""
    try:
        return asking.post(path, {name: value for name, value in body.items() if value}, wait=WAIT_S)
    except Usage as refused:
        raise Usage(refused.what, refused.remedy or FIND) from None


def show(told: Mapping[str, Any], lines: list[str], *, as_json: bool) -> None:
    """The answer as it came, or its screen."""
    if as_json:
        emit(told)
    else:
        print("\n".join(lines))
