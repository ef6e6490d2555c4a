"""One file on its way into the spool: in slices, each committed before the next is read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
import structlog

from connectors.files.outcomes import Outcomes
from connectors.protocol import Broken, Event, Full, Take
from connectors.reading import Placed, Sender, placed
from connectors.reading_report import readable

log = structlog.get_logger()
#: Rows of one commit.
SLICE: Final = 500
#: Unreadable places named in an answer at most.
NAMED: Final = 500
#: Between attempts at a full spool, in seconds.
AGAIN_S: Final = 2.0


class Refused(Exception):  # noqa: N818 - it is no error of ours: a value the intake ends with
    """Nothing in a file can be read."""

    def __init__(self, reasons: Sequence[Placed]) -> None:
        super().__init__(f"{len(reasons)} places")
        self.reasons = reasons


class File(msgspec.Struct, frozen=True):
    """A complete file: where it can be read, the name it was dropped under, its format, today (ISO)."""

    local: Path
    name: str
    fmt: str | None
    day: str


class Intake:
    """Counts what it takes: rows, which of them were new or have notes, what could not be read; how wide sheets are."""

    def __init__(self, file: File, sender: Sender, outcomes: Outcomes, report: str, take: Take) -> None:
        self._file, self._outcomes, self._report, self._take = file, outcomes, report, take
        self._items = placed(file.local, sender, file.fmt, file.name)
        self.rows = self.new = self.noted = self.broken = 0
        self.wide: dict[str, int] = {}
        self._unread: list[Placed] = []

    async def all(self) -> int:
        """Take all of it. Returns its number in the state. Raises `Refused` where nothing in it can be read."""
        seq = await asyncio.to_thread(self._outcomes.begin, self._report, self._file.day)
        shown = readable(self._file.name)
        while some := await asyncio.to_thread(self._slice):
            events = [(p.row, p.item) for p in some if not isinstance(p.item, Broken)]
            if events:
                # Before the events can be told of: a receipt finds the files it belongs to by this.
                await asyncio.to_thread(self._outcomes.hold, seq, [e["id"] for _, e in events])
                await self._put([e for _, e in events], [f"{shown}|{row}" for row, _ in events])
        if not self.rows:
            await asyncio.to_thread(self._outcomes.forget, seq)
            raise Refused(self._unread)
        return seq

    async def _put(self, events: Sequence[Event], about: Sequence[str]) -> None:
        """Commit a slice; at the bound the file stays where it is, and this slice is tried until there is room."""
        while True:
            try:
                self.new += await self._take(events, about=about)
            except Full as error:
                log.warning("spool_full", error=str(error))
                await asyncio.sleep(AGAIN_S)
            else:
                return

    def _slice(self) -> list[Placed]:
        some = list(islice(self._items, SLICE))
        for found in some:
            if isinstance(found.item, Broken):
                self.broken += 1
                self._unread += [found] if len(self._unread) < NAMED else []
            else:
                self.rows += 1
                self.noted += bool(found.notes)
                self._measure(found.sheet, found.item.get("data"))
        return some

    def _measure(self, sheet: str, data: object) -> None:
        """A row with more cells than its header has columns makes the report wider."""
        if not isinstance(data, dict):
            return
        cells, header = data.get("cells"), data.get("header")
        if isinstance(cells, list) and isinstance(header, list) and len(cells) > len(header):
            self.wide[sheet] = max(self.wide.get(sheet, 0), len(cells))
