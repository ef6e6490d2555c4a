"""What was sent last of each organization, and what became of it: a small SQLite file, beside the spool's promise.

Only what changed is sent. A version's id follows from what it says and from the version before it, so that a directory
that says today what it said before yesterday's change is heard. Written after the spool has committed: a crash in
between sends the same version under the same id. Holds ids, digests and reasons; nothing of what a listing says.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from connectors.protocol import Receipt
from connectors.transaction import written

FILE: Final = "hsds.sqlite"
WAITING: Final = "waiting"
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS organizations (
  id TEXT PRIMARY KEY, digest TEXT NOT NULL, event TEXT NOT NULL, status TEXT NOT NULL, position INTEGER NOT NULL,
  reasons BLOB NOT NULL
) WITHOUT ROWID;
"""
SENT: Final = """
INSERT INTO organizations VALUES (?, ?, ?, 'waiting', 0, '[]') ON CONFLICT (id) DO UPDATE SET digest = excluded.digest,
  event = excluded.event, status = excluded.status, position = 0, reasons = excluded.reasons
"""


class Sent(msgspec.Struct, frozen=True):
    """A version on its way: organization, digest of what it says, id of its event."""

    id: str
    digest: str
    event: str


class Memory:
    """The file. Called from threads, one at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(folder / FILE, isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def last(self, id_: str) -> Sent | None:
        """The version that was sent last."""
        with self._lock:
            row = self._db.execute("SELECT id, digest, event FROM organizations WHERE id = ?", (id_,)).fetchone()
        return Sent(*row) if row else None

    def sent(self, versions: Iterable[Sent]) -> None:
        """These are in the spool."""
        with self._written() as db:
            db.executemany(SENT, [(one.id, one.digest, one.event) for one in versions])

    def tell(self, receipts: Sequence[Receipt]) -> None:
        """What became of them. A receipt for a version that another has followed says nothing any more."""
        rows = [(r.status, r.position, orjson.dumps(r.reasons), r.about, r.id) for r in receipts]
        with self._written() as db:
            update = "UPDATE organizations SET status = ?, position = ?, reasons = ? WHERE id = ? AND event = ?"
            db.executemany(update, rows)

    def told(self) -> list[dict[str, Any]]:
        """Each organization and how it stands."""
        with self._lock:
            rows = self._db.execute("SELECT id, status, position, reasons FROM organizations ORDER BY id").fetchall()
        return [
            {"id": id_, "status": status}
            | ({"position": position} if position else {})
            | ({"reasons": held} if (held := orjson.loads(reasons)) else {})
            for id_, status, position, reasons in rows
        ]

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        with self._lock, written(self._db) as db:
            yield db
