"""`hub review`: questions only a person may answer. Owns the commands' names; which reviews there are is the ledger's.

Through the API as the named agency: a review with a side that agency may not know is absent.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from hub.cli import screens
from hub.cli.asking import Asking
from hub.cli.output import examples
from hub.cli.output import group as new_group
from hub.cli.viewing import Reason, Text, View, viewed

group = new_group()
PAGE: Final = 500
Id = Annotated[str, typer.Argument(metavar="REVIEW", help="A review's id.")]


class Decision(StrEnum):
    """The two answers there are."""

    same = "same"
    apart = "apart"


@group.command("list")
@examples("hub review list", "hub review list --all --limit 20", "hub review list --as dong-sangbong --json")
@viewed
def list_reviews(
    view: View,
    every: Annotated[bool, typer.Option("--all", help="Also decided and settled ones, and those for nobody.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
) -> None:
    """Reviews that wait for a person, gravest first: probability times what a wrong answer would cost."""
    with view.asking() as asking:
        told = _pages(asking, limit, every=every)
    view.show(told, lambda: screens.reviews(told, view.lang))


@group.command("show")
@examples("hub review show 0191d0c4-…", "hub review show 0191d0c4-… --lang en --json")
@viewed
def show_review(view: View, review: Id) -> None:
    """One review: both mentions compared, what stopped the machine, what depends on the answer. It is recorded."""
    view.read(f"/v1/reviews/{review}", screens.review)


@group.command("decide")
@examples("hub review decide 0191d0c4-… apart --reason asked_person --as dong-sangbong")
@viewed
def decide(
    view: View,
    review: Id,
    decision: Annotated[Decision, typer.Argument(help="One person or two.")],
    reason: Reason,
    text: Text = "",
) -> None:
    """Answer a review: one person, or two. It holds whatever arrives later, until somebody says otherwise."""
    view.judge(f"/v1/reviews/{review}/{decision.value}", {}, reason, text)


def _pages(asking: Asking, limit: int, *, every: bool) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    after = ""
    while len(told) < limit:
        more: dict[str, str | int | bool] = {"all": "true"} if every else {}
        page = asking.get("/v1/reviews", after=after, limit=min(PAGE, limit - len(told)), **more)
        told += page["reviews"]
        if not page["reviews"]:
            break
        after = page["next"]
    return told
