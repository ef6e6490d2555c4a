"""Which referral came of which request, beyond a restart: a small file of our own, sealed. Owns how a family is kept.

Each change of a row is one transaction over what stood there. A row that says something its Tasks do not show yet is
*stale* until it was written there. Forgets the oldest beyond a bound.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.fhir.tasks import ENDED, PENDING, REFUSED, Reason, Stand, Standing
from connectors.protocol import Full, Origin
from connectors.transaction import written

#: Families remembered.
REMEMBERED: Final = 1_000_000
NONCE: Final = 12
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS families (
  n INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, sent INTEGER NOT NULL, stale INTEGER NOT NULL,
  ended INTEGER NOT NULL, withdrawing INTEGER NOT NULL, sealed BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS families_stale ON families (n) WHERE stale > 0;
CREATE INDEX IF NOT EXISTS families_open ON families (n) WHERE ended = 0;
CREATE INDEX IF NOT EXISTS families_withdrawing ON families (n) WHERE withdrawing = 1;
CREATE TABLE IF NOT EXISTS referrals (id TEXT PRIMARY KEY, key TEXT NOT NULL) WITHOUT ROWID;
"""
PUT: Final = """
INSERT INTO families (key, sent, stale, ended, withdrawing, sealed)
VALUES (:key, 0, :stale, :ended, :withdrawing, :sealed)
ON CONFLICT (key) DO UPDATE SET sent = CASE WHEN :planned THEN 0 ELSE sent END, stale = stale + excluded.stale,
  ended = excluded.ended, withdrawing = excluded.withdrawing, sealed = excluded.sealed
"""


