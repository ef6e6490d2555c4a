"""Which message a referral came of, beyond a restart. Owns a small file of its own, sealed; forgets the oldest.

The hub's changes name a referral by 이음번호 alone. What address, charset and number (RF1-6) it has at the partner was
in the message; the spool gives that back once, with the receipt. Changes that arrive before the receipt wait here.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.hl7v2.answers import News
from connectors.protocol import Origin

#: Referrals remembered, and changes that wait for a receipt (those of other systems of the agency wait in vain).
REFERRALS: Final = 1_000_000
WAITING: Final = 10_000
NONCE: Final = 12
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS origins (n INTEGER PRIMARY KEY, referral TEXT NOT NULL UNIQUE, sealed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS early (n INTEGER PRIMARY KEY, referral TEXT NOT NULL, position INTEGER NOT NULL,
  sealed BLOB NOT NULL, UNIQUE (referral, position));
"""


class Memory:
    """A file. Calls are quick: they run in the loop's own thread, a few a second."""

    def __init__(self, path: Path, origin: Origin) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cipher = AESGCM(hashlib.sha256(b"hl7v2-memory\0" + origin.key).digest())
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def remember(self, referrals: Sequence[str], about: str) -> None:
        """These referrals came of this message. Known ones keep what they have."""
        for referral in referrals:
            self._db.execute(
                "INSERT OR IGNORE INTO origins (referral, sealed) VALUES (?, ?)", (referral, self._seal(about.encode()))
            )
        self._db.execute("DELETE FROM origins WHERE n <= (SELECT max(n) FROM origins) - ?", (REFERRALS,))

    def about(self, referral: str) -> str:
        """What the message said of itself; '' where it is not known."""
        row = self._db.execute("SELECT sealed FROM origins WHERE referral = ?", (referral,)).fetchone()
        return self._open(row[0]).decode() if row else ""

    def wait(self, news: News) -> None:
        """Keep news of a referral that is not known yet."""
        self._db.execute(
            "INSERT OR IGNORE INTO early (referral, position, sealed) VALUES (?, ?, ?)",
            (news.referral, news.position, self._seal(msgspec.json.encode(news))),
        )
        self._db.execute("DELETE FROM early WHERE n <= (SELECT max(n) FROM early) - ?", (WAITING,))

    def early(self, referral: str) -> list[News]:
        """What waited for it, in order."""
        rows = self._db.execute("SELECT sealed FROM early WHERE referral = ? ORDER BY position", (referral,)).fetchall()
        return [msgspec.json.decode(self._open(sealed), type=News) for (sealed,) in rows]

    def told(self, referral: str) -> None:
        """What waited for it was told."""
        self._db.execute("DELETE FROM early WHERE referral = ?", (referral,))

    def _seal(self, content: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, content, None)

    def _open(self, sealed: bytes) -> bytes:
        return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], None)
