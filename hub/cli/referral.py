"""`hub referral`: look at one, and every change an agency or worker may ask of it. Owns the commands' names.

Every change goes through the API as the named agency and is decided by the ledger; a change that is not possible is
answered with the current state and what is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from hub.cli.asking import As, Asking
from hub.cli.output import Json, State, emit, examples, table
from hub.cli.output import group as new_group
from hub.core.lifecycle import CHANGES, DECLINES

group = new_group()
Id = Annotated[str, typer.Argument(metavar="ID", help="The hub's id of the referral.")]
Reason = Annotated[str, typer.Option("--reason", help=f"A code: {', '.join(DECLINES)}.")]
Text = Annotated[str, typer.Option("--text", help="In your own words; stored encrypted.")]
OnBehalf = Annotated[str, typer.Option("--on-behalf", help="The agency a worker speaks for.")]
WAIT_S: Final = 20
#: What the change means, for its help. `close` is the hub's own.
WORDS: Final = {
    "accept": "Take the offer: name, phone and address open.",
    "decline": "Refuse the offer, with a reason; the next agency is asked.",
    "start": "The service begins.",
    "hold": "The service pauses.",
    "resume": "The service goes on.",
    "deliver": "The service was given; the source is told and the loop closes.",
    "fail": "The service could not be given, with a reason; the next agency is asked.",
    "refer-on": "Hand over to the next agency, with a reason.",
    "withdraw": "The source takes its referral back.",
}


@group.command("show")
@examples("hub referral show 0191d0c4-… --as sangbong", "hub referral show 0191d0c4-… --as jeil --json")
def show(referral: Id, as_agency: As, state: State = None, as_json: Json = False) -> None:
    """A referral as an agency may see it. If that opens personal data, the read is recorded first."""
    with Asking(as_agency, state) as asking:
        found = asking.get(f"/v1/referrals/{referral}")
    _print(found, as_json=as_json)


def _print(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(found)
    else:
        print(table([(name, value) for name, value in found.items() if value not in ("", [], {}, None)]))


def _command(change: str) -> Callable[..., None]:
    """The command of one change."""

    def ask(
        referral: Id,
        as_agency: As,
        reason: Reason = "",
        text: Text = "",
        on_behalf: OnBehalf = "",
        state: State = None,
        as_json: Json = False,
    ) -> None:
        given = {"reason": reason, "text": text, "on_behalf": on_behalf}
        with Asking(as_agency, state) as asking:
            path = f"/v1/referrals/{referral}/{change}"
            found = asking.post(path, {name: value for name, value in given.items() if value}, wait=WAIT_S)
        _print(found, as_json=as_json)

    ask.__doc__ = WORDS[change]
    needed = " --reason no_capacity" if CHANGES[change].reasons else ""
    return examples(f"hub referral {change} 0191d0c4-… --as sangbong{needed}")(ask)


for _change in WORDS:
    group.command(_change)(_command(_change))
