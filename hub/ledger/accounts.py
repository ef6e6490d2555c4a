"""Accounts: an agency's way in over HTTP, by a token only the agency keeps.

Owns the rows of `accounts`. Never sees a token longer than it takes to hash it, never draws one (randomness is the
app's), never decides what an account may do: that is in the directory.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import psycopg

from hub.errors import Retry, Usage

#: A token carries as much chance as its key space: no guess can hit, so a fast keyed hash is enough.
TOKEN_BYTES: Final = 32
_DIGEST_BYTES: Final = 32
_PERSON: Final = b"ieum token"

PUT = """
INSERT INTO accounts (agency, token_hash, active) VALUES (%s, %s, true)
ON CONFLICT (agency) DO UPDATE SET token_hash = EXCLUDED.token_hash, active = true
"""
# By the hash, through an index or not: the row found says nothing about how near a wrong token came.
FIND = "SELECT agency FROM accounts WHERE token_hash = %s AND active"
DEACTIVATE = "UPDATE accounts SET active = false WHERE agency = %s"
LIST = "SELECT agency, active FROM accounts ORDER BY agency"
# Rotating keeps the rate: it is the account's, not the token's.
SET_RATE = "UPDATE accounts SET rate = %s WHERE agency = %s"
RATES = "SELECT agency, rate FROM accounts WHERE rate IS NOT NULL"


def token_from(randomness: bytes) -> str:
    """The token as an agency is given it. Raises `Usage` for fewer than 32 bytes."""
    if len(randomness) < TOKEN_BYTES:
        raise Usage(f"a token needs {TOKEN_BYTES} random bytes, not {len(randomness)}.")
    return f"ieum_{randomness.hex()}"


def token_hash(pepper: bytes, token: str) -> bytes:
    """BLAKE2b-256 of a token, keyed: a stolen database alone can neither sign in nor test a guess."""
    return blake2b(token.encode(), digest_size=_DIGEST_BYTES, key=pepper, person=_PERSON).digest()


class Accounts:
    """The accounts in one database. One connection, one thread at a time; `Retry` when PostgreSQL is away."""

    def __init__(self, connection: psycopg.Connection[Any], pepper: bytes) -> None:
        self._connection, self._pepper = connection, pepper

    def issue(self, agency: str, randomness: bytes) -> str:
        """A new token; the one before stops working. It is returned this once and kept nowhere."""
        token = token_from(randomness)
        self._execute(PUT, (agency, token_hash(self._pepper, token)))
        return token

    def agency_of(self, token: str) -> str | None:
        """Whose token this is; None when nobody's, or when its account was deactivated."""
        row = self._execute(FIND, (token_hash(self._pepper, token),)).fetchone()
        return row[0] if row else None

    def deactivate(self, agency: str) -> None:
        """The agency's token stops working at once; `issue` gives a new one. Raises `Usage` for an unknown agency."""
        if self._execute(DEACTIVATE, (agency,)).rowcount != 1:
            raise Usage(f"agency {agency} has no account.", "See `hub agency list`.")

    def listed(self) -> dict[str, bool]:
        """Agencies that have an account, and whether it is active."""
        return dict(self._execute(LIST, ()).fetchall())

    def limit(self, agency: str, events_per_s: float | None) -> None:
        """How many events a second it may send over HTTP, lastingly; None: as many as anybody."""
        if self._execute(SET_RATE, (events_per_s, agency)).rowcount != 1:
            raise Usage(f"agency {agency} has no account.", "See `hub agency list`.")

    def rates(self) -> dict[str, float]:
        """Events a second, for accounts with a rate of their own."""
        return dict(self._execute(RATES, ()).fetchall())

    def _execute(self, statement: str, arguments: tuple[object, ...]) -> psycopg.Cursor[Any]:
        try:
            return self._connection.execute(statement, arguments)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise Retry(f"PostgreSQL went away ({type(error).__name__})") from error
