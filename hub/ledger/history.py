"""The ledger as an auditor reads it: one snapshot, streamed in order, bodies by key. Owns these statements.

Never writes, never opens a body, never holds more than a page. All reads of one `History` see the same moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import msgspec
import psycopg

from hub.core.merkle import Frontier
from hub.errors import Halt, Retry
from hub.ledger.connect import connect

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
HEAD = "SELECT size, frontier, heard, origin FROM head WHERE id = 1"
ENTRIES = """
SELECT position, cause, ordinal, coalesce(case_id::text, ''), kind, leaf, entry FROM entries
WHERE position > %s ORDER BY position
"""
# First verdicts that left entries, in the order of these entries: the index messages_position holds just that.
MESSAGES = """
SELECT m.position, p.topic, p.partition, m.record_offset, m.heard, m.cause, m.data_digest, m.raw_key::text, m.verdict
FROM messages m JOIN partitions p ON p.id = m.partition_id
WHERE m.position > 0 AND m.verdict <> 'seen' ORDER BY m.position
"""
CAUSES = """
SELECT position, cause, raw_key::text FROM messages WHERE position > 0 AND verdict <> 'seen' ORDER BY position
"""
# In the order of the table, which is about that of the entries: whoever compares the two keeps little in memory.
ALL_BODIES = "SELECT key_id::text, cls, wrapped IS NULL, sealed FROM bodies"
IN_ORDER = "SET LOCAL synchronize_seqscans = off"
BODIES = "SELECT key_id::text, cls, wrapped, sealed FROM bodies WHERE key_id = ANY(%s::uuid[])"
FIRST_VERDICT = "SELECT data_digest, verdict, position FROM messages WHERE cause = %s AND verdict <> 'seen'"
CHECKPOINTS = "SELECT size, note, frontier FROM checkpoints ORDER BY size"
PLACES_TWICE = """
SELECT p.topic, p.partition, m.record_offset, count(*) FROM messages m JOIN partitions p ON p.id = m.partition_id
GROUP BY 1, 2, 3 HAVING count(*) > 1 ORDER BY 1, 2, 3 LIMIT 100
"""
# What lies behind its partition's cursor was never decided; what was decided stands in front of it.
PLACES_AHEAD = """
SELECT p.topic, p.partition, m.record_offset, m.verdict FROM messages m JOIN partitions p ON p.id = m.partition_id
WHERE m.record_offset >= p.next_offset ORDER BY 1, 2, 3 LIMIT 100
"""
VERDICTS = "SELECT verdict, count(*) FROM messages GROUP BY verdict"
OF_CASE = "SELECT entry FROM entries WHERE case_id = %s ORDER BY position"
PAGE = 2000


class Head(msgspec.Struct, frozen=True):
    """What the ledger says of itself."""

    size: int
    root: bytes
    heard: str
    origin: str


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One stored entry; `case` is '' where it belongs to none."""

    position: int
    cause: bytes
    ordinal: int
    case: str
    kind: str
    leaf: bytes
    entry: bytes


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The first verdict on a message that left entries: where it came from, when it was heard, its raw body's key."""

    position: int
    topic: str
    partition: int
    offset: int
    heard: str
    cause: bytes
    data_digest: bytes
    raw_key: str
    verdict: str


class History:
    """`with History(url) as history:` one snapshot. Raises `Retry` when PostgreSQL is away."""

    def __init__(self, url: str, *, name: str = "hub-audit") -> None:
        self._url, self._name = url, name
        self._open: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        self._open = connect(self._url, name=self._name, autocommit=False)
        self._open.execute(SNAPSHOT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None
        if isinstance(error, psycopg.OperationalError):
            raise Retry(f"PostgreSQL went away ({type(error).__name__})") from error

    def head(self) -> Head:
        """Size, root and clock. Raises `Halt` when the ledger has no head."""
        row = self._connection.execute(HEAD).fetchone()
        if row is None:
            raise Halt("the ledger has no head: run `hub up`")
        return Head(row[0], Frontier.from_bytes(row[1]).root(), row[2], row[3])

    def pages(self, after: int = 0) -> Iterator[list[tuple[Any, ...]]]:
        """Stored entries behind a position, in order: pages of tuples of `Row`'s fields."""
        return self._stream("entries", ENTRIES, (after,))

    def entries(self, after: int = 0) -> Iterator[Row]:
        """Stored entries behind a position, in order."""
        return (Row(*row) for page in self.pages(after) for row in page)

    def causes(self) -> Iterator[tuple[int, bytes, str]]:
        """Position, cause and raw body's key of each message that left entries, in their order."""
        pages = self._stream("causes", CAUSES, ())
        return ((position, cause, raw_key) for page in pages for position, cause, raw_key in page)

    def all_bodies(self) -> Iterator[list[tuple[str, str, bool, bytes | None]]]:
        """Key id, class, whether the key was destroyed, ciphertext: pages of all bodies."""
        self._connection.execute(IN_ORDER)
        return self._stream("bodies", ALL_BODIES, ())

    def messages(self) -> Iterator[Message]:
        """Messages that left entries, in the order of these entries."""
        return (Message(*row) for page in self._stream("messages", MESSAGES, ()) for row in page)

    def bodies(self, key_ids: Iterable[str]) -> dict[tuple[str, str], tuple[bytes | None, bytes | None]]:
        """(wrapped key, ciphertext) by key id and class."""
        rows = self._connection.execute(BODIES, (list(key_ids),), binary=True)
        return {(key_id, cls): (wrapped, sealed) for key_id, cls, wrapped, sealed in rows}

    def first_verdict(self, cause: bytes) -> tuple[bytes, str, int] | None:
        """Data digest, verdict and position of the message with this cause."""
        row = self._connection.execute(FIRST_VERDICT, (cause,), binary=True).fetchone()
        return (row[0], row[1], row[2]) if row else None

    def checkpoints(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Signed sizes, their notes and the frontiers behind them, smallest first."""
        pages = self._stream("checkpoints", CHECKPOINTS, ())
        return ((size, note.encode(), frontier) for page in pages for size, note, frontier in page)

    def of_case(self, case: str) -> list[bytes]:
        """All entries of a case."""
        return [bytes(row[0]) for row in self._connection.execute(OF_CASE, (case,), binary=True)]

    def verdicts(self) -> dict[str, int]:
        """How many messages got which verdict."""
        return dict(self._connection.execute(VERDICTS).fetchall())

    def misplaced(self) -> list[str]:
        """Places with more than one verdict, and verdicts on places that were not decided yet."""
        twice = [f"{t}/{p} offset {o}: {n} verdicts" for t, p, o, n in self._connection.execute(PLACES_TWICE)]
        ahead = [f"{t}/{p} offset {o}: {v} beyond the cursor" for t, p, o, v in self._connection.execute(PLACES_AHEAD)]
        return twice + ahead

    @property
    def _connection(self) -> psycopg.Connection[Any]:
        if self._open is None:
            raise Halt("a history is read inside its with block")
        return self._open

    def _stream(self, name: str, statement: str, values: tuple[Any, ...]) -> Iterator[list[tuple[Any, ...]]]:
        """Rows through a server-side cursor, a page at a time."""
        with self._connection.cursor(name, binary=True) as cursor:
            cursor.execute(statement, values)
            while page := cursor.fetchmany(PAGE):
                yield page
