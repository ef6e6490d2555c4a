"""What became of each row, kept so that a report can be made again at any time: SQLite, one commit a step, sealed.

Owns: which files were archived and which events they hold (of a row that was refused and dropped again, the id of the
later attempt beside the one its content gives), receipts, and changes of referrals. Holds no row of a file
(those are in the archive); names, reasons and numbers are sealed under a key made of the agency's own. A report is
always (archived file) x (outcomes by event id), so a crash loses at most the writing of it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.protocol import REFUSED, Change, Origin, Receipt
from connectors.standing import standing
from connectors.transaction import written

NONCE: Final = 12
#: Keys of one query.
TOGETHER: Final = 500
READING, MOVING, ARCHIVED = "reading", "moving", "archived"
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS files (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, report BLOB NOT NULL, path BLOB UNIQUE, phase TEXT NOT NULL, day TEXT NOT NULL,
  sealed BLOB, version INTEGER NOT NULL DEFAULT 0, written INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS files_report ON files (report, seq);
CREATE TABLE IF NOT EXISTS rows (id BLOB NOT NULL, file INTEGER NOT NULL, PRIMARY KEY (id, file)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rows_file ON rows (file);
CREATE TABLE IF NOT EXISTS attempts (
  first BLOB NOT NULL, file INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (first, file)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS attempts_file ON attempts (file);
CREATE TABLE IF NOT EXISTS outcomes (id BLOB PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS referrals (
  referral BLOB PRIMARY KEY, day TEXT NOT NULL, position INTEGER NOT NULL, sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS came_of (
  referral BLOB NOT NULL, id BLOB NOT NULL, PRIMARY KEY (referral, id)
) WITHOUT ROWID;
"""
DIRTY: Final = (
    "UPDATE files SET version = version + 1 WHERE seq IN (SELECT r.file FROM rows r JOIN asked a ON a.id = r.id)"
)


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event: as `Receipt`, its referrals with what happened to them since."""

    status: str
    position: int = 0
    reasons: tuple[dict[str, Any], ...] = ()
    referrals: tuple[dict[str, Any], ...] = ()


_OUTCOME: Final = msgspec.json.Decoder(Outcome)


class Filed(msgspec.Struct, frozen=True):
    """An archived file whose report has to be written. latest: no newer file has the same report. rows: those taken."""

    seq: int
    path: str
    wide: dict[str, int]
    version: int
    latest: bool
    rows: int


class Outcomes:
    """The state of one connector, in a folder of its own. Safe for several threads."""

    def __init__(self, folder: Path, origin: Origin) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cipher = AESGCM(hmac.new(origin.key, b"files: outcomes", hashlib.sha256).digest())
        self._key = origin.key
        self._lock = threading.RLock()
        self._db = sqlite3.connect(folder / "outcomes.sqlite", isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=WAL;")
        self._db.executescript(SCHEMA)
        self._db.execute("CREATE TEMP TABLE asked (id BLOB PRIMARY KEY) WITHOUT ROWID")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    # ------------------------------------------------------------- a file on its way
    def begin(self, report: str, day: str) -> int:
        """A file is being read whose report will have this name. Returns its number."""
        with self._transaction(durable=False) as db:
            values = (self._digest(report), READING, day)
            return int(db.execute("INSERT INTO files (report, phase, day) VALUES (?, ?, ?)", values).lastrowid or 0)

    def hold(self, seq: int, ids: Mapping[str, str]) -> None:
        """The file holds these events: the id that a row's content gives, and the one it is taken under."""
        held = [(bytes.fromhex(i), seq) for i in ids.values()]
        later = [(bytes.fromhex(first), seq, bytes.fromhex(i)) for first, i in ids.items() if first != i]
        with self._transaction(durable=False) as db:
            db.executemany("INSERT OR IGNORE INTO rows VALUES (?, ?)", held)
            db.executemany("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?)", later)

    def attempts(self, firsts: Sequence[str], seq: int | None = None) -> dict[str, str]:
        """Under which ids these were taken last (of a file: in that one), where it is not the id of their content."""
        newest = "(SELECT max(b.file) FROM attempts b WHERE b.first = a.first)"
        query = f"SELECT first, id FROM attempts a WHERE file = {newest if seq is None else '?'} AND first"  # noqa: S608
        found = self._found(query, [bytes.fromhex(i) for i in firsts], () if seq is None else (seq,))
        return {first.hex(): id_.hex() for first, id_ in found}

    def moving(self, seq: int, path: str, wide: dict[str, int]) -> None:
        """All of it is taken; it goes to this path of the archive. A crash from here on finds it there, or not yet."""
        content = orjson.dumps([os.fsencode(path).hex(), wide])
        with self._transaction() as db:
            if (former := self._find(path)) not in {None, seq}:
                self._forget(db, former)
            place = self._digest(path)
            sealed = self._seal(b"file", content)
            db.execute("UPDATE files SET phase = ?, path = ?, sealed = ? WHERE seq = ?", (MOVING, place, sealed, seq))

    def archived(self, seq: int) -> None:
        """It is there. Its report is due, and that of the one before, which gives way."""
        with self._transaction() as db:
            db.execute("UPDATE files SET phase = ? WHERE seq = ?", (ARCHIVED, seq))
            db.execute(
                "UPDATE files SET version = version + 1 WHERE phase = ? AND report = "
                "(SELECT report FROM files WHERE seq = ?) AND seq IN (?, (SELECT max(f.seq) FROM files f, files g "
                "WHERE g.seq = ? AND f.report = g.report AND f.seq < g.seq AND f.phase = ?))",
                (ARCHIVED, seq, seq, seq, ARCHIVED),
            )

    def forget(self, seq: int) -> None:
        """It was not archived after all."""
        with self._transaction() as db:
            self._forget(db, seq)

    def unfinished(self) -> list[tuple[int, str]]:
        """Files of a crash: number, and the path of the archive it was going to, '' where it was still being read."""
        with self._lock:
            rows = self._db.execute("SELECT seq, sealed FROM files WHERE phase <> ?", (ARCHIVED,)).fetchall()
        return [(seq, self._file(sealed)[0] if sealed else "") for seq, sealed in rows]

    def prune(self, before: str) -> None:
        """Forget files archived before a day (ISO), and what became of rows that no other file holds."""
        with self._transaction() as db:
            for (seq,) in db.execute("SELECT seq FROM files WHERE day < ?", (before,)).fetchall():
                self._forget(db, seq)
            db.execute("DELETE FROM referrals WHERE day < ?", (before,))

    # ------------------------------------------------------------- what became of it
    def tell(self, receipts: Sequence[Receipt]) -> None:
        """Keep receipts; the reports of the files concerned are due."""
        ours = [(bytes.fromhex(r.id), r) for r in receipts if _is_id(r.id)]
        with self._transaction() as db:
            for id_, receipt in ours:
                outcome = Outcome(receipt.status, receipt.position, receipt.reasons, receipt.referrals)
                sealed = self._seal(id_, msgspec.json.encode(outcome))
                db.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?)", (id_, sealed))
                named = [(self._digest(str(r["id"])), id_) for r in receipt.referrals if r.get("id")]
                db.executemany("INSERT OR IGNORE INTO came_of VALUES (?, ?)", named)
            self._dirty(db, [id_ for id_, _ in ours])

    def follow(self, changes: Sequence[Change]) -> None:
        """Keep what happened to referrals since; heard twice, it is once. Before its receipt came, too."""
        with self._transaction() as db:
            for change in changes:
                for referral, told in standing(change):
                    self._follow(db, change, self._digest(referral), told)

    def outcomes(self, ids: Sequence[str]) -> dict[str, Outcome]:
        """What is known of these events."""
        held = self._found("SELECT id, sealed FROM outcomes WHERE id", [bytes.fromhex(i) for i in ids])
        found = {id_.hex(): _OUTCOME.decode(self._open(id_, sealed)) for id_, sealed in held}
        places = {str(r["id"]): self._digest(str(r["id"])) for o in found.values() for r in o.referrals if r.get("id")}
        rows = self._found("SELECT referral, sealed FROM referrals WHERE referral", list(places.values()))
        since = {place: orjson.loads(self._open(place, sealed)) for place, sealed in rows}
        if since:
            for id_, outcome in found.items():
                now = tuple({**r, **since.get(places.get(str(r.get("id")), b""), {})} for r in outcome.referrals)
                found[id_] = msgspec.structs.replace(outcome, referrals=now)
        return found

    def refused(self, ids: Sequence[str]) -> set[str]:
        """Those of these events that were refused for good."""
        held = self._found("SELECT id, sealed FROM outcomes WHERE id", [bytes.fromhex(i) for i in ids])
        return {id_.hex() for id_, sealed in held if _OUTCOME.decode(self._open(id_, sealed)).status == REFUSED}

    def _found(self, query: str, keys: Sequence[bytes], values: tuple[int, ...] = ()) -> list[tuple[bytes, bytes]]:
        """Rows of these keys, a few hundred at a time; `values` stand before the keys."""
        found: list[tuple[bytes, bytes]] = []
        for start in range(0, len(keys), TOGETHER):
            some = keys[start : start + TOGETHER]
            with self._lock:
                found += self._db.execute(f"{query} IN ({','.join('?' * len(some))})", (*values, *some)).fetchall()
        return found

    def due(self) -> list[Filed]:
        """Files whose report is behind."""
        latest = "SELECT max(g.seq) FROM files g WHERE g.report = f.report AND g.phase = f.phase"
        with self._lock:
            rows = self._db.execute(
                f"SELECT seq, sealed, version, seq = ({latest}), "  # noqa: S608 - ours
                "(SELECT count(*) FROM rows r WHERE r.file = f.seq) FROM files f "
                "WHERE phase = ? AND version > written ORDER BY seq",
                (ARCHIVED,),
            ).fetchall()
        return [
            Filed(seq, *self._file(sealed), version, bool(last), count) for seq, sealed, version, last, count in rows
        ]

    def written(self, seq: int, version: int) -> None:
        """The report of a file holds everything up to this version."""
        with self._transaction() as db:
            db.execute("UPDATE files SET written = ? WHERE seq = ?", (version, seq))

    # ------------------------------------------------------------- inside
    def _follow(self, db: sqlite3.Connection, change: Change, referral: bytes, told: dict[str, str]) -> None:
        row = db.execute("SELECT position, sealed FROM referrals WHERE referral = ?", (referral,)).fetchone()
        if row and row[0] >= change.position:
            return
        before = orjson.loads(self._open(referral, row[1])) if row else {}
        sealed = self._seal(referral, orjson.dumps(before | told))
        values = (referral, change.heard[:10], change.position, sealed)
        db.execute("INSERT OR REPLACE INTO referrals VALUES (?, ?, ?, ?)", values)
        self._dirty(db, [i for (i,) in db.execute("SELECT id FROM came_of WHERE referral = ?", (referral,)).fetchall()])

    def _find(self, path: str) -> int | None:
        row = self._db.execute("SELECT seq FROM files WHERE path = ?", (self._digest(path),)).fetchone()
        return int(row[0]) if row else None

    @staticmethod
    def _forget(db: sqlite3.Connection, seq: int | None) -> None:
        # A newer file may hold the same rows: their outcomes stay.
        others = "SELECT 1 FROM rows b WHERE b.id = a.id AND b.file <> ?"
        alone = f"SELECT id FROM rows a WHERE file = ? AND NOT EXISTS ({others})"  # noqa: S608 - ours
        told = "(SELECT phase FROM files WHERE seq = ?) = ?"
        db.execute(f"DELETE FROM outcomes WHERE id IN ({alone}) AND {told}", (seq, seq, seq, ARCHIVED))  # noqa: S608
        db.execute(f"DELETE FROM came_of WHERE id IN ({alone}) AND {told}", (seq, seq, seq, ARCHIVED))  # noqa: S608
        db.execute("DELETE FROM rows WHERE file = ?", (seq,))
        db.execute("DELETE FROM attempts WHERE file = ?", (seq,))
        db.execute("DELETE FROM files WHERE seq = ?", (seq,))

    @staticmethod
    def _dirty(db: sqlite3.Connection, ids: Sequence[bytes]) -> None:
        db.execute("DELETE FROM asked")
        db.executemany("INSERT OR IGNORE INTO asked VALUES (?)", [(i,) for i in ids])
        db.execute(DIRTY)

    @contextmanager
    def _transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """All or nothing, and durable behind it; without `durable`, with the next one that is."""
        with self._lock:
            self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            with written(self._db) as db:
                yield db

    def _file(self, sealed: bytes) -> tuple[str, dict[str, int]]:
        name, wide = orjson.loads(self._open(b"file", sealed))
        return os.fsdecode(bytes.fromhex(name)), wide

    def _digest(self, text: str) -> bytes:
        return hmac.new(self._key, b"files\0" + os.fsencode(text), hashlib.sha256).digest()[:16]

    def _seal(self, about: bytes, content: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, content, about)

    def _open(self, about: bytes, sealed: bytes) -> bytes:
        return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], about)


def _is_id(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) > 0
    except ValueError:
        return False
