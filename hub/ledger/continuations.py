"""Pages of work a decision left, in a topic of their own that never leaves the database."""

from __future__ import annotations

from typing import Any

import psycopg

from hub.ledger import sql

CONTINUATIONS = "hub.sys.continuations"


def next_page(connection: psycopg.Connection[Any], after: int) -> tuple[int, bytes, str] | None:
    """The next page at or behind the cursor: (id, message, heard)."""
    row = connection.execute(sql.NEXT_CONTINUATION, (after,)).fetchone()
    return (row[0], bytes(row[1]), row[2]) if row else None
