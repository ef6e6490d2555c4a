"""What every command about who is who has: as whom, in which language, where, as words or JSON. Owns the four options.

A command takes a `View` as its first parameter and is marked `viewed`; the options stand behind its own. Everything
goes through the API as the named agency: what it may not know is absent, and a read is recorded.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from hub.cli import screens
from hub.cli.asking import CITY, As, Asking
from hub.cli.output import Json, State, emit
from hub.cli.screens import Lang, Language
from hub.errors import Usage

WAIT_S: Final = 20
#: Codes of `hub.schemas.native.identity.IdentityReason`; a test compares the two.
REASONS: Final = ("asked_person", "documents_seen", "agency_confirmed", "entry_error", "other")
Reason = Annotated[str, typer.Option("--reason", help=f"Why you are sure: {', '.join(REASONS)}.")]
Text = Annotated[str, typer.Option("--text", help="In your own words; stored encrypted. 'other' needs it.")]
FIND: Final = "See `hub case show` for the persons of a case, `hub person why` for their mentions."
_OPTIONS: Final = {
    "as_agency": (As, CITY),
    "lang": (Lang, Language.ko),
    "state": (State, None),
    "as_json": (Json, False),
}


class View(msgspec.Struct, frozen=True):
    """Whose eyes, which language, where the hub is, and whether the answer is shown as it came."""

    agency: str
    lang: Language
    state: Path | None
    as_json: bool

    def asking(self) -> Asking:
        """A session with the API."""
        return Asking(self.agency, self.state)

    def read(self, path: str, screen: Callable[[dict[str, Any], Language], list[str]]) -> None:
        """Show a read. What is not there comes with a way to find what is."""
        with self.asking() as asking:
            told = _pointing(lambda: asking.get(path))
        self.show(told, lambda: screen(told, self.lang))

    def judge(self, path: str, body: Mapping[str, object], reason: str, text: str) -> None:
        """Send a worker's word and show what followed from it."""
        said = {name: value for name, value in {**body, "reason": reason, "text": text}.items() if value}
        with self.asking() as asking:
            told = _pointing(lambda: asking.post(path, said, wait=WAIT_S))
        self.show(told, lambda: screens.judged(told, self.lang))

    def show(self, told: object, screen: Callable[[], list[str]]) -> None:
        """The answer as it came, or its screen."""
        if self.as_json:
            emit(told)
        else:
            print("\n".join(screen()))


def viewed(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the four options, which it gets as its `view`."""

    @functools.wraps(command)
    def run(*, as_agency: str, lang: Language, state: Path | None, as_json: bool, **own: object) -> None:
        command(View(as_agency, lang, state, as_json), **own)

    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    ours = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _OPTIONS.items()
    ]
    parameters = [*(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own), *ours]
    # Typer reads both; the wrapped command's own would hide the options.
    del run.__wrapped__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _pointing(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return ask()
    except Usage as refused:
        raise Usage(refused.what, refused.remedy or FIND) from None
