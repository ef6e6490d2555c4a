"""What goes wrong around a drop: a full disk, a crash, rights, a folder that goes away. Nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from connectors.files import drop as dropping
from connectors.files.place import Away, Found
from connectors.testing import until
from tests.connectors.files.conftest import Desk
from tests.connectors.files.dropping import row, table

ROWS = [["LH-1", *row(1)[1:]], ["LH-2", *row(2)[1:]]]


async def test_a_full_spool_leaves_the_file_where_it_is_until_there_is_room(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.files.taking.AGAIN_S", 0.2)
    desk.full = 2
    path = desk.put("a.csv", ROWS)
    looking = asyncio.create_task(desk.look())
    await asyncio.sleep(0.1)
    assert path.exists()
    assert desk.taken == {}
    await looking
    assert not path.exists()
    assert len(desk.taken) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; the next test says the same of any user")
async def test_a_file_we_may_not_read_stays_and_is_named_by_check(desk: Desk) -> None:
    desk.put("a.csv", ROWS).chmod(0)
    assert not await desk.look()
    assert desk.files() == ["a.csv"]


async def test_a_file_that_is_locked_stays_and_is_named_by_check(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def locked(path: str) -> Path:
        raise PermissionError(path)

    desk.put("a.csv", ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(desk.connector.place, "fetch", locked)
        assert not await desk.look()
        (check,) = [c for c in await desk.connector.check() if c.name == "files"]
    assert (check.ok, check.found) == (False, "1 waiting, 1 we may not read")
    assert check.fix
    assert await desk.look()


async def test_a_full_disk_keeps_the_file_and_the_connector(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    path = desk.put("a.csv", ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(desk.connector.outcomes, "moving", full)
        with pytest.raises(Away):
            await desk.look()
    assert path.exists()
    assert await desk.look()
    assert len(desk.taken) == 2


async def test_receipts_wait_for_a_disk_with_room(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.files.reports.AGAIN_S", 0.01)
    tell, tries = desk.connector.outcomes.tell, 0

    def full(receipts: Any) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise sqlite3.OperationalError("database or disk is full")
        tell(receipts)

    desk.put("a.csv", ROWS)
    await desk.look()
    monkeypatch.setattr(desk.connector.outcomes, "tell", full)
    await desk.tell("LH-1", referrals=({"id": "r-1"},))
    assert desk.rows("a.report.csv")[0]["이음번호"] == "r-1"


async def test_a_file_somebody_writes_on_while_it_is_read_is_read_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.put("a.csv", ROWS)

    async def writing(self: dropping.Drop, file: Found) -> bool:
        monkeypatch.undo()
        with path.open("ab") as handle:
            handle.write(table([["LH-3", *row(3)[1:]]]).splitlines()[1])
        return await self.is_same(file)

    monkeypatch.setattr(dropping.Drop, "is_same", writing)
    assert not await desk.look()
    assert path.exists()
    assert await desk.look()
    assert len(desk.taken) == 3


async def test_what_was_told_of_a_file_that_is_read_again_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows are known to the spool by then: no receipt comes a second time."""
    path = desk.put("a.csv", ROWS)

    async def writing(self: dropping.Drop, file: Found) -> bool:
        monkeypatch.undo()
        await desk.tell("LH-1", referrals=({"id": "r-1"},))
        with path.open("ab") as handle:
            handle.write(table([["LH-3", *row(3)[1:]]]).splitlines()[1])
        return await self.is_same(file)

    monkeypatch.setattr(dropping.Drop, "is_same", writing)
    assert not await desk.look()
    assert await desk.look()
    await desk.written()
    assert [line["이음번호"] for line in desk.rows("a.report.csv")] == ["r-1", "", ""]


async def test_a_crash_between_commit_and_rename_doubles_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at each step on the way into the archive: the file is there, or begun again."""
    steps = [
        (desk.connector.outcomes, "moving"),
        (desk.connector.place, "move"),
        (desk.connector.outcomes, "archived"),
        (desk.connector.drop, "tidy"),
    ]
    for number, (_, name) in enumerate(steps):
        owner = (desk.connector.outcomes, desk.connector.place, desk.connector.outcomes, desk.connector.drop)[number]

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        desk.put(f"{number}.csv", [[f"LH-{number}", *row(number)[1:]]])
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, killed)
            with pytest.raises(KeyboardInterrupt):
                await desk.look()
        desk.connector.outcomes.close()
        desk.again()
        await desk.connector._recover()
        await desk.look()
        await desk.written()
        assert f"2026-11-22/{number}.csv" in desk.files("archive")
        assert f"{number}.report.csv" in desk.files("reports")
    assert len(desk.taken) == len(steps)


async def test_a_folder_that_goes_away_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.files.connector.AGAIN_S", 0.01)
    desk.settings["poll_s"] = 0.01
    desk.settings["state"] = str(desk.drop.parent / "state")
    desk.again()
    elsewhere = desk.drop.with_name("elsewhere")
    desk.drop.rename(elsewhere)
    running = asyncio.create_task(desk.connector.run(desk.take))
    await asyncio.sleep(0.1)
    elsewhere.rename(desk.drop)
    desk.put("a.csv", ROWS)
    await until(lambda: desk.files("archive") != [])
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(desk.taken) == 2


async def test_it_ends_when_it_is_canceled_just_as_a_report_becomes_due(desk: Desk) -> None:
    for _ in range(20):
        running = asyncio.create_task(desk.connector.reports.run())
        await asyncio.sleep(0.01)
        desk.connector.reports.wake()
        await asyncio.sleep(0)
        running.cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(running, return_exceptions=True)
        assert running.cancelled()
