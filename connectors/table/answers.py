"""Writes what the hub says into the partner's row: the referral's id there, its state, who has it, until when.

Owns these columns and, in mode status, the turn from sent to failed and back. A row whose status says that it is new
again is the partner's: it is left alone. A row of several needs has several referrals, their answers side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from psycopg import sql

from connectors.protocol import REFUSED, SEEN, Change, Receipt
from connectors.standing import standing
from connectors.table.config import TableConfig
from connectors.table.database import Rows
from connectors.table.statements import WHOLE_NUMBERS, Shape, Statements, texts

log = structlog.get_logger()
BETWEEN: Final = "; "
REASONS_LIMIT: Final = 2000
STANDS: Final = ("state", "receiver", "due")


class Answers:
    """The columns of one table."""

    def __init__(self, config: TableConfig) -> None:
        self._config = config

    async def tell(self, receipts: Sequence[Receipt], shape: Shape, connection: Rows) -> None:
        """Write receipts into their rows. The same receipts again change nothing."""
        statements = Statements(self._config, shape)
        whole = shape.types.get(self._config.key) in WHOLE_NUMBERS
        ours = [r for r in receipts if r.about and (not whole or r.about.lstrip("-").isdigit())]
        for refused, named in {(r.status == REFUSED, bool(r.referrals)) for r in ours}:
            some = [r for r in ours if (r.status == REFUSED, bool(r.referrals)) == (refused, named)]
            columns, values = self._told(statements, refused=refused, named=named)
            if columns:
                statement = statements.update(columns, statements.is_key())
                async with connection.cursor() as cursor:
                    await cursor.executemany(statement, [[*_values(values, r), r.about] for r in some])
        log.info("rows_told", rows=len(ours), refused=sum(r.status == REFUSED for r in ours))

    def _told(
        self, statements: Statements, *, refused: bool, named: bool
    ) -> tuple[dict[str, sql.Composable], list[str]]:
        """Columns to set, and the names of the values their parameters take, in order."""
        answers, columns, values = self._config.answers, dict[str, sql.Composable](), list[str]()
        if named and (id_ := answers.get("id")):
            columns[id_] = statements.fitting(id_)
            values.append("id")
            for name in STANDS:
                if column := answers.get(name):
                    # With its id there, a row is kept up by what happened since: a receipt told again is older.
                    kept = sql.SQL("CASE WHEN {0} IS DISTINCT FROM %s::text THEN {1} ELSE {2} END")
                    column_name = sql.Identifier(column)
                    columns[column] = kept.format(sql.Identifier(id_), statements.fitting(column), column_name)
                    values += ["id", name]
        if column := answers.get("reasons"):
            columns[column] = statements.fitting(column)
            values.append("reasons")
        if self._config.mode == "status":
            self._turn(columns, statements, refused=refused)
            values += ["reasons"]
        return columns, values

    def _turn(self, columns: dict[str, sql.Composable], statements: Statements, *, refused: bool) -> None:
        """Sent becomes failed by a refusal, and failed sent by a later receipt."""
        config = self._config
        before, after = (config.sent, config.failed) if refused else (config.failed, config.sent)
        status, error = sql.Identifier(config.status), sql.Identifier(config.error)
        new, literal = sql.Literal(config.new), sql.Literal
        turned = sql.SQL("CASE WHEN {0} = {1} THEN {2} ELSE {0} END")
        columns[config.status] = turned.format(status, literal(before), literal(after))
        told = sql.SQL("CASE WHEN {0} = {1} THEN {2} ELSE {3} END")
        columns[config.error] = told.format(status, new, error, statements.fitting(config.error))

    async def follow(self, changes: Sequence[Change], shape: Shape, connection: Rows) -> None:
        """Write what happened since into the rows whose referrals are concerned.

        A referral that no row names yet is passed over: its receipt comes later, and tells how it stands by then.
        """
        if "id" not in self._config.answers:
            return
        stands: dict[str, dict[str, str]] = {}
        for change in changes:
            for id_, told in standing(change):
                stands[id_] = stands.get(id_, {}) | told
        await self._place(stands, Statements(self._config, shape), connection)

    async def _place(self, stands: Mapping[str, dict[str, str]], statements: Statements, connection: Rows) -> None:
        """Write them into the rows that name these referrals."""
        if not stands:
            return
        rows = await connection.execute(statements.holding(self._config.answers["id"]), [list(stands)])
        names = [name for name in STANDS if name in self._config.answers]
        columns = {self._config.answers[name]: statements.fitting(self._config.answers[name]) for name in names}
        for row in await rows.fetchall():
            cells = texts(row)
            if isinstance(cells, int) or not columns:
                continue
            key, ids, now = cells[0], cells[1].split(), dict(zip(STANDS, cells[2:], strict=True))
            after = _side_by_side(ids, now, stands)
            values = [after[name] for name in names]
            await connection.execute(statements.update(columns, statements.is_key()), [*values, key])


def _side_by_side(ids: list[str], now: Mapping[str, str], stands: Mapping[str, dict[str, str]]) -> dict[str, str]:
    """The answer columns of a row after changes, each referral's at the place of its id."""
    found: dict[str, str] = {}
    for name, text in now.items():
        parts = text.split(BETWEEN) if len(ids) > 1 else [text]
        parts = parts if len(parts) == len(ids) else [""] * len(ids)
        found[name] = BETWEEN.join(stands.get(i, {}).get(name, part) for i, part in zip(ids, parts, strict=True))
    return found


def _values(names: Sequence[str], receipt: Receipt) -> list[str]:
    text = "; ".join(_reason(one) for one in receipt.reasons)[:REASONS_LIMIT] if receipt.status != SEEN else ""
    held: dict[str, Any] = {"reasons": text, "id": " ".join(str(r.get("id", "")) for r in receipt.referrals)}
    for name in STANDS:
        held[name] = BETWEEN.join(str(r.get(name) or "") for r in receipt.referrals)
    return [held[name] for name in names]


def _reason(told: Mapping[str, Any]) -> str:
    """Column and why, as one text."""
    path, text = str(told.get("path", "")), str(told.get("text") or told.get("code") or "")
    return f"{path}: {text}" if path else text
