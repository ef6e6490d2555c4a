"""A row of the table as an event, or why it cannot be one. Owns the bounds; never interprets a cell."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson

from connectors.protocol import Broken, Event, Origin
from connectors.table.config import TableConfig
from connectors.table.statements import Shape, texts
from hub.schemas.envelope import RAW_LIMIT
from hub.schemas.native.rows import COLUMNS_LIMIT
from hub.schemas.native.wire import TEXT_LIMIT
from hub.schemas.topics import Formats

FORMATS: Final = {"welfare": Formats.WELFARE, "housing": Formats.HOUSING}
ROW_LIMIT: Final = 10_000_000


class Found(msgspec.Struct, frozen=True):
    """One row: its key as text, and what became of it."""

    key: str
    item: Event | Broken


def read(row: tuple[Any, ...], config: TableConfig, shape: Shape, origin: Origin) -> Found:
    """The row as an event. `row`: its key, then the columns that are sent, as `Statements` selects them."""
    cells = texts(row)
    key = cells[0] if not isinstance(cells, int) else bytes(row[0]).decode(errors="replace")
    place = int(key) if key.isascii() and key.isdigit() and 1 <= int(key) <= ROW_LIMIT else 0
    reason = _unfit(cells, shape)
    if reason or isinstance(cells, int):
        return Found(key, Broken(config.table, place, reason))
    data = {"header": list(shape.sent), "cells": cells[1:], "row": place or 1, "register": config.table}
    subject = cells[1 + shape.sent.index(config.number)] if config.number else cells[1]
    event = origin.event(FORMATS[config.format], [config.table, subject], data=data)
    if len(orjson.dumps(event)) > RAW_LIMIT:
        return Found(key, Broken(config.table, place, f"larger than {RAW_LIMIT} bytes"))
    return Found(key, event)


def _unfit(cells: list[str] | int, shape: Shape) -> str:
    """Why the hub could not take it, naming the column, '' when it can."""
    if isinstance(cells, int):
        return f"column {('key', *shape.sent)[cells]}: bytes that are neither UTF-8 nor CP949"
    if len(shape.sent) > COLUMNS_LIMIT:
        return f"more than {COLUMNS_LIMIT} columns"
    if not any(cell.strip() for cell in cells[1:]):
        return "every column is empty"
    long = next((name for name, cell in zip(shape.sent, cells[1:], strict=True) if len(cell) > TEXT_LIMIT), "")
    return f"column {long}: longer than {TEXT_LIMIT} characters" if long else ""
