"""`hub agency webhook`: where an agency's own servers are told. Owns checking what was typed, and what is shown.

An endpoint is configuration and stands in a table, not in the ledger: it says where a hint goes, and gives no right
to anything. What happened is in the outbox.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import msgspec
import typer

from hub import app
from hub.cli.accounts import must_exist
from hub.cli.installation import installation
from hub.cli.output import Json, State, emit, examples, say, table
from hub.cli.output import group as new_group
from hub.core.feedview import OUTBOX_FACTS
from hub.core.notices import Signer
from hub.errors import Usage
from hub.ledger.connect import connect
from hub.ledger.keyfile import load_keys
from hub.ledger.webhooks import ACTIVE, DISABLED, Endpoint, Endpoints
from hub.producers.egress import ForbiddenError, Rules, resolve
from hub.settings import Settings

group = new_group()
Code = Annotated[str, typer.Argument(metavar="CODE", help="The agency.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="As `hub agency webhook list` shows it.")]
SWITCHED_OFF: Final = "switched off by the operator"
PORTS: Final = {"https": 443, "http": 80}


@group.command("add")
@examples(
    "hub agency webhook add jeil --url https://his.jeil.example.kr/ieum",
    "hub agency webhook add jeil --url https://his.jeil.example.kr/ieum --kinds referral.offered,person.merged --json",
)
def add(
    code: Code,
    url: Annotated[str, typer.Option("--url", help="https://…, at a public address.")],
    kinds: Annotated[str, typer.Option("--kinds", help="Kinds of entries, by commas. Default: all.")] = "",
    after: Annotated[
        int | None, typer.Option("--after", min=0, help="Tell what lies behind this position. Default: from now on.")
    ] = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Tell an agency's server of every entry that concerns it: signed, in order, at least once.

    What is sent holds ids and no personal data; its receiver asks the API for more.
    """
    settings = installation(state)
    must_exist(settings, code)
    wanted = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
    for kind in wanted:
        if kind not in OUTBOX_FACTS:
            raise Usage(f"there is no kind '{kind}'.", f"Use some of {', '.join(OUTBOX_FACTS)}.")
    _reachable(settings, url)
    with connect(settings.database_url, name="hub-webhooks-cli") as connection:
        made = Endpoints(connection).add(f"wh-{app.draw(5).hex()}", code, url, wanted, after)
    _show(settings, code, [made], as_json=as_json)


@group.command("list")
@examples("hub agency webhook list jeil", "hub agency webhook list --json")
def list_(
    code: Annotated[str, typer.Argument(metavar="[CODE]", help="The agency; none: all.")] = "",
    state: State = None,
    as_json: Json = False,
) -> None:
    """Endpoints: where, which kinds, how far each was told, and why one stands still."""
    settings = installation(state)
    with connect(settings.database_url, name="hub-webhooks-cli") as connection:
        found = Endpoints(connection).of(code)
    if as_json:
        emit([_value(one) for one in found])
        return
    rows = [(e.agency, e.id, e.url, ",".join(e.kinds) or "all", e.position, *_standing(e)) for e in found]
    print(table(rows, ("agency", "id", "url", "kinds", "told up to", "state", "why")) if rows else "no webhooks")


@group.command("show")
@examples("hub agency webhook show jeil", "hub agency webhook show jeil --json")
def show(code: Code, state: State = None, as_json: Json = False) -> None:
    """An agency's endpoints, and the public key its server checks signatures with."""
    settings = installation(state)
    must_exist(settings, code)
    with connect(settings.database_url, name="hub-webhooks-cli") as connection:
        found = Endpoints(connection).of(code)
    _show(settings, code, found, as_json=as_json)


@group.command("log")
@examples("hub agency webhook log jeil", "hub agency webhook log jeil --limit 200 --json")
def log(
    code: Code,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50,
    state: State = None,
    as_json: Json = False,
) -> None:
    """The latest attempts, newest first: position, number, status (0: no answer), milliseconds, outcome."""
    settings = installation(state)
    must_exist(settings, code)
    with connect(settings.database_url, name="hub-webhooks-cli") as connection:
        found = Endpoints(connection).log(code, limit)
    if as_json:
        emit(msgspec.to_builtins(found))
        return
    rows = [(a.at, a.endpoint, a.position, a.attempt, a.status or "-", a.ms, a.outcome) for a in found]
    header = ("at", "endpoint", "position", "attempt", "status", "ms", "outcome")
    print(table(rows, header) if rows else "nothing was sent yet")


@group.command("disable")
@examples("hub agency webhook disable jeil wh-0a1b2c3d4e")
def disable(code: Code, id_: Id, state: State = None, as_json: Json = False) -> None:
    """Tell an endpoint nothing more. `enable` goes on where it stopped."""
    _switch(code, id_, state, DISABLED, as_json=as_json)


@group.command("enable")
@examples("hub agency webhook enable jeil wh-0a1b2c3d4e")
def enable(code: Code, id_: Id, state: State = None, as_json: Json = False) -> None:
    """Let a disabled endpoint go on, or one that waits try again now; nothing is left out."""
    _switch(code, id_, state, ACTIVE, as_json=as_json)


@group.command("remove")
@examples("hub agency webhook remove jeil wh-0a1b2c3d4e")
def remove(code: Code, id_: Id, state: State = None, as_json: Json = False) -> None:
    """Remove an endpoint and its log of attempts."""
    with connect(installation(state).database_url, name="hub-webhooks-cli") as connection:
        Endpoints(connection).remove(code, id_)
    emit({"id": id_, "agency": code, "state": "removed"}) if as_json else print(f"{id_} is removed")


def _switch(code: str, id_: str, folder: State, to: str, *, as_json: bool) -> None:
    with connect(installation(folder).database_url, name="hub-webhooks-cli") as connection:
        Endpoints(connection).switch(code, id_, to, SWITCHED_OFF if to == DISABLED else "")
    emit({"id": id_, "agency": code, "state": to}) if as_json else print(f"{id_} is {to}")


def _reachable(settings: Settings, url: str) -> None:
    """Whether webhooks may be sent there: said now rather than at the first attempt."""
    rules = Rules.of(settings)
    parts = rules.url(url)
    try:
        port = parts.port or PORTS[parts.scheme]
        asyncio.run(resolve(parts.hostname or "", port, rules, encrypted=parts.scheme == "https"))
    except ForbiddenError as error:
        remedy = "Name a server at a public address, or add its network to HUB_WEBHOOK_NETWORKS."
        raise Usage(f"webhooks cannot be sent to {parts.hostname}: {error}.", remedy) from None


def _show(settings: Settings, code: str, found: list[Endpoint], *, as_json: bool) -> None:
    key = Signer(load_keys(settings.keys_file)).public()
    if as_json:
        emit({"agency": code, "key": key, "endpoints": [_value(one) for one in found]})
        return
    for one in found:
        state, why = _standing(one)
        print(table([("id", one.id), ("url", one.url), ("kinds", ",".join(one.kinds) or "all"), ("state", state)]))
        if why:
            print(f"why    {why}")
    print(f"key    {key}")
    say("the receiver checks `v1a` signatures with this key (Standard Webhooks)")


def _standing(endpoint: Endpoint) -> tuple[str, str]:
    waits = endpoint.state == ACTIVE and endpoint.due
    return f"retry at {endpoint.due}" if waits else endpoint.state, endpoint.why


def _value(endpoint: Endpoint) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.to_builtins(endpoint)
    return value