class Known(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request with all that is about it.

    request: `ServiceRequest/id` (of a Task without one, the Task). tasks, members: names, members in the bundle's
    order. content: digest of what was said last; event: its id; follows: the event before it. revoked: Tasks that were
    taken back; withdraw: when the request was; asked, denied: which of these times the hub was asked for, and refused;
    kept: why. local: why what stands there now cannot be sent.
    """

    request: str
    tasks: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    content: str = ""
    event: str = ""
    follows: str = ""
    refused: bool = False
    reasons: tuple[Reason, ...] = ()
    stands: dict[str, Stand] = {}
    revoked: tuple[str, ...] = ()
    withdraw: str = ""
    asked: str = ""
    denied: str = ""
    kept: str = ""
    local: tuple[Reason, ...] = ()

    @property
    def standing(self) -> Standing:
        """What its Tasks are to show."""
        if self.stands:
            untaken = f"A change was not taken: {self.local[0].words}" if self.local else ""
            return Standing(tuple(self.stands.values()), (), self.kept or untaken)
        reasons = self.local or self.reasons
        state = REFUSED if self.refused or self.local else PENDING
        return Standing((Stand(state),), reasons if state == REFUSED else (), self.kept)

    @property
    def ended(self) -> bool:
        """Whether nothing happens to it any more."""
        return bool(self.stands) and all(one.state in ENDED for one in self.stands.values())

    @property
    def withdrawing(self) -> bool:
        """Whether the hub is still to be asked to withdraw it."""
        return bool(self.withdraw and self.withdraw != self.asked and self.stands and not self.ended)


#: What becomes of a row; None leaves it as it is.
Change = Callable[[Known | None], Known | None]


class Stale(msgspec.Struct, frozen=True):
    """A row whose Tasks do not show it yet. count: of changes, to tell whether another came meanwhile."""

    key: str
    count: int
    known: Known


class Memory:
    """The file. Called from threads, one at a time."""

    def __init__(self, path: Path, origin: Origin) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._origin, self._lock = origin, threading.Lock()
        self._cipher = AESGCM(hashlib.sha256(b"fhir-memory\0" + origin.key).digest())
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + SCHEMA)
        path.chmod(0o600)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def key(self, request: str) -> str:
        """What stands for a request here: the name itself may say whose it is."""
        return self._origin.digest("fhir family", request.encode())

    # ------------------------------------------------------------- reading
    def get(self, requests: Iterable[str]) -> dict[str, tuple[Known, bool]]:
        """Rows by request, and whether the spool has what they say."""
        found: dict[str, tuple[Known, bool]] = {}
        with self._lock:
            for request in requests:
                row = self._db.execute("SELECT key, sealed, sent FROM families WHERE key = ?", (self.key(request),))
                for key, sealed, sent in row:
                    found[request] = self._open(key, sealed), bool(sent)
        return found

    def requests_of(self, referrals: Iterable[str]) -> dict[str, str]:
        """The request of each referral that came of one."""
        found: dict[str, str] = {}
        ask = "SELECT f.key, f.sealed FROM referrals r JOIN families f ON f.key = r.key WHERE r.id = ?"
        with self._lock:
            for id_ in referrals:
                for key, sealed in self._db.execute(ask, (id_,)):
                    found[id_] = self._open(key, sealed).request
        return found

    def stale(self, limit: int) -> list[Stale]:
        """The oldest rows that are to be written."""
        ask = "SELECT key, stale, sealed FROM families WHERE stale > 0 ORDER BY n LIMIT ?"
        with self._lock:
            rows = self._db.execute(ask, (limit,)).fetchall()
        return [Stale(key, count, self._open(key, sealed)) for key, count, sealed in rows]

    def open(self, before: int, limit: int) -> list[tuple[int, Known]]:
        """Rows that have not ended, newest first, below a place."""
        ask = "SELECT n, key, sealed FROM families WHERE ended = 0 AND n < ? ORDER BY n DESC LIMIT ?"
        with self._lock:
            rows = self._db.execute(ask, (before, limit)).fetchall()
        return [(n, self._open(key, sealed)) for n, key, sealed in rows]

    def withdrawing(self, limit: int) -> list[Known]:
        """Rows the hub is to be asked to withdraw."""
        ask = "SELECT key, sealed FROM families WHERE withdrawing = 1 ORDER BY n LIMIT ?"
        with self._lock:
            rows = self._db.execute(ask, (limit,)).fetchall()
        return [self._open(key, sealed) for key, sealed in rows]

    # ------------------------------------------------------------- writing
    def change(self, changes: Iterable[tuple[str, Change]], *, again: Iterable[str] = (), plan: bool = False) -> None:
        """Change rows by request, all or none. A row whose standing changes is stale, and so are those of `again`.

        plan: they say what the spool will have next: unsent until `sent`, and stale only then.
        """
        anew = set(again)
        with self._written():
            for request, change in changes:
                row = self._db.execute("SELECT sealed FROM families WHERE key = ?", (self.key(request),)).fetchone()
                before = self._open(self.key(request), row[0]) if row else None
                after = change(before)
                if after is None or (after == before and request not in anew):
                    continue
                moved = before is None or after.standing != before.standing or after.tasks != before.tasks
                self._put(after, stale=not plan and (moved or request in anew), planned=plan)
                if before is None:
                    self._forget()

    def sent(self, requests: Sequence[str]) -> None:
        """The spool has what these rows say, and their Tasks may show it."""
        with self._written() as db:
            update = "UPDATE families SET sent = 1, stale = stale + 1 WHERE key = ? AND sent = 0"
            db.executemany(update, [(self.key(r),) for r in requests])

    def unsend(self) -> None:
        """Nobody knows whether any spool has them: all are sent once more."""
        with self._written() as db:
            db.execute("UPDATE families SET sent = 0")

    def shown(self, rows: Iterable[Stale]) -> None:
        """Their Tasks show what they said; one that changed meanwhile stays stale."""
        with self._written() as db:
            clean = "UPDATE families SET stale = 0 WHERE key = ? AND stale = ?"
            db.executemany(clean, [(row.key, row.count) for row in rows])

    # ------------------------------------------------------------- inside
    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises `Full` on a full disk."""
        try:
            with self._lock, written(self._db) as db:
                yield db
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise Full("the disk of the memory file is full") from error
            raise

    def _put(self, known: Known, *, stale: bool, planned: bool) -> None:
        key = self.key(known.request)
        nonce = os.urandom(NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, msgspec.json.encode(known), key.encode())
        flags = {"stale": stale, "ended": known.ended, "withdrawing": known.withdrawing, "planned": planned}
        self._db.execute(PUT, {"key": key, "sealed": sealed, **flags})
        ids = [(one.id, key) for one in known.stands.values() if one.id]
        self._db.executemany("INSERT OR IGNORE INTO referrals VALUES (?, ?)", ids)

    def _forget(self) -> None:
        last = self._db.execute("SELECT max(n) FROM families").fetchone()[0]
        old = self._db.execute("SELECT key FROM families WHERE n <= ?", (last - REMEMBERED,)).fetchall()
        for (key,) in old:
            self._db.execute("DELETE FROM referrals WHERE key = ?", (key,))
            self._db.execute("DELETE FROM families WHERE key = ?", (key,))

    def _open(self, key: str, sealed: bytes) -> Known:
        content = self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], key.encode())
        return msgspec.json.decode(content, type=Known)
