"""A spool whose disk is full refuses as one at its bound: the file stays, and is taken once there is room."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from connectors.intake import Intake
from connectors.protocol import Full
from connectors.spool import Spool
from tests.connectors.files.conftest import Desk
from tests.connectors.files.dropping import row


async def test_a_full_disk_refuses_and_later_takes(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.files.taking.AGAIN_S", 0.05)
    spool = Spool(tmp_path / "spool")
    intake = Intake(spool)
    held = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {held + 4}")
    path = desk.put("a.csv", [row(number) for number in range(2_000)])
    await desk.connector.place.open()
    looking = asyncio.create_task(desk.connector.round(intake))
    await asyncio.sleep(0.3)
    assert path.exists()
    assert not looking.done()
    with pytest.raises(Full):
        await intake([{"id": "1", "source": "s", "data": "x" * 100_000}])
    spool._db.execute("PRAGMA max_page_count = 1000000")
    assert await looking
    assert spool.figures().waiting == 2_000
    intake.close()
    spool.close()
