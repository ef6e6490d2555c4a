"""Killed at any moment, a list that is dropped again and again tries its refused row once a drop, and no other one."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from connectors.testing.recording import Recording
from connectors.testing.stage import Child
from tests.connectors.files.dropping import FolderPartner, row, table

ROWS = 5
REFUSED = 2


class Nightly(FolderPartner):
    """Its program drops the whole list again."""

    def config(self) -> dict[str, Any]:
        return super().config() | {"retry_refused": "always"}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kills", [5, pytest.param(60, marks=pytest.mark.faults)])
async def test_kills_try_nothing_twice(tmp_path: Path, kills: int) -> None:
    partner = Nightly(tmp_path)
    hub = Recording(partner.number, lambda number: "refused" if number == REFUSED else "")
    await partner.open()
    async with hub.served() as url:
        child, ending = Child(partner, url), asyncio.Event()
        dropping = asyncio.create_task(drop(partner, ending))
        try:
            for _ in range(kills):
                await child.start()
                await asyncio.sleep(0.3 + random.random() / 2)  # noqa: S311 - a moment nobody chose
                await child.kill()
            await child.start()
            ending.set()
            await dropping
            await told_again(partner, hub)
        finally:
            dropping.cancel()
            await child.kill()
            await partner.close()
    numbers = hub.numbers()
    assert {n: numbers.count(n) for n in range(ROWS) if n != REFUSED} == dict.fromkeys({0, 1, 3, 4}, 1)
    assert 3 <= numbers.count(REFUSED) <= len(list((partner.drop / "archive").rglob("*.csv")))


async def drop(partner: FolderPartner, ending: asyncio.Event) -> None:
    """Drop the list, again and again, as soon as it was taken."""
    while not ending.is_set():
        while not (await partner.feed(table(map(row, range(ROWS))))).taken:  # noqa: ASYNC110 - a partner knows no event
            await asyncio.sleep(0.01)
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), 0.2)


async def told_again(partner: FolderPartner, hub: Recording) -> None:
    """Left alone, the drop behind a refusal is one more attempt."""
    for _ in range(2):
        before = hub.numbers().count(REFUSED)
        async with asyncio.timeout(60):
            while hub.numbers().count(REFUSED) == before:
                assert (await partner.feed(table(map(row, range(ROWS))))).taken
                await asyncio.sleep(0.1)
        assert hub.numbers().count(REFUSED) == before + 1
