"""`hub household`: a worker's word on who lives with whom. Owns the commands' names.

The word goes through the API as the named agency, is decided by the ledger and holds for as long as the persons live at
that address.
"""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.output import examples
from hub.cli.output import group as new_group
from hub.cli.viewing import Reason, Text, View, viewed

group = new_group()
Case = Annotated[str, typer.Argument(metavar="CASE", help="The case of the household.")]


@group.command("split")
@examples("hub household split 0191d0c4-… 0191d0d1-… --reason asked_person")
@viewed
def split(
    view: View,
    case: Case,
    persons: Annotated[list[str], typer.Argument(metavar="PERSON...", help="Members who live on their own.")],
    reason: Reason,
    text: Text = "",
) -> None:
    """Say that members of a case are a household of their own. Referrals stay with the household they were made for."""
    view.judge(f"/v1/cases/{case}/split", {"persons": list(persons)}, reason, text)


@group.command("join")
@examples("hub household join 0191d0c4-… 0191d0c5-… --reason documents_seen")
@viewed
def join(
    view: View,
    case: Case,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The case whose household is the same.")],
    reason: Reason,
    text: Text = "",
) -> None:
    """Say that the household of another case is this one: its members move here, and duplicates are judged again."""
    view.judge(f"/v1/cases/{case}/join", {"other": other}, reason, text)
