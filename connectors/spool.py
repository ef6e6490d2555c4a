"""The durable spool: what was taken from a partner and is not yet the hub's. SQLite, WAL, synchronous FULL, encrypted.

Owns the promise behind every acknowledgment: after `put` returns, a kill -9 or a power cut loses nothing. Events leave
in the order they came; an id that is known is not taken twice; at the bound `put` refuses. Rows are sealed with
AES-256-GCM under a key that lives beside the file (`spool.key`, 0600): a stolen disk image without it says nothing.

One process at a time. Methods are synchronous and quick (a commit is one fsync); `connectors.intake` groups them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec
import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.drawn import drawn_once
from connectors.protocol import PENDING, Event, Full, Receipt
from connectors.transaction import written
from hub.errors import Usage

#: Bytes of sealed events waiting at most, unless configured otherwise.
BOUND: Final = 1 << 30
#: Sealed bytes of what is read at once: each of hundreds may be as large as a message can be.
HEAD_BYTES: Final = 4 * 1_048_576
#: Receipts are remembered this many events back: long enough to answer a partner, short enough to stay small.
REMEMBERED: Final = 1_000_000
NONCE: Final = 12
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS waiting (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, sealed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS known (
  id TEXT PRIMARY KEY, seq INTEGER NOT NULL, source TEXT NOT NULL, status TEXT NOT NULL, told INTEGER NOT NULL,
  receipt BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS known_untold ON known (seq) WHERE told = 0;
CREATE INDEX IF NOT EXISTS known_status ON known (status, seq);
CREATE INDEX IF NOT EXISTS known_seq ON known (seq);
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
#: Status of an event that still waits here, and of one the hub has but has not decided.
WAITING: Final = "waiting"


class Waiting(msgspec.Struct, frozen=True):
    """An event that is not yet the hub's, by its place in the spool."""

    seq: int
    event: Event


class Figures(msgspec.Struct, frozen=True):
    """How full the spool is: events and sealed bytes waiting, the bound, events the hub has not decided yet."""

    waiting: int
    bytes: int
    bound: int
    undecided: int


