"""`hub agency key`: the public keys an agency signs its events with. Owns checking what was typed, and what is shown.

A key is part of the account: it is recorded in the ledger like every other change of it, so that a replay decides the
same. Private keys never come here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from hub.cli import accounts
from hub.cli.installation import installation
from hub.cli.output import Json, State, emit, examples, say, table
from hub.cli.output import group as new_group
from hub.cli.publishing import Verdicts
from hub.errors import Usage
from hub.schemas.signature import ED25519_CHARACTERS, EDDSA, ES256, kid_of
from hub.settings import Settings

group = new_group()
Code = Annotated[str, typer.Argument(metavar="CODE", help="The agency.")]
PublicKey = Annotated[Path, typer.Option("--public-key", help="A file in PEM: the public half, Ed25519 or P-256.")]
NOW_REFUSED: Final = "from now on, events of {} that are not signed with a registered key are refused"


@group.command("add")
@examples("hub agency key add lh --public-key lh.pub.pem", "hub agency key add lh --public-key lh-2027.pub.pem --json")
def add(code: Code, public_key: PublicKey, state: State = None, as_json: Json = False) -> None:
    """Register a key. With the first one, events that are not signed are refused; two hold during a rotation."""
    settings = installation(state)
    accounts.must_exist(settings, code)
    key = _read(public_key)
    accounts.change_key(settings, code, key, add=True)
    emit({"code": code, "key": key, "keys": registered(settings, code)}) if as_json else print(f"{code}: {key}")
    say(NOW_REFUSED.format(code))


@group.command("list")
@examples("hub agency key list lh", "hub agency key list lh --json")
def list_(code: Code, state: State = None, as_json: Json = False) -> None:
    """The keys that an agency's events may be signed with, oldest first. None: they need not be signed."""
    settings = installation(state)
    accounts.must_exist(settings, code)
    keys = registered(settings, code)
    if as_json:
        emit({"code": code, "keys": keys})
        return
    kinds = [(EDDSA if len(key) == ED25519_CHARACTERS else ES256, key) for key in keys]
    print(table(kinds, ("alg", "key")) if keys else f"{code} has no keys: its events need not be signed")


@group.command("remove")
@examples("hub agency key remove lh --public-key lh-2025.pub.pem", "hub agency key remove lh --key 9IZ0…")
def remove(
    code: Code,
    public_key: Annotated[Path | None, typer.Option("--public-key", help="The file it was registered from.")] = None,
    key: Annotated[str, typer.Option("--key", help="As `hub agency key list` shows it.")] = "",
    state: State = None,
    as_json: Json = False,
) -> None:
    """Signatures of this key count no longer. Without the last one, events need not be signed."""
    if (public_key is None) == (key == ""):
        raise Usage("one of --public-key and --key is needed.", f"See `hub agency key list {code}`.")
    settings = installation(state)
    accounts.must_exist(settings, code)
    gone = _read(public_key) if public_key is not None else key
    accounts.change_key(settings, code, gone, add=False)
    left = registered(settings, code)
    emit({"code": code, "removed": gone, "keys": left}) if as_json else print(f"{code}: {gone} is removed")
    if not left:
        say(f"{code} has no key any more: its events need not be signed")


def registered(settings: Settings, code: str) -> list[str]:
    """An agency's keys, as the ledger has them."""
    with Verdicts(settings) as verdicts:
        return list(verdicts.reads.directory()[code].keys)


def _read(path: Path) -> str:
    try:
        return kid_of(path.read_bytes())
    except OSError as error:
        raise Usage(f"{path} cannot be read: {error.strerror}.", "Name the agency's public key.") from error
