"""When each device was heard last, beyond a restart, and whose silence is due to be told. Owns a small sealed file.

Each of a topic's `silent_after_s` makes one signal a silence; what it says depends on when the device was heard last
and not on when somebody looked, so the same silence is the same event, whatever crashes. No fsync: a lost minute of
this file delays a signal, and loses no message.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.mqtt.config import MqttConfig, TopicConfig
from connectors.mqtt.messages import silence
from connectors.protocol import Event, Origin
from connectors.transaction import written as together

NONCE: Final = 12
#: Devices told in one commit.
TOGETHER: Final = 200
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS devices (key TEXT PRIMARY KEY, last REAL NOT NULL, stage INTEGER NOT NULL, due REAL,
  sealed BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS devices_due ON devices (due) WHERE due IS NOT NULL;
"""
HEARD: Final = """
INSERT INTO devices VALUES (?, ?, 0, ?, ?) ON CONFLICT (key) DO UPDATE SET last = excluded.last, stage = 0,
  due = excluded.due, sealed = CASE WHEN ? THEN excluded.sealed ELSE sealed END
"""


class Life(msgspec.Struct, frozen=True):
    """A sign of life: of which device, at what kind of topic, and where it hangs (empty where it did not say)."""

    device: str
    topic: TopicConfig
    household: dict[str, Any]


class Due(msgspec.Struct, frozen=True):
    """A silence to be told: the event, and what it stands at in the file."""

    event: Event
    key: str
    last: float
    stage: int
    after: Sequence[float]


class Silence:
    """The file. Calls are quick: they run in the loop's own thread."""

    def __init__(self, path: Path, origin: Origin) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._origin = origin
        self._cipher = AESGCM(hashlib.sha256(b"mqtt-devices\0" + origin.key).digest())
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def heard(self, lives: Iterable[Life], now: str) -> None:
        """These devices live. Where a device hangs is kept until it says otherwise."""
        at = seconds(now)
        rows = [
            (self._key(one.device), at, at + one.topic.silent_after_s[0], self._seal(one), bool(one.household))
            for one in lives
            if one.topic.silent_after_s
        ]
        if rows:
            with together(self._db) as db:
                db.executemany(HEARD, rows)

    def due(self, config: MqttConfig, now: str) -> list[Due]:
        """Whose silence is to be told now. Devices of topics that are no longer configured are forgotten."""
        rows = self._db.execute(
            "SELECT key, last, stage, sealed FROM devices WHERE due <= ? ORDER BY due LIMIT ?", (seconds(now), TOGETHER)
        ).fetchall()
        topics = {topic.filter: topic for topic in config.topics}
        found = []
        for key, last, stage, sealed in rows:
            device, name, household = orjson.loads(self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], key.encode()))
            after = topics[name].silent_after_s if name in topics else ()
            if stage >= len(after):
                self._db.execute("UPDATE devices SET due = NULL WHERE key = ?", (key,))
                continue
            event = silence(device, household, after[stage], written(last + after[stage]), self._origin)
            found.append(Due(event, key, last, stage, after))
        return found

    def told(self, dues: Iterable[Due]) -> None:
        """Their signals are safe. One that was heard meanwhile has begun anew and stays as it is."""
        rows = [
            (d.stage + 1, d.last + d.after[d.stage + 1] if d.stage + 1 < len(d.after) else None, d.key, d.last)
            for d in dues
        ]
        update = "UPDATE devices SET stage = ?, due = ? WHERE key = ? AND last = ?"
        with together(self._db) as db:
            db.executemany(update, rows)

    def count(self) -> int:
        """Devices known."""
        return int(self._db.execute("SELECT count(*) FROM devices").fetchone()[0])

    def _key(self, device: str) -> str:
        return self._origin.digest("device", device.encode())

    def _seal(self, one: Life) -> bytes:
        nonce = os.urandom(NONCE)
        content = orjson.dumps([one.device, one.topic.filter, one.household])
        return nonce + self._cipher.encrypt(nonce, content, self._key(one.device).encode())


def seconds(now: str) -> float:
    """RFC 3339 as seconds since 1970."""
    return datetime.fromisoformat(now).timestamp()


def written(at: float) -> str:
    """And back, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
