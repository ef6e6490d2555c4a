"""`hub refused`: messages that can never be accepted, with the reason for each field in the source's own words.

Owns showing them. Raw bytes are personal data: they are opened only after the read stands in the ledger.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
import orjson
import typer

from hub import app
from hub.cli.accounts import tell
from hub.cli.installation import installation
from hub.cli.output import Json, State, emit, examples, say, table
from hub.cli.output import group as new_group
from hub.core.bodies import RAW
from hub.errors import Usage
from hub.ledger.keyfile import load_keys
from hub.ledger.lists import Lists, Refused
from hub.ledger.reads import Pool
from hub.schemas.canonical import Refusal
from hub.schemas.envelope import Envelope, parse
from hub.schemas.topics import ACCESS, HUB, Formats, Types, inbound
from hub.settings import Settings

group = new_group()
LAST: Final = 2**63 - 1
#: Who reads and why, when the operator of the installation does.
OPERATOR, PURPOSE = "operator", "audit"


@group.command("list")
@examples("hub refused list", "hub refused list --agency lh --limit 20 --json")
def list_refused(
    agency: Annotated[str, typer.Option("--agency", help="Only this agency's.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, newest first.")] = 50,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Refused messages, newest first."""
    found = _lists(installation(state)).refused(LAST, limit, inbound(agency) if agency else "")
    if as_json:
        emit(msgspec.to_builtins(found))
        return
    rows = [(r.position, r.heard, r.agency, "; ".join(f"{x['path']} {x['code']}" for x in r.reasons)) for r in found]
    print(table(rows, ("position", "heard", "agency", "reasons")) if rows else "nothing was refused")


@group.command("show")
@examples("hub refused show 73", "hub refused show 73 --raw")
def show(
    position: Annotated[int, typer.Argument(min=1, help="The position of the refusal.")],
    raw: Annotated[bool, typer.Option("--raw", help="Also the message itself; this read is recorded.")] = False,
    state: State = None,
    as_json: Json = False,
) -> None:
    """One refused message: where it came in, and every reason with its field."""
    settings = installation(state)
    lists = _lists(settings)
    found = next((r for r in lists.refused(position + 1, 1) if r.position == position), None)
    if found is None:
        raise Usage(f"no message was refused at position {position}.", "See `hub refused list`.")
    content = _raw(settings, lists, found) if raw else None
    if as_json:
        emit(msgspec.to_builtins(found) | ({"raw": _shown(content)} if raw else {}))
        return
    print(table([("agency", found.agency), ("heard", found.heard), ("from", _place(found))]))
    print(table([(r["path"], r["code"], r["text"]) for r in found.reasons], ("field", "code", "why")))
    if raw:
        print(orjson.dumps(_shown(content), option=orjson.OPT_INDENT_2).decode())


def _lists(settings: Settings) -> Lists:
    return Lists(Pool(settings.database_url, size=1, name="hub-cli"), load_keys(settings.keys_file))


def _raw(settings: Settings, lists: Lists, found: Refused) -> bytes | None:
    """The message's bytes, once the ledger holds that they were read."""
    tell(settings, [_access(found)], topic=ACCESS)
    say("this read is recorded")
    return lists.raw(found.raw_key)


def _access(found: Refused) -> Envelope:
    value: dict[str, Any] = {
        "specversion": "1.0",
        "id": app.draw(16).hex(),
        "source": f"//agency/{HUB}/cli",
        "type": Types.ACCESS,
        "time": app.now(),
        "dataschema": Formats.SYSTEM,
        "partitionkey": found.raw_key,
        "data": {"reader": OPERATOR, "what": "message", "id": found.raw_key, "classes": [RAW], "purpose": PURPOSE},
    }
    envelope = parse(orjson.dumps(value), HUB)
    if isinstance(envelope, Refusal):
        raise Usage(f"the read cannot be recorded: {envelope.reasons[0].text}")
    return envelope


def _shown(content: bytes | None) -> Any:  # noqa: ANN401 - whatever the message was
    """The message as JSON where it is some, else its text; None when it was erased."""
    if content is None:
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode("utf-8", "replace")


def _place(found: Refused) -> str:
    return f"{found.topic}, partition {found.partition}, offset {found.offset}"