class Spool:
    """One agency's spool in a folder of its own."""

    def __init__(self, folder: Path, *, bound: int = BOUND) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cipher = AESGCM(drawn_once(folder / "spool.key", AESGCM.generate_key(256)))
        self.bound = bound
        self._db = sqlite3.connect(folder / "spool.sqlite", isolation_level=None, check_same_thread=False)
        try:
            self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA locking_mode=EXCLUSIVE;")
            self._db.executescript(SCHEMA)
        except sqlite3.OperationalError as error:
            raise Usage(
                f"The spool {folder} cannot be opened ({error}).", "Is the connector running already? Stop it first."
            ) from error
        found = self._db.execute("SELECT count(*), coalesce(sum(length(sealed)), 0) FROM waiting").fetchone()
        self._waiting, self._bytes = int(found[0]), int(found[1])

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # ------------------------------------------------------------- in
    def put(self, events: Sequence[Event], about: Sequence[str] = (), mark: str | None = None) -> int:
        """Commit events and the bookmark in one transaction. Returns how many were new. Raises `Full` at the bound."""
        if about and len(about) != len(events):
            raise ValueError("one text an event, or none")
        texts = about or [""] * len(events)
        sealed = [(e, self._seal(e["id"], e, text)) for e, text in zip(events, texts, strict=True)]
        with self._transaction():
            added = [self._add(event, content) for event, content in sealed]
            self._fits(sum(added))
            if mark is not None:
                self._db.execute("INSERT OR REPLACE INTO marks VALUES ('mark', ?)", (mark,))
        new = sum(1 for size in added if size)
        self._waiting, self._bytes = self._waiting + new, self._bytes + sum(added)
        return new

    def _fits(self, grown: int) -> None:
        if grown and self._bytes + grown > self.bound:
            raise Full(f"the spool holds {self._bytes:,} of at most {self.bound:,} bytes: nothing more is taken")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, and durable behind it."""
        try:
            with written(self._db):
                yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise Full("the disk of the spool is full: nothing more is taken") from error
            raise

    def _add(self, event: Event, sealed: bytes) -> int:
        """Bytes added, 0 for an id that is known."""
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO known VALUES (?, 0, ?, ?, 1, NULL)", (event["id"], event["source"], WAITING)
        )
        if cursor.rowcount == 0:
            return 0
        seq = self._db.execute("INSERT INTO waiting (id, sealed) VALUES (?, ?)", (event["id"], sealed)).lastrowid
        self._db.execute("UPDATE known SET seq = ? WHERE id = ?", (seq, event["id"]))
        return len(sealed)

    # ------------------------------------------------------------- out
    def head(self, limit: int) -> list[Waiting]:
        """The oldest events that wait, in order: so many, or fewer of large ones; at least one."""
        found, held = list[Waiting](), 0
        with closing(self._db.execute("SELECT seq, id, sealed FROM waiting ORDER BY seq LIMIT ?", (limit,))) as rows:
            for seq, id_, sealed in rows:
                found.append(Waiting(seq, self._open(id_, sealed)[0]))
                held += len(sealed)
                if held >= HEAD_BYTES:
                    break
        return found

    def receive(self, receipts: Iterable[Receipt]) -> None:
        """The hub has these events (or refused them for good): they leave the spool, their receipts stay untold."""
        with self._transaction():
            for receipt in receipts:
                self._receive(receipt)

    def _receive(self, receipt: Receipt) -> None:
        held = self._db.execute(
            "SELECT w.seq, w.sealed, k.receipt FROM known k LEFT JOIN waiting w ON w.seq = k.seq WHERE k.id = ?",
            (receipt.id,),
        ).fetchone()
        if held is None:
            return
        seq, sealed, before = held
        about = self._open(receipt.id, sealed)[1] if sealed else self._open_receipt(receipt.id, before).about
        content = self._seal_receipt(msgspec.structs.replace(receipt, about=about))
        self._db.execute(
            "UPDATE known SET status = ?, told = ?, receipt = ? WHERE id = ?",
            (receipt.status, int(receipt.status == PENDING), content, receipt.id),
        )
        if sealed:
            self._db.execute("DELETE FROM waiting WHERE seq = ?", (seq,))
            self._waiting, self._bytes = self._waiting - 1, self._bytes - len(sealed)

    def undecided(self, limit: int, passed: int = 0) -> list[Receipt]:
        """Events the hub has taken and not decided yet, oldest first; without the oldest `passed` of them."""
        return self._receipts("status = ? ORDER BY seq LIMIT ? OFFSET ?", (PENDING, limit, passed))

    def untold(self, limit: int) -> list[Receipt]:
        """Receipts the partner has not seen yet, oldest first."""
        return self._receipts("told = 0 ORDER BY seq LIMIT ?", (limit,))

    def told(self, receipts: Iterable[Receipt]) -> None:
        """The partner has seen these; the oldest beyond what is remembered are forgotten."""
        with self._transaction():
            self._db.executemany("UPDATE known SET told = 1 WHERE id = ?", [(r.id,) for r in receipts])
            row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'waiting'").fetchone()
            self._db.execute(
                "DELETE FROM known WHERE seq <= ? AND told = 1 AND status NOT IN (?, ?)",
                ((row[0] if row else 0) - REMEMBERED, WAITING, PENDING),
            )

    # ------------------------------------------------------------- marks and figures
    def mark(self, name: str = "mark") -> str:
        """A bookmark: 'mark' is the connector's own, others are the runner's."""
        row = self._db.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def set_mark(self, name: str, value: str) -> None:
        """Keep a bookmark. Raises `Full` on a full disk."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))

    def figures(self) -> Figures:
        """How full it is."""
        undecided = self._db.execute("SELECT count(*) FROM known WHERE status = ?", (PENDING,)).fetchone()[0]
        return Figures(self._waiting, self._bytes, self.bound, int(undecided))

    # ------------------------------------------------------------- inside
    def _receipts(self, where: str, values: tuple[object, ...]) -> list[Receipt]:
        rows = self._db.execute(f"SELECT id, receipt FROM known WHERE {where}", values).fetchall()  # noqa: S608 - ours
        return [self._open_receipt(id_, content) for id_, content in rows if content]

    def _seal(self, id_: str, event: Event, about: str) -> bytes:
        return self._encrypt(id_, orjson.dumps([event, about]))

    def _open(self, id_: str, sealed: bytes) -> tuple[Event, str]:
        event, about = orjson.loads(self._decrypt(id_, sealed))
        return event, about

    def _seal_receipt(self, receipt: Receipt) -> bytes:
        return self._encrypt(receipt.id, msgspec.json.encode(receipt))

    def _open_receipt(self, id_: str, sealed: bytes) -> Receipt:
        return msgspec.json.decode(self._decrypt(id_, sealed), type=Receipt)

    def _encrypt(self, id_: str, content: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, content, id_.encode())

    def _decrypt(self, id_: str, sealed: bytes) -> bytes:
        return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], id_.encode())
