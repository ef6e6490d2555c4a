"""One file on its way into the spool: in slices, each committed before the next is read.

Owns under which id a row is taken: the one its content gives, so that a row that was taken is not taken again. Where
the hub refused that event for good, the next drop tries once more, under an id that follows from the refused one's: the
city may have mended what it was refused for. Until the hub has answered, that id stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

from connectors.files.outcomes import Outcomes
from connectors.files.slices import slices
from connectors.protocol import Broken, Event, Full, Take
from connectors.reading import Placed, Sender, placed
from connectors.reading_report import readable

log = structlog.get_logger()
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
    """A complete file: where it can be read, the name it was dropped under, its format, today (ISO).

    retry: whether rows that were refused are tried again.
    """

    local: Path
    name: str
    fmt: str | None
    day: str
    retry: bool


class Intake:
    """Counts rows: those taken, new, with notes, tried again, unreadable; and how wide sheets are."""

    def __init__(self, file: File, sender: Sender, outcomes: Outcomes, report: str, take: Take) -> None:
        self._file, self._sender, self._outcomes, self._report, self._take = file, sender, outcomes, report, take
        self._slices = slices(placed(file.local, sender, file.fmt, file.name))
        self.rows = self.new = self.noted = self.broken = self.again = 0
        self.wide: dict[str, int] = {}
        self._unread: list[Placed] = []

    async def all(self) -> int:
        """Take all of it. Returns its number in the state. Raises `Refused` where nothing in it can be read."""
        seq = await asyncio.to_thread(self._outcomes.begin, self._report, self._file.day)
        shown = readable(self._file.name)
        while some := await asyncio.to_thread(self._slice):
            events = [(p.row, p.item) for p in some if not isinstance(p.item, Broken)]
            if events:
                ids = await asyncio.to_thread(self._held, seq, [e["id"] for _, e in events])
                due = [{**e, "id": ids[e["id"]]} for _, e in events]
                await self._put(due, [f"{shown}|{row}" for row, _ in events])
        if not self.rows:
            await asyncio.to_thread(self._outcomes.forget, seq)
            raise Refused(self._unread)
        return seq

    def _held(self, seq: int, firsts: Sequence[str]) -> dict[str, str]:
        """Under which id each content is taken now. Held before events can be told of: receipts find files by it."""
        last = dict(zip(firsts, firsts, strict=True)) | self._outcomes.attempts(firsts)
        refused = self._outcomes.refused(list(last.values())) if self._file.retry else set()
        self.again += len(refused)
        ids = {first: self._sender.behind(id_) if id_ in refused else id_ for first, id_ in last.items()}
        self._outcomes.hold(seq, ids)
        return ids

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
        some = next(self._slices, [])
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
