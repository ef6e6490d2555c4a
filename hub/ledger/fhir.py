"""What hospitals say over FHIR one resource at a time, until a request refers to it. Owns `fhir_resources`.

A draft beside the ledger, trusted for nothing: each resource is sealed under a random key of its own, is its sender's
alone, and is gone after its time. Of what became a referral only the way to that referral stays. Never interprets a
resource (`hub.web.fhir` does), never reads the clock: times are arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
import orjson
import psycopg

from hub.core.sealing import Keys, open_, seal, unwrap, wrap
from hub.core.state import Case
from hub.ledger.documents import open_case, projection_key
from hub.ledger.reads import Pool

CLASS: Final = "fhir"
#: Of one search; a hospital has a handful for each patient.
MOST: Final = 500

GET: Final = """
SELECT kind, id, at, expires, names, number_key, message, wrapped, sealed FROM fhir_resources
WHERE agency = %s AND kind = %s AND id = %s
"""
NAMED: Final = """
SELECT kind, id, at, expires, names, number_key, message, wrapped, sealed FROM fhir_resources
WHERE agency = %s AND names && %s::bytea[] ORDER BY at, kind, id LIMIT %s
"""
PUT: Final = """
INSERT INTO fhir_resources (agency, kind, id, at, expires, names, number_key, message, wrapped, sealed)
VALUES (%s, %s, %s, %s, %s, %s::bytea[], %s, %s, %s, %s)
ON CONFLICT (agency, kind, id) DO UPDATE SET at = EXCLUDED.at, expires = EXCLUDED.expires, names = EXCLUDED.names,
  number_key = EXCLUDED.number_key, message = EXCLUDED.message, wrapped = EXCLUDED.wrapped, sealed = EXCLUDED.sealed
"""
DROP: Final = "DELETE FROM fhir_resources WHERE expires <= %s AND wrapped IS NOT NULL AND number_key IS NULL"
EMPTY: Final = "UPDATE fhir_resources SET wrapped = NULL, sealed = NULL WHERE expires <= %s AND wrapped IS NOT NULL"
#: The pool's sessions only read.
WRITING: Final = "SET TRANSACTION READ WRITE"
REFERRALS: Final = """
SELECT r.id::text, c.id::text, c.seq, c.doc FROM referrals r JOIN cases c ON c.id = r.case_id
WHERE r.number_key = %s AND r.agency = %s ORDER BY r.id
"""


class Held(msgspec.Struct, frozen=True):
    """A sender's resource. names: keyed digests it is found by; number_key: of the referral it became, b'' if none.

    value: the resource, None once it expired. message: the id under which it was last sent to the ledger, '' if never.
    at, expires: RFC 3339 UTC, milliseconds.
    """

    kind: str
    id: str
    at: str
    expires: str
    names: tuple[bytes, ...]
    value: dict[str, Any] | None
    number_key: bytes = b""
    message: str = ""


class FhirResources:
    """The sealed resources in one database. Every method raises `Retry` while PostgreSQL is away."""

    def __init__(self, pool: Pool, keys: Keys) -> None:
        self._pool, self._keys = pool, keys
        self._projections = projection_key(keys)

    def get(self, agency: str, kind: str, id_: str) -> Held | None:
        """One resource of this agency."""
        rows = self._pool.run(lambda c: c.execute(GET, (agency, kind, id_)).fetchall())
        return self._held(agency, rows[0]) if rows else None

    def named(self, agency: str, names: Collection[bytes]) -> list[Held]:
        """Resources of this agency that go by one of these names, oldest first."""
        wanted = sorted(set(names))
        if not wanted:
            return []
        rows = self._pool.run(lambda c: c.execute(NAMED, (agency, wanted, MOST)).fetchall())
        return [self._held(agency, row) for row in rows]

    def put(self, agency: str, rows: Sequence[tuple[Held, bytes]]) -> None:
        """Keep these, all or none, each under its own random key of 32 bytes."""
        written = [self._row(agency, held, key) for held, key in rows]

        def write(connection: psycopg.Connection[Any]) -> None:
            with connection.transaction():
                connection.execute(WRITING)
                for row in written:
                    connection.execute(PUT, row)

        self._pool.run(write)

    def expire(self, now: str) -> int:
        """Whatever expired by `now` goes; of what became a referral the way to it stays. Returns how many went."""

        def sweep(connection: psycopg.Connection[Any]) -> int:
            with connection.transaction():
                connection.execute(WRITING)
                return sum(connection.execute(statement, (now,)).rowcount for statement in (DROP, EMPTY))

        return self._pool.run(sweep)

    def referrals(self, agency: str, number_key: bytes) -> dict[str, Case]:
        """The referrals an agency's number means, each with its case."""
        rows = self._pool.run(lambda c: c.execute(REFERRALS, (number_key, agency), binary=True).fetchall())
        return {id_: open_case(self._projections, case, seq, doc) for id_, case, seq, doc in rows}

    # ------------------------------------------------------------- inside
    def _row(self, agency: str, held: Held, key: bytes) -> tuple[Any, ...]:
        bound = _bound(agency, held.kind, held.id)
        sealed = seal(key, bound, CLASS, orjson.dumps(held.value))
        wrapped = wrap(self._keys.kek, key, bound)
        number_key = held.number_key or None
        names = list(held.names)
        return agency, held.kind, held.id, held.at, held.expires, names, number_key, held.message, wrapped, sealed

    def _held(self, agency: str, row: tuple[Any, ...]) -> Held:
        kind, id_, at, expires, names, number_key, message, wrapped, sealed = row
        value = None
        if wrapped and sealed:
            bound = _bound(agency, kind, id_)
            value = orjson.loads(open_(unwrap(self._keys.kek, wrapped, bound), bound, CLASS, sealed))
        return Held(kind, id_, at, expires, tuple(names), value, number_key or b"", message)


def _bound(agency: str, kind: str, id_: str) -> str:
    """What the key and the content belong to: a row moved elsewhere does not open."""
    return f"fhir/{agency}/{kind}/{id_}"
