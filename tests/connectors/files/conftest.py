"""A drop with its connector, driven step by step: no loops, no waiting."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from connectors.files import FilesConnector
from connectors.protocol import Change, Event, Full, Origin, Receipt
from tests.connectors.files.dropping import table

NOW = "2026-11-22T03:00:00Z"


class Desk:
    """A clerk's folder, what was taken of it, and the hub's answers."""

    def __init__(self, around: Path, /, **config: Any) -> None:
        self.drop = around / "drop"
        self.drop.mkdir(exist_ok=True)
        self.settings: dict[str, Any] = {"folder": str(self.drop), "ready": "renamed", **config}
        self.taken: dict[str, Event] = {}
        self.about: dict[str, str] = {}
        self.full = 0
        self.again()

    def again(self) -> None:
        """The connector of a process that was started again."""
        config = FilesConnector.Config.model_validate(self.settings)
        self.connector = FilesConnector(config, Origin("lh", "files", b"k" * 32, lambda: NOW))  # type: ignore[arg-type]

    async def take(self, events: Sequence[Event], *, about: Sequence[str] = (), mark: str | None = None) -> int:
        """What a spool does."""
        del mark
        if self.full:
            self.full -= 1
            raise Full("full")
        new = [(e, a) for e, a in zip(events, about, strict=True) if e["id"] not in self.taken]
        self.taken |= {e["id"]: e for e, _ in new}
        self.about |= {e["id"]: a for e, a in new}
        return len(new)

    def put(self, name: str, content: bytes | list[list[str]]) -> Path:
        """Drop a file."""
        path = self.drop / name
        path.write_bytes(content if isinstance(content, bytes) else table(content))
        return path

    async def look(self) -> bool:
        """One look at the drop."""
        await self.connector.place.open()
        return await self.connector.round(self.take)

    def event(self, cell: str) -> Event:
        """The event of the row that begins with this, the last one taken."""
        return [e for e in self.taken.values() if e.get("data", {}).get("cells", [""])[0] == cell][-1]

    async def tell(self, cell: str, status: str = "recorded", **more: Any) -> None:
        """The hub's receipt for a row."""
        event = self.event(cell)
        await self.connector.tell(
            [Receipt(event["id"], event["source"], status, about=self.about[event["id"]], **more)]
        )
        await self.written()

    async def follow(self, position: int, kind: str, **facts: Any) -> None:
        """An entry of the agency's outbox."""
        await self.connector.follow([Change(position, kind, NOW, facts)])
        await self.written()

    async def written(self) -> None:
        """Reports, now."""
        self.connector.reports._not_before = 0.0
        await self.connector.reports.write_due()

    def rows(self, report: str) -> list[dict[str, str]]:
        """A report, as people read it."""
        path = self.drop / "reports" / report
        if path.suffix == ".xlsx":
            sheet = openpyxl.load_workbook(path).worksheets[0]
            lines = [[str(cell or "") for cell in line] for line in sheet.iter_rows(values_only=True)]
        else:
            raw = path.read_bytes()
            lines = list(csv.reader(io.StringIO(raw.decode("utf-8-sig" if raw.startswith(b"\xef") else "cp949"))))
        return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]

    def files(self, room: str = "") -> list[str]:
        """Paths below a room."""
        root = self.drop / room
        found = (p.relative_to(root) for p in root.rglob("*") if p.is_file() or p.is_symlink())
        return sorted(str(p) for p in found if p.parts[0] != ".ieum")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    held = Desk(tmp_path)
    yield held
    held.connector.outcomes.close()
