"""`hub connector`: what a partner runs. Owns the commands; everything they do is `connectors`'.

Needs none of a server's packages: a partner has the base distribution and the extra of its connector.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import orjson
import structlog
import typer

from connectors import assembling, bundling, catalog, configuring, scaffolding
from connectors.protocol import Broken, spec
from connectors.spool import Spool
from connectors.watching import is_paused, last
from hub.cli import FAILED
from hub.cli.output import Json, emit, examples, say, table
from hub.cli.output import group as new_group
from hub.errors import Usage

group = new_group()
state = new_group()
group.add_typer(state, name="state", help="Where a connector is in its partner's data: show, reset.")
File = Annotated[Path, typer.Argument(help="The partner's TOML file.")]


@group.command("list")
@examples("hub connector list", "hub connector list --json")
def list_(as_json: Json = False) -> None:
    """The connectors there are, and the extra each needs."""
    rows = [{"name": n, "about": catalog.CATALOG[n].about, "extra": catalog.extra_of(n)} for n in catalog.names()]
    emit(rows) if as_json else print(table([list(r.values()) for r in rows], ("name", "joins", "install")))


@group.command("spec")
@examples("hub connector spec files", "hub connector spec files --json")
def spec_(name: str, as_json: Json = False) -> None:
    """What a connector's configuration holds; with --json as JSON Schema, secrets marked `writeOnly`."""
    told = spec(catalog.load(name))
    if as_json:
        emit(told)
        return
    needed = set(told.get("required", ()))
    rows = [
        (
            field,
            _kind(about),
            "needed" if field in needed else f"{about.get('default', '')}",
            about.get("description", ""),
        )
        for field, about in told["properties"].items()
    ]
    print(f"{told['description']}\n\n{table(rows, ('field', 'kind', 'default', 'what'))}\n\nexample:")
    emit(told["examples"][0])


def _kind(about: dict[str, Any]) -> str:
    kind = about.get("type") or "/".join(str(a.get("type", "table")) for a in about.get("anyOf", ())) or "table"
    return f"secret {kind}" if about.get("writeOnly") else str(kind)


@group.command("check")
@examples("hub connector check lh.toml", "hub connector check lh.toml --json")
def check(file: File, as_json: Json = False) -> None:
    """Look at everything that can be wrong before running, each with its fix. Exits with 1 when something is."""
    found = asyncio.run(assembling.checks(configuring.read(file)))
    if as_json:
        emit(msgspec.to_builtins(found))
    else:
        print(table([("ok" if c.ok else "WRONG", c.name, c.found, c.fix) for c in found], ("", "what", "found", "fix")))
    if not all(c.ok for c in found):
        raise typer.Exit(FAILED)


@group.command("discover")
@examples("hub connector discover lh.toml", "hub connector discover lh.toml --limit 3 --json")
def discover(
    file: File, limit: Annotated[int, typer.Option("--limit", min=1, max=100)] = 10, as_json: Json = False
) -> None:
    """Rows as they are, and what the hub would make of them. Nothing is sent, stored or moved."""
    configured = configuring.read(file)
    found, previews = asyncio.run(_discovered(configured, limit))
    rows: list[dict[str, Any]] = []
    for item in found:
        if isinstance(item, Broken):
            rows.append({"unreadable": f"{item.path}:{item.row}", "reason": item.reason})
        else:
            rows.append({"before": item.get("data", item.get("data_base64")), "after": next(previews, None)})
    if as_json:
        emit(rows)
        return
    for number, row in enumerate(rows, 1):
        print(f"--- {number}")
        for name, value in row.items():
            print(f"{name}: {value if isinstance(value, str) else orjson.dumps(value).decode()}")


async def _discovered(configured: configuring.Configured, limit: int) -> tuple[list[Any], Any]:
    found = await assembling.connector_of(configured).discover(limit)
    events = [item for item in found if not isinstance(item, Broken)]
    http = assembling.http_of(configured)
    if http is None or not events:
        return found, iter(())
    try:
        return found, iter(await http.preview(events))
    finally:
        await http.close()


