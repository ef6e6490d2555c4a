"""The tree as the signer sees it: leaf hashes by index, the head, signed checkpoints. Owns no signature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from hub.core.merkle import Frontier
from hub.errors import Halt, Retry
from hub.ledger.connect import connect

HEAD = "SELECT size, frontier FROM head WHERE id = 1"
ORIGIN = "SELECT origin FROM head WHERE id = 1"
LEAVES = "SELECT leaf FROM entries WHERE position > %s AND position <= %s ORDER BY position"
LATEST = "SELECT size, root, note, frontier FROM checkpoints ORDER BY size DESC LIMIT 1"
SAVE = """
INSERT INTO checkpoints (size, root, note, frontier) VALUES (%s, %s, %s, %s) ON CONFLICT (size) DO NOTHING
"""
PAGE = 10_000
Row = tuple[int, bytes, str, bytes]


class Leaves:
    """Reads leaf hashes and keeps checkpoints. Raises `Retry` while PostgreSQL is away."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open: psycopg.Connection[Any] | None = None

    def head(self) -> tuple[int, bytes]:
        """Size and root of the committed tree."""
        row = self._one(HEAD)
        if row is None:
            raise Halt("the ledger has no head: run `hub up`")
        return row[0], Frontier.from_bytes(bytes(row[1])).root()

    def origin(self) -> str:
        """The log's origin, drawn at installation."""
        row = self._one(ORIGIN)
        if row is None:
            raise Halt("the ledger has no head: run `hub up`")
        return str(row[0])

    def leaves(self, after: int, upto: int) -> Iterator[bytes]:
        """Leaf hashes of the indexes from `after` up to, not including, `upto`; index = position - 1."""
        for start in range(after, upto, PAGE):
            stop = min(start + PAGE, upto)
            for (leaf,) in self._all(LEAVES, (start, stop)):
                yield bytes(leaf)

    def latest(self) -> Row | None:
        """The checkpoint of the largest size: (size, root, note, frontier)."""
        row = self._one(LATEST)
        return (row[0], bytes(row[1]), row[2], bytes(row[3])) if row else None

    def save(self, size: int, root: bytes, note: str, frontier: bytes) -> None:
        """Keep a checkpoint, durably. The same one again changes nothing."""
        self._all(SAVE, (size, root, note, frontier))

    def _one(self, statement: str) -> tuple[Any, ...] | None:
        rows = self._all(statement, ())
        return rows[0] if rows else None

    def _all(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            if self._open is None or self._open.closed:
                self._open = connect(self._url, name="hub-leaves")
            cursor = self._open.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError as error:
            self._open = None
            raise Retry(f"PostgreSQL went away ({type(error).__name__})") from error
