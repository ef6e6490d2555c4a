"""What people and partners read: verdicts, cases, persons, entries, accounts. Owns the read side's statements and pool.

Never writes and never locks: its sessions are read-only. Never decides who may know what (`core.views` does): it hands
out everything it finds, opened. Every method is one round trip or a few, blocking; the web calls them in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from threading import BoundedSemaphore, Lock
from typing import Any, Final, TypeVar

import msgspec
import orjson
import psycopg

from hub.core.bodies import IDENTITY, IdentityBody
from hub.core.directory import Agency
from hub.core.listings import Listing
from hub.core.sealing import Keys, open_, unwrap
from hub.core.state import Case
from hub.errors import Retry
from hub.ledger.accounts import Accounts
from hub.ledger.connect import connect
from hub.ledger.documents import open_case, open_listing, projection_key
from hub.ledger.receipts import RECEIPTS, VERDICTS, Told, Verdict, copies, receipts, verdicts
from hub.ledger.sql import AGENCIES

__all__ = ["Head", "Person", "Pool", "Posted", "Reads", "Told", "Verdict"]

Connection = psycopg.Connection[Any]
T = TypeVar("T")
V = TypeVar("V", Verdict, Told)
AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, Retry)
#: A read that takes longer is ended: it would hold a connection others wait for.
SESSION: Final = "SET default_transaction_read_only = on; SET statement_timeout = 10000"

HEAD: Final = "SELECT size, heard, epoch, origin FROM head WHERE id = 1"
CASES: Final = "SELECT id::text, seq, doc FROM cases WHERE id = ANY(%s::uuid[])"
CASE_OF_REFERRAL: Final = """
SELECT c.id::text, c.seq, c.doc FROM referrals r JOIN cases c ON c.id = r.case_id WHERE r.id = %s::uuid
"""
ENTRIES: Final = "SELECT position, entry FROM entries WHERE position > %s ORDER BY position LIMIT %s"
# Searched inside PostgreSQL: most entries concern others, and need not travel to be left out.
ENTRIES_OF: Final = """
SELECT position, entry FROM entries
WHERE position > %s AND position <= %s AND position(%s::bytea IN entry) > 0 ORDER BY position LIMIT %s
"""
TIMELINE: Final = """
SELECT position, entry FROM entries WHERE case_id = %s::uuid AND position > %s ORDER BY position LIMIT %s
"""
PERSONS_OF: Final = "SELECT id::text, person::text FROM records WHERE id = ANY(%s::uuid[])"
# Chains of aliases are compressed when written, so one step is enough.
PERSON: Final = """
SELECT id::text, person::text, case_id::text FROM records
WHERE person = COALESCE((SELECT "into" FROM aliases WHERE person = %s::uuid), %s::uuid) ORDER BY seq, id
"""
LISTINGS: Final = """
SELECT id::text, agency, content, modified, position, heard, audience, doc FROM listings
WHERE position > %s AND audience && %s::varchar[] ORDER BY position LIMIT %s
"""
LISTING: Final = """
SELECT id::text, agency, content, modified, position, heard, audience, doc FROM listings
WHERE id = %s::uuid AND audience && %s::varchar[]
"""
BODIES: Final = "SELECT key_id::text, wrapped, sealed FROM bodies WHERE key_id = ANY(%s::uuid[]) AND cls = %s"


class Posted(msgspec.Struct, frozen=True):
    """An entry's bytes at its position."""

    position: int
    entry: bytes


class Head(msgspec.Struct, frozen=True):
    """The ledger's size and clock, and the epoch of its feed."""

    size: int
    heard: str
    epoch: str
    origin: str


class Person(msgspec.Struct, frozen=True):
    """A person's id as of now, and the case each of its records is filed in."""

    id: str
    records: dict[str, str]


class Pool:
    """A few read-only connections, made when needed. After a failure idle ones are dropped and the read runs again."""

    def __init__(self, url: str, *, size: int = 8, wait_s: float = 5.0, name: str = "hub-reads") -> None:
        self._url, self._name, self._wait_s = url, name, wait_s
        self._slots = BoundedSemaphore(size)
        self._lock = Lock()
        self._idle: list[Connection] = []

    def run(self, read: Callable[[Connection], T]) -> T:
        """Run one read. Raises `Retry` when PostgreSQL is away or too busy."""
        if not self._slots.acquire(timeout=self._wait_s):
            raise Retry("every reading connection is busy")
        try:
            return self._patiently(read)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _patiently(self, read: Callable[[Connection], T]) -> T:
        try:
            return self._once(read)
        except psycopg.errors.QueryCanceled as error:
            raise Retry("a read took too long") from error
        except AWAY:
            self.close()  # after a restart of PostgreSQL every idle connection is dead
        try:
            return self._once(read)
        except AWAY as error:
            raise Retry(f"PostgreSQL does not answer ({type(error).__name__})") from error

    def _once(self, read: Callable[[Connection], T]) -> T:
        connection = self._take()
        try:
            result = read(connection)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        return result

    def _take(self) -> Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        connection = connect(self._url, name=self._name)
        connection.execute(SESSION)
        return connection


