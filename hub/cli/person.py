"""`hub person`: why mentions are one person, why two persons are not, how one came to be, and a worker's word on it.

Owns the commands' names. Which options they share is `viewing`'s; a merge is decided by the ledger.
"""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli import screens
from hub.cli.output import examples
from hub.cli.output import group as new_group
from hub.cli.viewing import Reason, Text, View, viewed

group = new_group()
Id = Annotated[str, typer.Argument(metavar="ID", help="A person's id, a former one, or a mention's.")]
Other = Annotated[str, typer.Argument(metavar="OTHER", help="The other person.")]


@group.command("why")
@examples("hub person why 0191d0c4-…", "hub person why 0191d0c4-… --lang en", "hub person why 0191d0c4-… --json")
@viewed
def why(view: View, person: Id) -> None:
    """Why each mention belongs to a person: what agrees, what differs, how much it weighs. Never a value.

    With a mention's id: only what ties that mention. The read is recorded.
    """
    view.read(f"/v1/persons/{person}/why", screens.why)


@group.command("why-not")
@examples("hub person why-not 0191d0c4-… 0191d0c5-…", "hub person why-not 0191d0c4-… 0191d0c5-… --lang en")
@viewed
def why_not(view: View, person: Id, other: Other) -> None:
    """Why two persons are two: their likeliest mentions, what keeps them apart, and how to join them."""
    view.read(f"/v1/persons/{person}/why-not/{other}", screens.why_not)


@group.command("how")
@examples("hub person how 0191d0c4-…", "hub person how 0191d0c4-… --json")
@viewed
def how(view: View, person: Id) -> None:
    """How a person came to be, step by step: mentions, merges, splits and workers' words, as the ledger has them."""
    view.read(f"/v1/persons/{person}/how", screens.how)


@group.command("merge")
@examples('hub person merge 0191d0c4-… 0191d0c5-… --reason asked_person --text "두 이름을 다 쓰신다고 함"')
@viewed
def merge(view: View, person: Id, other: Other, reason: Reason, text: Text = "") -> None:
    """Say that two persons are one. The older id stays, the other leads to it; it holds whatever arrives later."""
    view.judge(f"/v1/persons/{person}/merge", {"other": other}, reason, text)


@group.command("unmerge")
@examples(
    "hub person unmerge 0191d0c4-… --reason entry_error",
    "hub person unmerge 0191d0c4-… 0191d0d1-… --reason documents_seen",
)
@viewed
def unmerge(
    view: View,
    person: Id,
    reason: Reason,
    records: Annotated[
        list[str] | None, typer.Argument(metavar="[RECORD]...", help="Mentions of somebody else.")
    ] = None,
    text: Text = "",
) -> None:
    """Say that mentions of a person are somebody else's. Without mentions: take back the one merge made by hand."""
    view.judge(f"/v1/persons/{person}/unmerge", {"records": list(records or ())}, reason, text)
