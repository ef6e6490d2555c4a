"""SQL on the partner's table. Owns every statement; names are quoted by psycopg, values are parameters, always.

Cells come as text, made by the database: a day as 2026-11-22, an instant in UTC, a number as it is kept, a truth value
as Y or N, NULL as nothing. So no value of the partner's can be one that Python has no type for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from psycopg import sql

from connectors.table.config import TableConfig
from connectors.table.database import Rows

CATALOG: Final = """
SELECT a.attname, format_type(a.atttypid, NULL), format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
#: How a column of a type becomes a cell; others as PostgreSQL writes them.
CELLS: Final = {
    "boolean": "CASE WHEN {0} THEN 'Y' WHEN NOT {0} THEN 'N' END",
    "timestamp without time zone": "to_char({0}, 'YYYY-MM-DD HH24:MI:SS')",
    "timestamp with time zone": """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')""",
    "character": "rtrim({0}::text)",
}
#: A row counts once every transaction that may still bring a smaller key has ended: those that were running when it was
#: written. Ages are compared, not numbers, because numbers of transactions wrap around; a negative age is one that did.
SETTLED: Final = "(age({0}.xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid) OR age({0}.xmin) < 0)"
WHOLE_NUMBERS: Final = frozenset({"smallint", "integer", "bigint"})


class Shape(msgspec.Struct, frozen=True):
    """The table as it is: its columns by type, and which are sent."""

    types: dict[str, str]
    widths: dict[str, str]  # the same with lengths: character varying(20)
    sent: tuple[str, ...]


