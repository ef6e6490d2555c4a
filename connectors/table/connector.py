"""Interface-table polling: rows are taken where the partner's own system puts them, and answered in the same place.

Owns the order that loses nothing. Mode status: rows that say they are new are locked → taken → marked as sent, in one
transaction of the partner's database: a crash in between leaves them new, and they come again under the same ids.
Mode id: what is above the last key is taken, the key is committed with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar, Final

import psycopg
import structlog
from psycopg import sql

from connectors.protocol import Broken, Change, Check, Config, Event, Full, Origin, Receipt, Take
from connectors.table.answers import Answers
from connectors.table.checking import checks
from connectors.table.config import EXAMPLE, TableConfig
from connectors.table.database import PASSING, Database, Rows
from connectors.table.rows import Found, read
from connectors.table.statements import WHOLE_NUMBERS, Shape, Statements, cell_text, shape
from hub.errors import Usage

log = structlog.get_logger()
#: Between attempts at a full spool.
AGAIN_S: Final = 2.0
LEAST: Final = -(2**63)


class TableConnector:
    """See `protocol.Connector`."""

    name: ClassVar[str] = "table"
    about: ClassVar[str] = "An interface table in PostgreSQL: new rows are taken, answers are written into them."
    Config: ClassVar[type[Config]] = TableConfig
    EXAMPLE: ClassVar[dict[str, Any]] = EXAMPLE

    def __init__(self, config: TableConfig, origin: Origin, mark: str = "") -> None:
        self.config, self.origin = config, origin
        self._last = int(mark) if mark else None
        #: Keys of the window that is looked at again (mode id).
        self._read: set[int] = set()
        self._rows = Database(config, read_only=config.mode == "id" and "reasons" not in config.answers)
        self._told = Database(config, read_only=config.reads_only)
        self._answers = Answers(config)

    # ------------------------------------------------------------- before it runs
    async def check(self) -> list[Check]:
        """See `Connector`."""
        return await checks(self.config)

    async def discover(self, limit: int) -> list[Event | Broken]:
        """See `Connector`: rows that would be sent next, not locked and not marked."""
        try:
            async with self._rows.transaction() as connection:
                found = await self._shape(connection)
                statements = Statements(self.config, found)
                if self.config.mode == "status":
                    rows = await _all(connection, statements.fresh(lock=False), (self.config.new, limit))
                else:
                    rows = await _all(connection, statements.above(), (self._start(), [], limit))
        except psycopg.Error as error:
            raise _unusable(error) from error
        finally:
            await self._rows.close()
        return [self._found(row, found).item for row in rows]

    # ------------------------------------------------------------- running
    async def run(self, take: Take) -> None:
        """See `Connector`."""
        round_ = self._by_status if self.config.mode == "status" else self._by_id
        try:
            while True:
                if not await self._rows.patiently(lambda: self._bounded(round_, take)):
                    await asyncio.sleep(self.config.poll_s)
        except psycopg.Error as error:
            raise _unusable(error) from error
        finally:
            await self._rows.close()
            await self._told.close()

    async def _bounded(self, round_: Any, take: Take) -> bool:  # noqa: ANN401 - one of the two below
        """A round; at the bound of the spool its transaction is undone, and the rows stay the partner's."""
        try:
            return bool(await round_(take))
        except Full as error:
            log.warning("spool_full", error=str(error))
            await asyncio.sleep(min(AGAIN_S, self.config.poll_s))
            return False

    async def _by_status(self, take: Take) -> int:
        """Take the rows that are new, by their keys, but none behind a held one of its number; how many."""
        async with self._rows.transaction() as connection:
            shape_ = await self._shape(connection)
            statements = Statements(self.config, shape_)
            rows = await _all(connection, statements.fresh(lock=True), (self.config.new, self.config.batch))
            found = [self._found(row, shape_) for row in rows]
            found = await self._unless_overtaking(found, statements, connection)
            await self._take(found, take)
            # A kill here leaves the rows new: they come again, under the same ids.
            sent, failed = self.config.sent, self.config.failed
            good = [(sent, f.key) for f in found if not isinstance(f.item, Broken)]
            bad = [(failed, f.item.reason, f.key) for f in found if isinstance(f.item, Broken)]
            async with connection.cursor() as cursor:
                if good:
                    await cursor.executemany(statements.taken(), good)
                if bad:
                    await cursor.executemany(statements.unreadable(), bad)
        return len(found)

    async def _unless_overtaking(self, found: list[Found], statements: Statements, connection: Rows) -> list[Found]:
        """Without the rows behind one that somebody holds: its number's rows are taken in their order."""
        if not found:
            return found
        keys = [one.key for one in found]
        behind = await _all(connection, statements.overtaking(), (keys, self.config.new, keys[-1], keys))
        wait = {cell_text(key) for (key,) in behind}
        return [one for one in found if one.key not in wait]

    async def _by_id(self, take: Take) -> int:
        """Take what is above the last key, and what came late within the window; how many there were."""
        async with self._rows.transaction() as connection:
            shape_ = await self._shape(connection)
            if shape_.types[self.config.key] not in WHOLE_NUMBERS:
                raise Usage(f"{self.config.key} is no whole number.", "Use mode status, or another key.")
            statements = Statements(self.config, shape_)
            start = self._start()
            rows = await _all(connection, statements.above(), (start, sorted(self._read), self.config.batch))
            found = [self._found(row, shape_) for row in rows]
            if rows:
                await self._advance(found, take)
                await self._reasons(found, statements, connection)
        return len(rows)

    async def _advance(self, found: Sequence[Found], take: Take) -> None:
        keys = {int(f.key) for f in found}
        last = max(keys if self._last is None else {*keys, self._last})
        await self._take(found, take, str(last))
        self._last = last
        self._read = {key for key in self._read | keys if key > last - self.config.lookback}

    def _start(self) -> int:
        return LEAST if self._last is None else max(LEAST, self._last - self.config.lookback)

    async def _take(self, found: Sequence[Found], take: Take, mark: str | None = None) -> None:
        if not found:
            return
        good = [(f.key, f.item) for f in found if not isinstance(f.item, Broken)]
        new = await take([event for _, event in good], about=[key for key, _ in good], mark=mark)
        log.info("rows_taken", rows=len(found), new=new, unreadable=len(found) - len(good))
        for one in found:
            if isinstance(one.item, Broken):
                log.warning("row_unreadable", table=one.item.path, row=one.item.row, reason=one.item.reason)

    async def _reasons(self, found: Sequence[Found], statements: Statements, connection: Rows) -> None:
        """Without a status, the reason for an unreadable row goes where refusals go, if there is a place."""
        column = self.config.answers.get("reasons")
        bad = [(f.item.reason, f.key) for f in found if isinstance(f.item, Broken)]
        if column and bad:
            update = statements.update({column: statements.fitting(column)}, statements.is_key())
            async with connection.cursor() as cursor:
                await cursor.executemany(update, bad)

    # ------------------------------------------------------------- older rows
    async def backfill(self, since: str, take: Take) -> int:
        """See `Connector`: rows by the column `since`, whatever their status says; nothing is marked."""
        if not self.config.since:
            raise Usage("Nothing says how old a row is.", "Name the column with a row's date as `since`.")
        try:
            first = date.fromisoformat(since[:10]).isoformat()
        except ValueError as error:
            raise Usage(f"{since!r} is no date.", "Write it as 2026-11-22.") from error
        new, page = 0, list[str]()
        while True:
            async with self._rows.transaction() as connection:
                shape_ = await self._shape(connection)
                statement = Statements(self.config, shape_).since(more=bool(page))
                rows = await _all(connection, statement, (first, *page, self.config.batch))
            found = [self._found(row, shape_) for row in rows]
            good = [(f.key, f.item) for f in found if not isinstance(f.item, Broken)]
            new += await take([event for _, event in good], about=[key for key, _ in good])
            if len(rows) < self.config.batch:
                return new
            page = [found[-1].key]

    # ------------------------------------------------------------- what became of it
    async def tell(self, receipts: Sequence[Receipt]) -> None:
        """See `Connector`."""
        await self._write(lambda found, connection: self._answers.tell(receipts, found, connection))

    async def follow(self, changes: Sequence[Change]) -> None:
        """See `Connector`."""
        await self._write(lambda found, connection: self._answers.follow(changes, found, connection))

    async def _write(self, work: Any) -> None:  # noqa: ANN401 - an awaitable of shape and connection
        if self.config.reads_only:
            return

        async def once() -> None:
            async with self._told.transaction() as connection:
                await work(await self._shape(connection), connection)

        try:
            await self._told.patiently(once)
        except psycopg.Error as error:
            raise _unusable(error) from error

    async def _shape(self, connection: Rows) -> Shape:
        found = await shape(self.config, connection)
        named = {self.config.key, *found.sent, *self.config.written} | ({self.config.since} - {""})
        if missing := sorted(named - found.types.keys()):
            raise Usage(f"{self.config.table} has no {', '.join(missing)}.", "Look at `hub connector check`.")
        return found

    def _found(self, row: tuple[Any, ...], found: Shape) -> Found:
        return read(row, self.config, found, self.origin)


async def _all(connection: Rows, statement: sql.Composed, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(statement, values)
    return await cursor.fetchall()


def _unusable(error: psycopg.Error) -> Usage:
    """What a person has to mend. The server's words name tables and columns; of values only the state is told."""
    code = error.sqlstate or ""
    said = str(error).partition("\n")[0] if code.startswith("42") or isinstance(error, PASSING) else ""
    return Usage(f"The table cannot be used ({code} {said}).", "Look at `hub connector check`.")
