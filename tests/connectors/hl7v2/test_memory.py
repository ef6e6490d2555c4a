"""What is remembered of messages: bounded, the oldest forgotten first, sealed, and in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.hl7v2.answers import News
from connectors.hl7v2.memory import Memory
from tests.connectors.hl7v2.hospital import ORIGIN


def test_changes_that_wait_in_vain_are_forgotten_the_oldest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.hl7v2.memory.WAITING", 2)
    memory = Memory(tmp_path / "memory.sqlite", ORIGIN)
    for number in range(4):
        memory.wait(News("accepted", f"r-{number}", position=number))
    assert [bool(memory.early(f"r-{number}")) for number in range(4)] == [False, False, True, True]
    memory.close()


def test_so_many_messages_are_remembered_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.hl7v2.memory.REFERRALS", 2)
    memory = Memory(tmp_path / "memory.sqlite", ORIGIN)
    for number in range(4):
        memory.remember([f"r-{number}"], f"message {number}")
    assert [memory.about(f"r-{number}") for number in range(4)] == ["", "", "message 2", "message 3"]
    memory.close()


def test_early_changes_come_in_order_once_and_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    memory = Memory(path, ORIGIN)
    for position in (8, 7, 8):
        memory.wait(News("offered", "r-1", receiver="한가영 보호소", position=position))
    memory.remember(["r-1"], "88001^^^JEIL")
    memory.remember(["r-1"], "another message")
    memory.close()
    assert not any(word.encode() in p.read_bytes() for p in tmp_path.iterdir() for word in ("한가영", "88001"))
    again = Memory(path, ORIGIN)
    assert ([news.position for news in again.early("r-1")], again.about("r-1")) == ([7, 8], "88001^^^JEIL")
    again.told("r-1")
    assert again.early("r-1") == []
    again.close()
