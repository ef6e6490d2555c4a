"""`hub send`: files as an agency would send them, over HTTP or Kafka, with a receipt for every message and row.

Owns what is printed and the exit status. Reading files is `connectors.reading`'s, being believed is the account's: a
token or Kafka credentials of the agency, never the operator's own.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from connectors import reading
from connectors.reading import Broken
from hub import app
from hub.cli import FAILED
from hub.cli.accounts import Credentials, KafkaAccess, credentials
from hub.cli.installation import configured, installation, write_private
from hub.cli.output import Json, Progress, State, emit, examples, say, table
from hub.cli.receipts import PENDING, Receipt, collected
from hub.cli.running import alive, web_url
from hub.cli.sending import over_http, over_kafka
from hub.errors import Usage
from hub.schemas.signature import Signer
from hub.settings import Settings

KEY_BYTES: Final = 32
#: Rows of the table on a terminal; `--json` has them all.
SHOWN: Final = 200


@examples(
    "hub send housing-arrears.csv --agency lh",
    "hub send *.hl7 --agency jeil --wait 10 --json",
    "HUB_TOKEN=ieum_… hub send register.xlsx --agency sangbong --url https://hub.example.kr",
    "hub send fhir-resources/ --agency gyeongsang --kafka",
)
def send(
    files: Annotated[list[Path], typer.Argument(help="Files; a folder holds loose FHIR resources of one send.")],
    agency: Annotated[str, typer.Option("--agency", help="Code of the sending agency.")],
    fmt: Annotated[
        str | None, typer.Option("--format", help=f"If content does not tell: {', '.join(reading.NAMES)}.")
    ] = None,
    token: Annotated[
        str | None, typer.Option("--token", help="Default: HUB_TOKEN, else what `agency add` kept.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="The hub's address (default: the one running here).")] = None,
    kafka: Annotated[bool, typer.Option("--kafka", help="Send over Kafka with the agency's own credentials.")] = False,
    signing_key: Annotated[
        Path | None, typer.Option("--signing-key", help="The agency's private key (PEM): events are signed with it.")
    ] = None,
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for the ledger's verdicts.")] = 10.0,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Send files and print what became of each message: recorded, refused (why, per field), seen, or still pending.

    What was not taken is sent again under the same ids until it is; sending the same files twice changes nothing.
    Exits with 1 when something was refused or could not be read.
    """
    settings = configured(state)
    found, broken = read_files(settings, files, agency, fmt)
    if signing_key is not None:
        signer = Signer(signing_key.read_bytes())
        found = [signer.sign(event) for event in found]
    say(f"{len(found)} messages, {len(broken)} unreadable rows in {len(files)} file(s)")
    with _resumable():
        if kafka:
            settings = installation(state)
            receipts = by_kafka(settings, _access(settings, agency), found, wait)
        else:
            receipts = by_http(url or _address(settings), _token(settings, agency, token), found, wait)
    rows = [*collected(receipts, broken)]
    emit(msgspec.to_builtins(rows)) if as_json else _print(rows)
    if any(row.failed for row in rows):
        raise typer.Exit(FAILED)


def read_files(
    settings: Settings, files: Iterable[Path], agency: str, fmt: str | None = None
) -> tuple[list[dict[str, Any]], list[Broken]]:
    """The events in files, and what could not be read. A repeat gives the same ids."""
    key, now = sender_key(settings, agency), app.now()
    items = [item for file in files for item in reading.read(file, agency, key=key, now=now, fmt=fmt)]
    return [i for i in items if not isinstance(i, Broken)], [i for i in items if isinstance(i, Broken)]


def by_http(url: str, token: str, events: Sequence[dict[str, Any]], wait_s: float) -> list[Receipt]:
    """Send over HTTP, with the progress on stderr."""
    with Progress("sent", len(events)) as progress:
        return over_http(url, token, events, wait_s, progress.advance)


def by_kafka(settings: Settings, access: KafkaAccess, events: Sequence[dict[str, Any]], wait_s: float) -> list[Receipt]:
    """Send over Kafka, with the progress on stderr."""
    with Progress("sent", len(events)) as progress:
        return over_kafka(settings, access, events, wait_s, progress.advance)


@contextmanager
def _resumable() -> Iterator[None]:
    """Ctrl-C leaves nothing half done: what was taken stays taken, and the same ids are sent again."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"\nstopped; this goes on where it was: hub {' '.join(map(shlex.quote, sys.argv[1:]))}")
        raise


def sender_key(settings: Settings, agency: str) -> bytes:
    """The secret that message ids depend on: made once per agency, and the same for ever."""
    path = settings.state_dir / "agencies" / f"{agency}.key"
    if not path.exists():
        write_private(path, app.draw(KEY_BYTES).hex().encode())
    return bytes.fromhex(path.read_text(encoding="ascii"))


def _token(settings: Settings, agency: str, given: str | None) -> str:
    token = given or os.environ.get("HUB_TOKEN") or getattr(credentials(settings, agency), "token", "")
    if not token:
        raise Usage(
            f"no token of agency {agency} is known here.",
            f"Give --token or HUB_TOKEN, or make one: hub agency rotate {agency}",
        )
    return str(token)


def _access(settings: Settings, agency: str) -> KafkaAccess:
    held: Credentials | None = credentials(settings, agency)
    if held is None:
        raise Usage(f"no Kafka credentials of agency {agency} are kept here.", f"Make some: hub agency rotate {agency}")
    return msgspec.structs.replace(held.kafka, bootstrap=settings.kafka_bootstrap)


def _address(settings: Settings) -> str:
    url = web_url(alive(settings.state_dir))
    if not url:
        raise Usage("no hub runs here.", "Start it with `hub run`, or name one with --url.")
    return url


def _print(rows: Sequence[Receipt]) -> None:
    shown = [r for r in rows if r.status != "recorded"] + [r for r in rows if r.status == "recorded"]
    print(table([r.row() for r in shown[:SHOWN]], ("what", "status", "why")))
    if len(rows) > SHOWN:
        say(f"… and {len(rows) - SHOWN} more (--json prints all)")
    counted = {status: sum(r.status == status for r in rows) for status in sorted({r.status for r in rows})}
    say(", ".join(f"{count} {status}" for status, count in counted.items()) or "nothing to send")
    if PENDING in counted:
        say("pending ones are stored; send again later to see their verdicts (nothing is recorded twice)")
