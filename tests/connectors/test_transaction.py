"""A connector's file after a transaction that failed, wherever it failed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from connectors.transaction import written


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript(
        "PRAGMA foreign_keys = ON; CREATE TABLE a (id INTEGER PRIMARY KEY);"
        "CREATE TABLE b (a INTEGER REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED);"
    )
    yield made
    made.close()


def count(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM a").fetchone()[0])


def rolled_back(db: sqlite3.Connection) -> None:
    """What a full disk does: SQLite has ended the transaction when the error comes."""
    db.execute("ROLLBACK")
    db.execute("SELECT 1 FROM missing")


def test_what_is_done_together_is_kept_together(db: sqlite3.Connection) -> None:
    with written(db):
        db.execute("INSERT INTO a VALUES (1)")
        db.execute("INSERT INTO b VALUES (1)")
    assert (count(db), db.in_transaction) == (1, False)


def test_work_that_fails_leaves_nothing(db: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError), written(db):
        db.executemany("INSERT INTO a VALUES (?)", [(1,), (1,)])
    assert (count(db), db.in_transaction) == (0, False)


def test_a_commit_that_fails_leaves_nothing_open(db: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError), written(db):
        db.execute("INSERT INTO b VALUES (7)")
    with written(db):
        db.execute("INSERT INTO a VALUES (1)")
    assert count(db) == 1


def test_what_was_rolled_back_already_keeps_its_own_error(db: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), written(db):
        rolled_back(db)
    assert not db.in_transaction
