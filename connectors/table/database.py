"""One connection to the partner's database, opened when needed and again when lost. Owns sessions, not statements.

Every session is bounded: a statement, a wait for a lock and an idle transaction end by themselves, so that the
connector never holds up the partner's own work. With nothing to write it is read-only by the server's own word.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import psycopg
import structlog
from psycopg import AsyncConnection

from connectors.table.config import TableConfig

log = structlog.get_logger()
T = TypeVar("T")
FIRST_S: Final = 0.5
LONGEST_S: Final = 60.0
CONNECT_S: Final = 10
Rows = AsyncConnection[tuple[Any, ...]]
#: What may pass: the server is away, restarts, a lock is held, a statement was ended.
PASSING: Final = (psycopg.OperationalError, psycopg.errors.QueryCanceled, OSError)


class Database:
    """The partner's database as one user sees it."""

    def __init__(self, config: TableConfig, *, read_only: bool) -> None:
        self._config, self._read_only = config, read_only
        self._connection: Rows | None = None
        #: Telling and following are two loops; their transactions must not become one.
        self._alone = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Rows]:
        """A transaction; rolled back on any way out but the end. A connection that failed is not used again."""
        async with self._alone:
            connection = await self._connected()
            try:
                async with connection.transaction():
                    yield connection
            finally:
                if connection.broken or connection.closed:
                    self._connection = None

    async def close(self) -> None:
        """Let go of it."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """`work`, again and again while the database is away. Any other error of it is raised."""
        attempt = 0
        while True:
            try:
                return await work()
            except PASSING as error:
                attempt += 1
                log.warning("table_away", error=type(error).__name__, attempt=attempt)
                await asyncio.sleep(min(LONGEST_S, FIRST_S * 2 ** min(attempt, 10)))

    async def _connected(self) -> Rows:
        if self._connection is None:
            self._connection = await AsyncConnection.connect(**_arguments(self._config), autocommit=True)
            await self._connection.set_read_only(self._read_only)
        return self._connection


def _arguments(config: TableConfig) -> dict[str, Any]:
    """What libpq is told."""
    limit = int(config.timeout_s * 1000)
    settings = {
        "statement_timeout": limit,
        "lock_timeout": limit,
        "idle_in_transaction_session_timeout": 2 * limit,
        "DateStyle": "ISO,YMD",
        "TimeZone": "UTC",
        "client_min_messages": "error",
    }
    found: dict[str, Any] = {
        "host": config.host,
        "port": config.port,
        "dbname": config.database,
        "user": config.username,
        "sslmode": config.tls,
        "connect_timeout": CONNECT_S,
        "application_name": "ieum connector table",
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
    if config.password.get_secret_value():
        found["password"] = config.password.get_secret_value()
    return found | ({"sslrootcert": str(config.ca_file)} if config.ca_file else {})
