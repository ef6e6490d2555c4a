"""How much there is of everything: for status, the demo's table and `hub doctor`. Owns these counting queries.

Never locks and never writes. Counts of the whole ledger read whole tables: they are for people, not for a loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

import msgspec
import psycopg

from hub.core.calendar import after
from hub.core.merkle import Frontier
from hub.core.rules import Rules
from hub.core.sealing import Keys
from hub.core.state import COVERED, Case
from hub.errors import Retry
from hub.ledger.connect import connect
from hub.ledger.documents import open_case, projection_key
from hub.schemas.topics import IN_PREFIX

Connection = psycopg.Connection[Any]

HEAD: Final = """
SELECT h.size, h.frontier, h.heard, h.epoch, h.origin, COALESCE((SELECT position FROM cursors WHERE name = 'relay'), 0)
FROM head h WHERE h.id = 1
"""
# Messages of agencies only: the hub's own ticks and accounts are not what anybody sent.
VERDICTS: Final = """
SELECT m.verdict, count(*) FROM messages m JOIN partitions p ON p.id = m.partition_id
WHERE starts_with(p.topic, %s) GROUP BY m.verdict
"""
PERSONS: Final = "SELECT count(*), count(DISTINCT person) FROM records"
STATES: Final = "SELECT state, count(*) FROM referrals GROUP BY state"
KINDS: Final = "SELECT kind, count(*) FROM entries GROUP BY kind"
OFFERED: Final = "SELECT id::text, receiver FROM referrals WHERE state = 'offered' ORDER BY id LIMIT %s"
CASES: Final = "SELECT id::text, seq, doc FROM cases"
VERSION: Final = "SELECT version_num FROM alembic_version"
SERVER: Final = "SELECT current_setting('server_version'), current_setting('fsync'), now()"
#: What the role that runs the hub may do to entries: it must be able to add and read, and nothing else.
RIGHTS: Final = """
SELECT privilege FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
WHERE has_table_privilege('hub_app', 'entries', privilege)
"""
DECIDED: Final = "SELECT topic, partition, next_offset FROM partitions WHERE cluster = %s"


class Standing(msgspec.Struct, frozen=True):
    """The committed head, and how far the feed was published. `root` in hex."""

    size: int
    root: str
    heard: str
    epoch: str
    origin: str
    feed: int


class Totals(msgspec.Struct, frozen=True):
    """The whole ledger in numbers. received = recorded + refused + seen + no_op, of agencies' messages."""

    received: int
    recorded: int
    refused: int
    seen: int
    no_op: int
    mentions: int
    persons: int
    kinds: dict[str, int]
    states: dict[str, int]


class Server(msgspec.Struct, frozen=True):
    """PostgreSQL as doctor looks at it. `now` is its clock; `rights` are the running role's on entries."""

    version: str
    fsync: str
    now: Any
    migration: str
    rights: tuple[str, ...]


class Counts:
    """One read-only session. Every method raises `Retry` when PostgreSQL is away or has no ledger yet."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None

    def close(self) -> None:
        """End the session."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    def standing(self) -> Standing:
        """Size and root of the ledger, and the feed's position."""
        with self._session() as connection:
            row = connection.execute(HEAD).fetchone()
        if row is None:
            raise Retry("the ledger has no head yet")
        return Standing(row[0], Frontier.from_bytes(row[1]).root().hex(), row[2], row[3], row[4], row[5])

    def totals(self) -> Totals:
        """Everything counted, in one snapshot."""
        with self._session() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            verdicts = dict(connection.execute(VERDICTS, (IN_PREFIX,)).fetchall())
            mentions, persons = connection.execute(PERSONS).fetchone() or (0, 0)
            states = dict(connection.execute(STATES).fetchall())
            kinds = dict(connection.execute(KINDS).fetchall())
        return Totals(
            received=sum(verdicts.values()),
            recorded=verdicts.get("recorded", 0),
            refused=verdicts.get("refused", 0) + verdicts.get("unsigned", 0),
            seen=verdicts.get("seen", 0),
            no_op=verdicts.get("no-op", 0),
            mentions=mentions,
            persons=persons,
            kinds=kinds,
            states=states,
        )

    def received(self) -> int:
        """How many messages of agencies have a verdict."""
        with self._session() as connection:
            return sum(count for _, count in connection.execute(VERDICTS, (IN_PREFIX,)).fetchall())

    def decided(self, cluster: str) -> dict[tuple[str, int], int]:
        """How far every partition of a cluster was decided."""
        with self._session() as connection:
            return {(topic, part): offset for topic, part, offset in connection.execute(DECIDED, (cluster,))}

    def offers(self, limit: int) -> list[tuple[str, str]]:
        """Open offers: (referral, the agency that is asked), in the order of their ids."""
        with self._session() as connection:
            return connection.execute(OFFERED, (limit,)).fetchall()

    def cases(self, keys: Keys) -> Iterator[Case]:
        """Every case, opened, in no order."""
        key = projection_key(keys)
        with self._session() as connection, connection.transaction(), connection.cursor(name="cases") as rows:
            for id_, seq, doc in rows.execute(CASES):
                yield open_case(key, id_, seq, bytes(doc))

    def server(self) -> Server:
        """What doctor asks of PostgreSQL."""
        # As the login role: the running one need not see which migrations there are.
        with self._translated(), connect(self._url, name="hub-doctor", owner=True) as connection:
            version, fsync, now = connection.execute(SERVER).fetchone() or ("", "", None)
            migration = (connection.execute(VERSION).fetchone() or ("",))[0]
            rights = tuple(row[0] for row in connection.execute(RIGHTS))
        return Server(version, fsync, now, migration, rights)

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        if self._connection is None:
            self._connection = connect(self._url, name="hub-counts")
            self._connection.execute("SET default_transaction_read_only = on")
        with self._translated():
            yield self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self.close()
            raise Retry(f"PostgreSQL went away ({type(error).__name__})") from error
        except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege) as error:
            self.close()
            raise Retry("the database has no ledger yet") from error


def leaks(case: Case, at: str, rules: Rules) -> list[str]:
    """Needs of a case past their clock without a live offer, at the ledger's time `at`. Sorted ids.

    A need is covered while somebody serves or has served it; it is live while an offer waits within its time. One
    nobody took is no leak before the clock of the first offer has run out: until then it is being placed.
    """
    return sorted(need for need in case.needs if _is_leak(case, need, at, rules))


def _is_leak(case: Case, need: str, at: str, rules: Rules) -> bool:
    asked = [r for r in case.referrals.values() if r.need == need and r.state != "duplicate"]
    if not asked or any(r.state in COVERED - {"offered"} for r in asked):
        return False
    if any(r.state == "offered" and r.due > at for r in asked):
        return False
    clock = rules.clocks.steps["first_offer"]
    return all(after(r.heard, clock[r.urgency], rules.holidays) < at for r in asked)
