"""Taking for many at once: the bookmark that stands afterwards, and an answer for everybody when the disk breaks."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from connectors.intake import Intake
from connectors.spool import Spool


def event(number: int) -> dict[str, Any]:
    return {"id": f"{number:032x}", "source": "//agency/lh/files", "data": {"n": number}}


async def test_of_bookmarks_taken_together_the_last_one_stands(tmp_path: Path) -> None:
    intake = Intake(Spool(tmp_path))
    counts = await asyncio.gather(*(intake([event(n)], mark=f"row {n}") for n in range(9)))
    assert (sum(counts), intake.spool.mark()) == (9, "row 8")
    intake.close()
    intake.spool.close()


async def test_a_disk_that_breaks_is_told_to_everybody_and_the_next_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake(Spool(tmp_path))

    def broken(*_: object) -> int:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(intake.spool, "put", broken)
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(intake([event(n)]) for n in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [sqlite3.OperationalError] * 3
    assert await intake([event(1)]) == 1
    intake.close()
    intake.spool.close()


async def test_what_cannot_be_written_is_told_to_its_taker_and_costs_nobody_else_an_answer(tmp_path: Path) -> None:
    """A text with half a surrogate has no bytes: whoever gave it hears so, and does not wait for ever."""
    intake = Intake(Spool(tmp_path))
    async with asyncio.timeout(5):
        answers = await asyncio.gather(
            intake([event(1)]),
            intake([event(2)], about=["\udce9.csv/1"]),
            intake([event(3)]),
            return_exceptions=True,
        )
    assert [answers[0], answers[2]] == [1, 1]
    assert isinstance(answers[1], TypeError)
    assert intake.spool.figures().waiting == 2
    intake.close()
    intake.spool.close()
