"""The ledger as the relay and the ticker read it: entries after a position, the relay's lease, partition offsets.

Owns these statements and the PostgreSQL session they run in. A `Desk` is one such session; the advisory lock it holds
lives and dies with it. Never looks into an entry. Blocking: callers run it in a thread; one call at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import psycopg

from hub.errors import Fenced, Halt, Retry
from hub.ledger.connect import connect
from hub.ledger.sql import OFFSETS

#: Advisory locks, one per duty only one process may do at a time ("ieum" and a number).
RELAY_LOCK: Final = 0x6965756D_0001
TICKER_LOCK: Final = 0x6965756D_0002
RELAY: Final = "relay"
#: Looks for new entries in one call of `await_after`: what a canceled caller leaves running for a moment.
LOOKS: Final = 64

TRY_LOCK = "SELECT pg_try_advisory_lock(%s)"
# A session lock can be lost without a word (the connection broke, a pooler sits between): raising the lease makes
# every cursor update of the former holder fail.
TAKE_OVER = """
INSERT INTO cursors (name, position, lease) VALUES (%s, 0, 1)
ON CONFLICT (name) DO UPDATE SET lease = cursors.lease + 1
RETURNING position, lease
"""
# A cursor lost in a crash of PostgreSQL is a repeat its readers know how to ignore: not worth a wait for the disk.
LAZY = "SET synchronous_commit = off"
MOVE_CURSOR = "UPDATE cursors SET position = %s WHERE name = %s AND lease = %s AND position = %s"
LAG = "SELECT c.position, h.size FROM head h JOIN cursors c ON c.name = %s WHERE h.id = 1"
# A stopped process keeps its session for ever, and the session its lock. (The two halves are how locks are listed.)
END_HOLDER = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = %s
"""
HEAD_OF_FEED = "SELECT size, epoch, origin FROM head WHERE id = 1"
# Positions are given under the head's lock, so what is visible is a prefix: no entry can appear before a later one.
AFTER = "SELECT position, entry FROM entries WHERE position > %s ORDER BY position LIMIT %s"
AGENCIES_UPTO = "SELECT entry FROM entries WHERE kind = 'agency.registered' AND position <= %s ORDER BY position"


class Lease(msgspec.Struct):
    """The right to relay: the lease's number, and the position up to which everything was published."""

    number: int
    position: int


class Head(msgspec.Struct, frozen=True):
    """The ledger's size, and what marks its feed."""

    size: int
    epoch: str
    origin: str


class Desk:
    """One PostgreSQL session with at most one duty. Every method raises `Retry` when the session is lost."""

    def __init__(self, url: str, *, name: str) -> None:
        self._url, self._name = url, name
        # A canceled task leaves its thread running: whoever closes the session waits for it.
        self._turn = threading.Lock()
        self._nap = threading.Event()
        self._connection: psycopg.Connection[Any] | None = None

    def claim(self, lock: int) -> bool:
        """Take the duty if nobody holds it. Opens the session when there is none."""
        with self._session(opening=True) as connection:
            row = connection.execute(TRY_LOCK, (lock,)).fetchone()
            return row is not None and row[0]

    def lag(self) -> tuple[int, int]:
        """Where the relay's cursor stands, and the size it has to reach. Both 0 before there ever was a relay."""
        with self._session() as connection:
            row = connection.execute(LAG, (RELAY,)).fetchone()
            return (row[0], row[1]) if row else (0, 0)

    def end_holder(self, lock: int) -> bool:
        """End the session of whoever holds a duty: the way to take it from a process that stands still."""
        with connect(self._url, name=self._name, owner=True) as connection:
            return connection.execute(END_HOLDER, (lock,)).rowcount > 0

    def take_over(self) -> Lease:
        """Raise the relay's lease: from here on no former relay can move the cursor."""
        with self._session() as connection:
            row = connection.execute(TAKE_OVER, (RELAY,)).fetchone()
            connection.execute(LAZY)
            if row is None:
                raise Halt("PostgreSQL returned no lease")
            return Lease(number=row[1], position=row[0])

    def move(self, lease: Lease, position: int) -> None:
        """Move the cursor. Raises `Fenced` when the lease is another's now; the cursor is where that one put it."""
        with self._session() as connection:
            done = connection.execute(MOVE_CURSOR, (position, RELAY, lease.number, lease.position))
            if done.rowcount != 1:
                raise Fenced(f"the relay's lease {lease.number} was taken over")
        lease.position = position

    def head(self) -> Head:
        """The ledger's head. Raises `Halt` when there is none."""
        with self._session() as connection:
            row = connection.execute(HEAD_OF_FEED).fetchone()
            if row is None:
                raise Halt("the ledger has no head: run `hub up`")
            return Head(*row)

    def after(self, position: int, limit: int) -> list[tuple[int, bytes]]:
        """Up to `limit` entries after a position, in order, none left out. Raises `Halt` when one is missing."""
        with self._session() as connection:
            rows = connection.execute(AFTER, (position, limit), binary=True).fetchall()
        if rows and (rows[0][0] != position + 1 or rows[-1][0] != position + len(rows)):
            raise Halt(f"the ledger has a gap after position {position}")
        return rows

    def await_after(self, position: int, limit: int, *, poll_s: float) -> list[tuple[int, bytes]]:
        """As `after`, looking again every `poll_s` seconds while there is nothing, for 64 times at most.

        Here and not in the caller's event loop: a thread for each look costs four times as much.
        """
        for _ in range(LOOKS):
            if rows := self.after(position, limit):
                return rows
            self._nap.wait(poll_s)
        return []

    def registrations(self, upto: int) -> list[bytes]:
        """The entries that registered agencies, up to and including a position."""
        with self._session() as connection:
            return [row[0] for row in connection.execute(AGENCIES_UPTO, (upto,), binary=True)]

    def offsets(self, cluster: str) -> dict[tuple[str, int], int]:
        """How far each partition was decided: (topic, partition) → next offset."""
        with self._session() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(OFFSETS, (cluster,))}

    def close(self) -> None:
        """End the session, and with it the duty. A wait for entries in another thread ends with `Retry`."""
        with self._turn:
            self._drop()

    @contextmanager
    def _session(self, *, opening: bool = False) -> Iterator[psycopg.Connection[Any]]:
        """The session, for one statement. A new one would not hold the duty, so only `claim` opens one."""
        with self._turn:
            if self._connection is None:
                if not opening:
                    raise Retry("the session with PostgreSQL was lost, and the duty with it")
                self._connection = connect(self._url, name=self._name)
            try:
                yield self._connection
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                self._drop()
                raise Retry(f"PostgreSQL went away ({type(error).__name__})") from error

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
