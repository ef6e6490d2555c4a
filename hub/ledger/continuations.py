"""Pages of work a decision left, in a topic of their own that never leaves the database.

Owns what the next page is: more offers that are due, more links that rested on a retired key. Each is a message with an
id of its own, written in the transaction of the decision that left it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg

from hub.core.decide import Outcome
from hub.core.prepared import Prepared
from hub.ledger import sql
from hub.schemas.canonical import RedoClaim, TickClaim
from hub.schemas.topics import Formats, Types

CONTINUATIONS = "hub.sys.continuations"
SOURCE = "//agency/hub/continuation"


def next_page(connection: psycopg.Connection[Any], after: int) -> tuple[int, bytes, str] | None:
    """The next page at or behind the cursor: (id, message, heard)."""
    row = connection.execute(sql.NEXT_CONTINUATION, (after,)).fetchone()
    return (row[0], bytes(row[1]), row[2]) if row else None


def write(connection: psycopg.Connection[Any], rows: Sequence[tuple[int, Prepared, Outcome]]) -> None:
    """Work a decision left for later becomes a message of its own, in the same transaction."""
    for _, message, outcome in rows:
        for place, entry in enumerate(outcome.entries):
            page = next_of(message, entry, outcome.first_position + place)
            if page is not None:
                connection.execute(sql.ADD_CONTINUATION, (page, entry["heard"]))


def next_of(message: Prepared, entry: dict[str, Any], position: int) -> bytes | None:
    """The page an entry leaves, None for most entries. Ids say what they go on with: parent/n, key/position."""
    facts, content = entry["facts"], message.content
    match entry["kind"]:
        case "clock.paged" if isinstance(content, TickClaim):
            parent, _, page = message.message_id.partition("/")
            data: dict[str, Any] = {"at": content.at, "stuck": list(content.stuck)}
            return _message(f"{parent}/{int(page or 0) + 1}", Types.TICK, content.at, data)
        case "key.retired":
            data = {"work": "redo", "key": int(facts["key"]), "before": position}
            return _message(f"redo/{facts['key']}/{position}", Types.CONTINUE, entry["heard"], data)
        case "identity.redone" if facts["more"] and isinstance(content, RedoClaim):
            data = {"work": "redo", "key": content.key, "before": content.before, "after": facts["after"]}
            return _message(f"redo/{facts['key']}/{position}", Types.CONTINUE, entry["heard"], data)
    return None


def _message(id_: str, type_: str, at: str, data: dict[str, Any]) -> bytes:
    value = {
        "specversion": "1.0",
        "id": id_,
        "source": SOURCE,
        "type": type_,
        "dataschema": Formats.SYSTEM,
        "time": at,
        "data": data,
    }
    return msgspec.json.encode(value)
