"""`check`: one line for each thing that can be wrong with an interface table, and how to mend it. Changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg

from connectors.protocol import Check
from connectors.table.config import TableConfig
from connectors.table.database import Database, Rows
from connectors.table.statements import WHOLE_NUMBERS, Shape, qualified, shape

OLDEST: Final = 130_000  # PostgreSQL 13, the first with pg_snapshot_xmin
ID_WIDTH: Final = 36
LONG_S: Final = 600
UNIQUE: Final = """
SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL AND a.attname = %s
"""
#: How long the oldest transaction that can hold back rows has been running, in seconds.
HELD: Final = """
SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)::int FROM pg_stat_activity
WHERE backend_xmin IS NOT NULL AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
"""
One = Callable[[TableConfig, Shape, Rows], Awaitable[Check]]


async def checks(config: TableConfig) -> list[Check]:
    """All of them; only the first where nobody answers."""
    database = Database(config, read_only=True)
    try:
        async with database.transaction() as connection:
            found = [_server(connection)]
            shape_ = await shape(config, connection)
            found.append(_columns(config, shape_))
            if shape_.types and found[-1].ok:
                found += [await one(config, shape_, connection) for one in _ALL]
    except (psycopg.Error, OSError) as error:
        said = str(error).strip().partition("\n")[0]
        fix = "Correct host, port, username and password; pg_hba.conf must let us in; tls must fit the server."
        return [Check("connection", ok=False, found=said or type(error).__name__, fix=fix)]
    finally:
        await database.close()
    return found


def _server(connection: Rows) -> Check:
    version = connection.info.server_version
    encoding = connection.info.parameter_status("server_encoding")
    fix = "" if version >= OLDEST else "Mode id needs PostgreSQL 13; before it use mode status."
    return Check("connection", version >= OLDEST, f"PostgreSQL {version // 10_000}, {encoding}", fix)


def _columns(config: TableConfig, found: Shape) -> Check:
    if not found.types:
        fix = f"Create {config.schema_name}.{config.table}, or GRANT USAGE ON SCHEMA {config.schema_name}."
        return Check("columns", ok=False, found="the table is not there, or we may not see it", fix=fix)
    wanted = {config.key, *found.sent, *config.written} | ({config.since, config.number} - {""})
    if missing := sorted(wanted - found.types.keys()):
        return Check("columns", ok=False, found=f"missing: {', '.join(missing)}", fix="Correct the configuration.")
    return Check("columns", ok=True, found=f"{len(found.sent)} are sent")


async def _key(config: TableConfig, found: Shape, connection: Rows) -> Check:
    type_ = found.types[config.key]
    if config.mode == "id" and type_ not in WHOLE_NUMBERS:
        return Check("key", ok=False, found=f"{config.key} is {type_}", fix="Use mode status, or a number as key.")
    unique = await _one(connection, UNIQUE, qualified(config), config.key)
    fix = "" if unique else f"ALTER TABLE {config.table} ADD UNIQUE ({config.key}): rows are answered by it."
    return Check("key", bool(unique), f"{config.key}, {type_}, {'unique' if unique else 'not unique'}", fix)


async def _reading(config: TableConfig, found: Shape, connection: Rows) -> Check:
    missing = [
        name
        for name in (config.key, *found.sent)
        if not await _one(connection, "SELECT has_column_privilege(%s, %s, 'SELECT')", qualified(config), name)
    ]
    fix = f"GRANT SELECT ON {config.schema_name}.{config.table} TO {config.username}" if missing else ""
    return Check("reading", not missing, f"{len(missing)} columns we may not read", fix)


async def _writing(config: TableConfig, found: Shape, connection: Rows) -> Check:
    """Only the columns that are ours to write, and no right to more."""
    del found
    ask = "SELECT has_column_privilege(%s, %s, 'UPDATE')"
    missing = [name for name in config.written if not await _one(connection, ask, qualified(config), name)]
    if missing:
        fix = f"GRANT UPDATE ({', '.join(missing)}) ON {config.schema_name}.{config.table} TO {config.username}"
        return Check("writing", ok=False, found=f"we may not write {', '.join(missing)}", fix=fix)
    more = await _one(
        connection, "SELECT has_table_privilege(%s, 'UPDATE, DELETE, TRUNCATE')", qualified(config)
    )  # any of them
    said = f"{len(config.written)} columns" if config.written else "nothing, and the session says so"
    return Check("writing", ok=True, found=f"{said}{'; our user may do more than it needs' if more else ''}")


async def _widths(config: TableConfig, found: Shape, connection: Rows) -> Check:
    del connection
    narrow = []
    for name, column in config.answers.items():
        width = found.widths[column]
        room = int(width.partition("(")[2].rstrip(")") or 0) if width.startswith("character") else 0
        if not (width in {"text", "character varying"} or room >= (ID_WIDTH if name == "id" else 1)):
            narrow.append(f"{column} is {width}")
    fix = f"Make answer columns text; an id has {ID_WIDTH} characters." if narrow else ""
    return Check("answers", not narrow, ", ".join(narrow) or f"{len(config.answers)} columns of text", fix)


async def _waiting(config: TableConfig, found: Shape, connection: Rows) -> Check:
    """Mode id waits for transactions that began before a row was written, wherever in the server they run."""
    del found
    if config.mode == "status":
        return Check("waiting", ok=True, found="rows say themselves that they are new")
    held = int(await _one(connection, HELD))
    fix = "" if held < LONG_S else "Rows wait for the oldest writing transaction of the server: end it."
    return Check("waiting", held < LONG_S, f"the oldest writing transaction runs for {held} s", fix)


_ALL: Final[tuple[One, ...]] = (_key, _reading, _writing, _widths, _waiting)


async def _one(connection: Rows, statement: str, *values: Any) -> Any:  # noqa: ANN401 - one value of any type
    row = await (await connection.execute(statement, values)).fetchone()
    return row[0] if row else None