def qualified(config: TableConfig) -> str:
    """The table's name, quoted, as text."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in (config.schema_name, config.table))


async def shape(config: TableConfig, connection: Rows) -> Shape:
    """What the catalog says of the table; without types where it does not exist (or may not be seen)."""
    rows = await (await connection.execute(CATALOG, (qualified(config),))).fetchall()
    types = {cell_text(name): cell_text(type_) for name, type_, _ in rows}
    widths = {cell_text(name): cell_text(width) for name, _, width in rows}
    rest = {config.key, config.since, *config.written}
    return Shape(types, widths, config.columns or tuple(name for name in types if name not in rest))


class Statements:
    """The statements for one table of this shape."""

    def __init__(self, config: TableConfig, found: Shape) -> None:
        self._config, self._widths = config, found.widths
        self._key_type = found.types.get(config.key, "text")
        self._number = sql.Identifier(config.number or next(iter(found.sent), config.key))
        self._table = sql.Identifier(config.schema_name, config.table)
        # By the table's name: the selected text bears the same one, and ORDER BY would take that, 112 before 12.
        self._key = sql.Identifier("t", config.key)
        cells = [sql.SQL("{}::text").format(self._key), *(self._cell(name, found.types) for name in found.sent)]
        self._select = sql.SQL("SELECT {} FROM {} t").format(sql.SQL(", ").join(cells), self._table)

    @staticmethod
    def _cell(name: str, types: Mapping[str, str]) -> sql.Composable:
        form = CELLS.get(types.get(name, ""), "{0}::text")
        return sql.SQL(form).format(sql.Identifier(name))

    # ------------------------------------------------------------- reading
    def fresh(self, *, lock: bool) -> sql.Composed:
        """Rows that say that they are new (parameters: that text, how many), locked so that nobody changes them."""
        where = sql.SQL(" WHERE {} = %s ORDER BY {} LIMIT %s").format(sql.Identifier(self._config.status), self._key)
        return self._select + where + sql.SQL(" FOR UPDATE SKIP LOCKED" if lock else "")

    def overtaking(self) -> sql.Composed:
        """Which of the rows that were locked are younger than one of the same number that somebody else holds.

        Parameters: the keys that were locked (as text), the status of a new row, the last of those keys, all again.
        """
        key, keys = sql.Identifier(self._config.key), sql.SQL(f"%s::{self._key_type}[]")
        # An equality, so that one reading of the rows that wait answers for the whole batch.
        held = sql.SQL("o.{0} = %s AND o.{1} < %s AND o.{1} <> ALL({2}) AND o.{3} = t.{3} AND o.{1} < t.{1}").format(
            sql.Identifier(self._config.status), key, keys, self._number
        )
        younger = "SELECT t.{0}::text FROM {1} t WHERE t.{0} = ANY({2}) AND EXISTS (SELECT 1 FROM {1} o WHERE {3})"
        return sql.SQL(younger).format(key, self._table, keys, held)

    def above(self) -> sql.Composed:
        """Settled rows above a key, those already read left out (parameters: key, keys, how many)."""
        settled = sql.SQL(SETTLED).format(sql.Identifier("t"))
        where = sql.SQL(" WHERE {0} > %s AND NOT ({0} = ANY(%s)) AND {1} ORDER BY {0} LIMIT %s")
        return self._select + where.format(self._key, settled)

    def first(self) -> sql.Composed:
        """Any rows (parameter: how many)."""
        return self._select + sql.SQL(" ORDER BY {} LIMIT %s").format(self._key)

    def since(self, *, more: bool) -> sql.Composed:
        """Rows from a day on, page by page (parameters: day, the page's last key if `more`, how many)."""
        behind = sql.SQL(" AND {} > %s").format(self._key) if more else sql.SQL("")
        where = sql.SQL(" WHERE {} >= %s").format(sql.Identifier(self._config.since))
        return self._select + where + behind + sql.SQL(" ORDER BY {} LIMIT %s").format(self._key)

    # ------------------------------------------------------------- writing
    def fitting(self, column: str) -> sql.Composable:
        """A text for this column, cut to its width (an explicit cast does): no answer may fail by its length."""
        return sql.SQL(f"%s::text::{self._widths.get(column, 'text')}")

    def update(self, columns: Mapping[str, sql.Composable], where: sql.Composable) -> sql.Composed:
        """Set columns to expressions."""
        sets = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(name), to) for name, to in columns.items())
        return sql.SQL("UPDATE {} t SET {} WHERE {}").format(self._table, sets, where)

    def taken(self) -> sql.Composed:
        """A locked row was taken (parameters: the new status, its key)."""
        return self.update({self._config.status: sql.Placeholder()}, self.is_key())

    def unreadable(self) -> sql.Composed:
        """A locked row cannot be sent (parameters: status, reason, key)."""
        columns = {self._config.status: sql.Placeholder(), self._config.error: self.fitting(self._config.error)}
        return self.update(columns, self.is_key())

    def is_key(self) -> sql.Composable:
        """A row by its key (parameter: the key as text)."""
        # The parameter has no type of its own, so PostgreSQL reads it as the column's and uses its index.
        return sql.SQL("{} = %s").format(self._key)

    def holding(self, column: str) -> sql.Composed:
        """Key and answer columns of rows whose `column`, ids with spaces between, holds any of these (an array)."""
        wanted = [self._config.answers.get(name, "") for name in ("id", "state", "receiver", "due")]
        cells = [sql.SQL("coalesce({}, '')").format(sql.Identifier(n)) if n else sql.SQL("''") for n in wanted]
        found = [sql.SQL("{}::text").format(self._key), *cells]
        return sql.SQL("SELECT {} FROM {} t WHERE string_to_array({}, ' ') && %s::text[] FOR UPDATE").format(
            sql.SQL(", ").join(found), self._table, sql.Identifier(column)
        )


def texts(row: Sequence[Any]) -> list[str] | int:
    """A row's cells as text, or the place of the first that is in no known charset (a database without one)."""
    found: list[str] = []
    for place, cell in enumerate(row):
        try:
            found.append(cell_text(cell))
        except UnicodeDecodeError:
            return place
    return found


def cell_text(cell: object) -> str:
    """A database in SQL_ASCII hands out bytes: UTF-8 cannot be mistaken, what is not is CP949."""
    if not isinstance(cell, bytes):
        return "" if cell is None else str(cell)
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return cell.decode("cp949")
