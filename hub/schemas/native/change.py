"""A change of a row in an agency's database, as Debezium tells it. Owns the shape; what columns mean is a rule.

The connector `debezium` sends of a change event what a referral is read from, and where it stood; `rows` says which
rows they are. https://debezium.io/documentation/reference/3.7/connectors/postgresql.html#postgresql-events
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from hub.schemas.native.rows import COLUMNS_LIMIT
from hub.schemas.native.wire import Foreign, Own, Word

#: What stands for a long value that an update did not touch and the database therefore did not tell.
UNAVAILABLE: Final = "__debezium_unavailable_value"


class ChangeSource(Foreign):
    """Where a change stood: its table, and its place in the database's log."""

    table: Word
    schema_name: Annotated[Word, Field(alias="schema")] = ""
    lsn: int | None = None
    tx: Annotated[int | None, Field(alias="txId")] = None


class Change(Own):
    """`op`: c created, u updated, d deleted, r read by a snapshot. `after`: the row since, cells by column."""

    rows: Literal["welfare", "housing"]
    op: Literal["c", "u", "d", "r"]
    source: ChangeSource
    after: Annotated[dict[Word, Any], Field(max_length=COLUMNS_LIMIT)] | None = None
