"""A published directory with its connector, driven step by step: no loops, no waiting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connectors.hsds import HsdsConnector
from connectors.protocol import Event, Full, Origin

NOW = "2026-11-22T03:00:00Z"


class Desk:
    """A folder, what was taken of it, and a spool that can be full."""

    def __init__(self, around: Path, **config: Any) -> None:
        self.place = around / "directory"
        self.place.mkdir(exist_ok=True)
        self.settings: dict[str, Any] = {"path": str(self.place)} if "url" not in config else {}
        self.settings |= config
        self.taken: list[Event] = []
        self.known: set[str] = set()
        self.mark = ""
        self.full = 0
        self.again()

    def again(self) -> None:
        """The connector of a process that was started again."""
        config = HsdsConnector.Config.model_validate(self.settings)
        origin = Origin("sangbong", "hsds", b"k" * 32, lambda: NOW)
        self.connector = HsdsConnector(config, origin, self.mark)  # type: ignore[arg-type]

    async def take(self, events: Sequence[Event], *, about: Sequence[str] = (), mark: str | None = None) -> int:
        """What a spool does: an id once."""
        if self.full:
            self.full -= 1
            raise Full("full")
        assert len(about) == len(events)
        new = [event for event in events if event["id"] not in self.known]
        self.known |= {event["id"] for event in new}
        self.taken += new
        self.mark = self.mark if mark is None else mark
        return len(new)

    def put(self, name: str, content: bytes | object) -> Path:
        """A file, or a value as JSON."""
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode())
        return path

    async def look(self) -> int:
        """One look."""
        return await self.connector.round(self.take)

    def report(self) -> dict[str, Any]:
        """As it stands."""
        return dict(json.loads(self.connector.config.report_file.read_bytes()))

    def problems(self) -> list[tuple[str, int, str, str]]:
        """File, row, field and code of each."""
        return [(p["path"], p["row"], p["field"], p["code"]) for p in self.report()["problems"]]

    def names(self) -> list[str]:
        """Names of the organizations that were taken, in order."""
        return [event["data"]["name"] for event in self.taken]