class Reads:
    """The ledger as a reader sees it. Ids are UUID texts; anything else is PostgreSQL's error, so check before."""

    def __init__(self, pool: Pool, keys: Keys) -> None:
        self._pool, self._keys = pool, keys
        self._projections = projection_key(keys)

    # ------------------------------------------------------------- verdicts
    def verdicts(self, causes: Collection[bytes]) -> dict[bytes, Verdict]:
        """The verdicts there are by now on these causes; a cause not yet decided is missing."""
        return self._latest(causes, lambda asked: verdicts(self._rows(VERDICTS, (asked,))))

    def receipts(self, causes: Collection[bytes]) -> dict[bytes, Told]:
        """As `verdicts`, with the referrals that came of each message as they stand now. One query for all."""
        return self._latest(causes, lambda asked: receipts(self._rows(RECEIPTS, (asked,)), self._case))

    def _latest(self, causes: Collection[bytes], read: Callable[[list[bytes]], dict[bytes, V]]) -> dict[bytes, V]:
        """What was refused for its signature is told as its signed copy is, once there is one."""
        found = read(list(causes)) if causes else {}
        signed = copies(found, self._keys.pepper)
        later = read(list(signed.values())) if signed else {}
        return found | {cause: later[copy] for cause, copy in signed.items() if copy in later}

    # ------------------------------------------------------------- the ledger
    def head(self) -> Head:
        """The newest committed head. Raises `Retry` before the ledger exists."""
        rows = self._rows(HEAD, ())
        if not rows:
            raise Retry("the ledger has no head yet")
        return Head(*rows[0])

    def entries(self, after: int, limit: int) -> list[Posted]:
        """Entries behind a position, in order."""
        return [Posted(*row) for row in self._rows(ENTRIES, (after, limit))]

    def entries_of(self, agency: str, after: int, upto: int, limit: int) -> list[Posted]:
        """Entries behind `after` up to `upto` whose text names the agency: all that concern it, and maybe more."""
        named = orjson.dumps(f"a:{agency}")
        return [Posted(*row) for row in self._rows(ENTRIES_OF, (after, upto, named, limit))]

    def timeline(self, case: str, after: int, limit: int) -> list[Posted]:
        """Entries of one case behind a position, in order."""
        return [Posted(*row) for row in self._rows(TIMELINE, (case, after, limit))]

    # ------------------------------------------------------------- cases and persons
    def cases(self, ids: Iterable[str]) -> dict[str, Case]:
        """The cases of these ids that exist."""
        wanted = sorted(set(ids))
        return {row[0]: self._case(row) for row in self._rows(CASES, (wanted,))} if wanted else {}

    def case_of(self, referral: str) -> Case | None:
        """The case a referral is in now."""
        rows = self._rows(CASE_OF_REFERRAL, (referral,))
        return self._case(rows[0]) if rows else None

    def persons_of(self, records: Iterable[str]) -> dict[str, str]:
        """Which person each record belongs to now."""
        wanted = sorted(set(records))
        return dict(self._rows(PERSONS_OF, (wanted,))) if wanted else {}

    def person(self, id: str) -> Person | None:  # noqa: A002 - the domain's name
        """A person by its id or a former one."""
        rows = self._rows(PERSON, (id, id))
        return Person(rows[0][1], {record: case for record, _, case in rows}) if rows else None

    def identities(self, records: Iterable[str]) -> dict[str, IdentityBody]:
        """Who these records are about, as claimed. An erased record is missing."""
        wanted = sorted(set(records))
        rows = self._rows(BODIES, (wanted, IDENTITY)) if wanted else []
        return {key: self._identity(key, wrapped, sealed) for key, wrapped, sealed in rows if wrapped and sealed}

    def directory(self) -> dict[str, Agency]:
        """All accounts by code."""
        return {code: msgspec.convert(doc, Agency) for code, doc in self._rows(AGENCIES, ())}

    # ------------------------------------------------------------- the published directory
    def listings(self, listeners: Collection[str], after: int, limit: int) -> list[Listing]:
        """Listings for one of these listeners whose latest version stands behind a position, in that order."""
        return [self._listing(row) for row in self._rows(LISTINGS, (after, list(listeners), limit))]

    def listing(self, id: str, listeners: Collection[str]) -> Listing | None:  # noqa: A002 - the domain's name
        """One listing, if it is for one of these listeners."""
        rows = self._rows(LISTING, (id, list(listeners)))
        return self._listing(rows[0]) if rows else None

    def account(self, token: str) -> str | None:
        """Whose token this is; None when nobody's."""
        return self._pool.run(lambda c: Accounts(c, self._keys.pepper).agency_of(token))

    def rates(self) -> dict[str, float]:
        """Events a second of the accounts that have a rate of their own."""
        return self._pool.run(lambda c: Accounts(c, self._keys.pepper).rates())

    # ------------------------------------------------------------- inside
    def _rows(self, statement: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._pool.run(lambda c: c.execute(statement, arguments, binary=True).fetchall())

    def _case(self, row: tuple[Any, ...]) -> Case:
        return open_case(self._projections, row[0], row[1], row[2])

    def _listing(self, row: tuple[Any, ...]) -> Listing:
        id_, agency, content, modified, position, heard, audience, sealed = row
        doc = open_listing(self._projections, id_, position, sealed)
        return Listing(id_, agency, content, modified, position, heard, tuple(audience), doc)

    def _identity(self, key_id: str, wrapped: bytes, sealed: bytes) -> IdentityBody:
        data_key = unwrap(self._keys.kek, wrapped, key_id)
        return msgspec.json.decode(open_(data_key, key_id, IDENTITY, sealed), type=IdentityBody)