@group.command("run")
@examples("hub connector run lh.toml")
def run(file: File, as_json: Json = False) -> None:
    """Run until Ctrl-C. What was acknowledged is kept, whatever happens; the next start goes on where this ended.

    Logs are JSON lines on stderr, without personal data; `--json` prints the figures at the end.
    """
    configured = configuring.read(file)
    _log()
    asyncio.run(assembling.run(configured))
    if as_json:
        emit(_status(configured))


def _log() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@group.command("backfill")
@examples("hub connector backfill lh.toml --since 2026-01-01")
def backfill(
    file: File,
    since: Annotated[str, typer.Option("--since", help="A date, 2026-01-31.")],
    as_json: Json = False,
) -> None:
    """Take what is older, from a date on, and deliver it. What the hub has is not doubled. Stop `run` first."""
    count = asyncio.run(assembling.backfill(configuring.read(file), since))
    emit({"new": count}) if as_json else print(f"{count} new")


@state.command("show")
@examples("hub connector state show lh.toml")
def show(file: File, as_json: Json = False) -> None:
    """The connector's bookmark in its partner's data and how full the spool is. While it runs: `status`."""
    spool = Spool(configuring.read(file).spool.folder)
    value = {"mark": spool.mark(), "outbox": spool.mark("outbox"), "spool": msgspec.to_builtins(spool.figures())}
    spool.close()
    emit(value) if as_json else print(table([(name, orjson.dumps(held).decode()) for name, held in value.items()]))


@state.command("reset")
@examples("hub connector state reset lh.toml")
def reset(file: File, as_json: Json = False) -> None:
    """Forget the bookmark: the next run reads from the beginning. Nothing is doubled, what waits is still sent."""
    spool = Spool(configuring.read(file).spool.folder)
    before = spool.mark()
    spool.set_mark("mark", "")
    spool.close()
    emit({"was": before}) if as_json else say("the bookmark is forgotten")


@group.command("status")
@examples("hub connector status lh.toml", "hub connector status lh.toml --json")
def status(file: File, as_json: Json = False) -> None:
    """How it stands: whether it runs, what waits, what was sent, refused, told. Exits with 1 when it does not run."""
    value = _status(configuring.read(file))
    emit(value) if as_json else print(
        table([(k, v if isinstance(v, str) else orjson.dumps(v).decode()) for k, v in value.items()])
    )
    if not value["running"]:
        raise typer.Exit(FAILED)


def _status(configured: configuring.Configured) -> dict[str, Any]:
    found, running = last(configured.spool.folder, time.time())
    value = {"running": running, "paused": is_paused(configured.spool.folder)}
    return (msgspec.to_builtins(found) if found else {}) | value


@group.command("pause")
@examples("hub connector pause lh.toml")
def pause(file: File, as_json: Json = False) -> None:
    """Stop sending to the hub; input is still taken. A running connector obeys within a second."""
    _paused(file, paused=True, as_json=as_json)


@group.command("resume")
@examples("hub connector resume lh.toml")
def resume(file: File, as_json: Json = False) -> None:
    """Go on sending."""
    _paused(file, paused=False, as_json=as_json)


def _paused(file: Path, *, paused: bool, as_json: bool) -> None:
    configured = configuring.read(file)
    assembling.paused(configured, now_=paused)
    emit({"paused": paused}) if as_json else say("paused" if paused else "it goes on")


@group.command("new")
@examples("hub connector new pharmacy --out .")
def new(name: str, out: Annotated[Path, typer.Option("--out")] = Path(), as_json: Json = False) -> None:
    """Write a connector to fill in, and its contract test, which fails until it keeps the contract."""
    written = scaffolding.write(name, out)
    emit([str(p) for p in written]) if as_json else print("\n".join(map(str, written)))
    say(f"now: pytest {written[-1]}")


@group.command("bundle")
@examples("hub connector bundle files --out usb/ieum")
def bundle(
    name: str,
    out: Annotated[Path, typer.Option("--out", help="A new folder.")],
    as_json: Json = False,
) -> None:
    """A folder that installs this connector where there is no network: wheels, their hashes, installers."""
    if name not in catalog.CATALOG:
        raise Usage(f"There is no connector {name!r}.", f"One of {', '.join(catalog.names())}.")
    made = bundling.bundle(name, out)
    emit(msgspec.to_builtins(made)) if as_json else print(
        f"{out}: {len(made.wheels)} wheels, {made.bytes / 1e6:.1f} MB"
    )
