"""Agencies' webhook endpoints: where, which kinds, how far each was told, and the last attempts.

Owns the rows of `webhooks` and `webhook_log`. Endpoints are configuration of an account, not history: they may be
removed. What is delivered is in the ledger; a position here that is lost is a repeat. `Endpoints` is what an operator
does, `Postbox` what the sender does, whose duty is an advisory lock. Blocking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import orjson
import psycopg

from hub.errors import Halt, Retry, Usage
from hub.ledger.feed import LAZY, Desk
from hub.ledger.reads import ENTRIES_OF

WEBHOOK_LOCK: Final = 0x6965756D_0003
ACTIVE, DISABLED = "active", "disabled"
#: Attempts kept of each endpoint.
KEPT: Final = 1000

ADD = """
INSERT INTO webhooks (id, agency, url, kinds, position, state, why, attempt, due)
SELECT %s, %s, %s, %s, COALESCE(%s, h.size), 'active', '', 0, '' FROM head h WHERE h.id = 1
"""
OF_AGENCY = """
SELECT id, agency, url, kinds, position, state, why, attempt, due
FROM webhooks WHERE %s IN ('', agency) ORDER BY agency, id
"""
REMOVE = "DELETE FROM webhooks WHERE agency = %s AND id = %s"
REMOVE_LOG = "DELETE FROM webhook_log WHERE endpoint = %s"
SWITCH = "UPDATE webhooks SET state = %s, why = %s, attempt = 0, due = '' WHERE agency = %s AND id = %s"
LOG = """
SELECT l.endpoint, l.position, l.attempt, l.at, l.status, l.ms, l.outcome
FROM webhook_log l JOIN webhooks w ON w.id = l.endpoint WHERE w.agency = %s ORDER BY l.id DESC LIMIT %s
"""
# A suspended agency is told nothing; what it missed is told when it may go on.
RUNNING = """
SELECT w.id, w.agency, w.url, w.kinds, w.position, w.state, w.why, w.attempt, w.due
FROM webhooks w JOIN agencies a ON a.code = w.agency
WHERE w.state = 'active' AND COALESCE(a.doc->>'state', 'active') <> 'suspended'
"""
# Compare-and-set: an operator who switched or removed the endpoint meanwhile has the last word.
SETTLE = """
WITH moved AS (
  UPDATE webhooks SET position = %s, state = %s, why = %s, attempt = %s, due = %s
  WHERE id = %s AND position = %s AND attempt = %s AND state = 'active' RETURNING id
)
INSERT INTO webhook_log (endpoint, position, attempt, at, status, ms, outcome)
SELECT id, %s, %s, %s, %s, %s, %s FROM moved
"""
MOVE_ON = "UPDATE webhooks SET position = %s WHERE id = %s AND position = %s AND state = 'active'"
PRUNE = """
DELETE FROM webhook_log WHERE endpoint = %s AND id <= (
  SELECT id FROM webhook_log WHERE endpoint = %s ORDER BY id DESC OFFSET %s LIMIT 1
)
"""


class Endpoint(msgspec.Struct, frozen=True):
    """One endpoint. attempt: failed ones of the notice that is next; due: when it is tried again ('': at once)."""

    id: str
    agency: str
    url: str
    kinds: tuple[str, ...]
    position: int
    state: str
    why: str
    attempt: int
    due: str


class Attempt(msgspec.Struct, frozen=True):
    """One attempt. status 0: nothing was answered. Its number counts from 1."""

    endpoint: str
    position: int
    attempt: int
    at: str
    status: int
    ms: int
    outcome: str


class Endpoints:
    """What an operator does with endpoints. One connection; raises `Retry` while PostgreSQL is away."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def add(self, id_: str, agency: str, url: str, kinds: Sequence[str], after: int | None) -> Endpoint:
        """A new endpoint, told of what comes after a position (None: from now on)."""
        self._execute(ADD, (id_, agency, url, list(kinds), after))
        return next(one for one in self.of(agency) if one.id == id_)

    def of(self, agency: str = "") -> list[Endpoint]:
        """An agency's endpoints, '' for all agencies'."""
        return [_endpoint(row) for row in self._execute(OF_AGENCY, (agency,)).fetchall()]

    def remove(self, agency: str, id_: str) -> None:
        """Remove an endpoint and its log. Raises `Usage` when there is none."""
        self._one(self._execute(REMOVE, (agency, id_)), agency, id_)
        self._execute(REMOVE_LOG, (id_,))

    def switch(self, agency: str, id_: str, state: str, why: str = "") -> None:
        """Disable an endpoint, or let it go on at once where it stopped. Raises `Usage` when there is none."""
        self._one(self._execute(SWITCH, (state, why, agency, id_)), agency, id_)

    def log(self, agency: str, limit: int) -> list[Attempt]:
        """The latest attempts, newest first."""
        return [Attempt(*row) for row in self._execute(LOG, (agency, limit)).fetchall()]

    def _one(self, done: psycopg.Cursor[Any], agency: str, id_: str) -> None:
        if done.rowcount != 1:
            raise Usage(f"{agency} has no webhook {id_}.", f"See `hub agency webhook list {agency}`.")

    def _execute(self, statement: str, arguments: tuple[object, ...]) -> psycopg.Cursor[Any]:
        try:
            return self._connection.execute(statement.encode(), arguments)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise Retry(f"PostgreSQL went away ({type(error).__name__})") from error


class Postbox(Desk):
    """The sender's session. At most one process holds its duty; whoever lost it fails to move a position."""

    def begin(self) -> None:
        """Positions need not wait for the disk: one that is lost is a repeat under the same id."""
        with self._session() as connection:
            connection.execute(LAZY)

    def running(self) -> list[Endpoint]:
        """Endpoints that may be told something now."""
        with self._session() as connection:
            return [_endpoint(row) for row in connection.execute(RUNNING.encode()).fetchall()]

    def concerning(self, agency: str, after: int, upto: int, limit: int) -> list[tuple[int, bytes]]:
        """Entries of a stretch whose text names an agency: all that concern it, and maybe more."""
        named = orjson.dumps(f"a:{agency}")
        with self._session() as connection:
            return connection.execute(ENTRIES_OF, (after, upto, named, limit), binary=True).fetchall()

    def settle(self, before: Endpoint, now: Endpoint, tried: Attempt) -> bool:
        """Note an attempt and where the endpoint stands now. False: somebody changed it meanwhile."""
        values = (now.position, now.state, now.why, now.attempt, now.due, before.id, before.position, before.attempt)
        noted = (tried.position, tried.attempt, tried.at, tried.status, tried.ms, tried.outcome)
        with self._session() as connection:
            return connection.execute(SETTLE, values + noted).rowcount == 1

    def pass_by(self, endpoint: Endpoint, position: int) -> bool:
        """Move behind positions that concern others. False: somebody changed the endpoint meanwhile."""
        with self._session() as connection:
            return connection.execute(MOVE_ON, (position, endpoint.id, endpoint.position)).rowcount == 1

    def prune(self, endpoint: str) -> None:
        """Drop all but the last attempts."""
        with self._session() as connection:
            connection.execute(PRUNE, (endpoint, endpoint, KEPT))

    def size(self) -> int:
        """The ledger's size. Raises `Halt` when there is no ledger."""
        return self.head().size


def _endpoint(row: Sequence[Any]) -> Endpoint:
    if len(row) != len(Endpoint.__struct_fields__):
        raise Halt("the table of webhooks is not this release's: run `hub up`")
    return Endpoint(row[0], row[1], row[2], tuple(row[3]), *row[4:])
