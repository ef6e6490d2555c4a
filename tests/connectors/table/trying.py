"""The table connector, driven step by step: no loops, no waiting. Owns no assertion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from connectors.protocol import Event, Full
from connectors.table import TableConnector
from connectors.testing.stage import made
from tests.connectors.table.polling import TablePartner


class Taken:
    """A spool that only remembers; full on demand."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.about: list[str] = []
        self.mark = ""
        self.full = False

    async def __call__(self, events: Sequence[Event], *, about: Sequence[str] = (), mark: str | None = None) -> int:
        if self.full:
            raise Full("full")
        new = [e for e in events if e["id"] not in self.events]
        self.events |= {e["id"]: e for e in events}
        self.about += about
        self.mark = mark or self.mark
        return len(new)

    def cells(self) -> list[list[str]]:
        return [e["data"]["cells"] for e in self.events.values()]


def connector(partner: TablePartner, mark: str = "", **changed: Any) -> TableConnector:
    config = {**partner.config(), **changed}
    found = made(TableConnector, {k: v for k, v in config.items() if v is not None}, mark)
    assert isinstance(found, TableConnector)
    return found


def by_id(partner: TablePartner, mark: str = "", **changed: Any) -> TableConnector:
    """It only reads: no status, nothing written back."""
    bare = {"mode": "id", "status": None, "error": None, "answers": None}
    return connector(partner, mark, **{**bare, **changed})


@asynccontextmanager
async def running(one: TableConnector, take: Taken) -> AsyncIterator[None]:
    task = asyncio.create_task(one.run(take))
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def once(one: TableConnector, take: Taken) -> int:
    round_ = one._by_status if one.config.mode == "status" else one._by_id
    return await round_(take)


async def stop(*some: TableConnector) -> None:
    for one in some:
        await one._rows.close()
        await one._told.close()
