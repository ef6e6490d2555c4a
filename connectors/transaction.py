"""A transaction of a connector's own SQLite file: all of it or nothing, whatever ends it. Owns no table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def written(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """What is done in the block, together. A commit that fails leaves nothing open: the next one can begin.

    db: with `isolation_level=None`, used by one thread at a time.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has rolled it back already
            db.execute("ROLLBACK")
        raise
