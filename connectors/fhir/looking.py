"""Looks for new Tasks (or requests) on the hospital's server. Owns the position, and that no update is missed.

Results change while they are read: what we and others update moves to their end, and pages shift. So the next page is
asked for by the time where this one ended; links are followed where many have one time, or where the server does not
sort: then the position stands until a whole reading found nothing new. Each look begins a little before the position,
because a server may show an update late. Times are the server's own; our clock decides nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from connectors.fhir.config import FhirConfig
from connectors.fhir.gathering import REQUEST, TASK, is_echo
from connectors.fhir.pages import Held, Page, Unreadable, pages, read, updated
from connectors.fhir.searching import Search, earlier, instant
from connectors.fhir.server import Away, Server, TooLarge, Unsupported
from connectors.fhir.taking import Taking
from connectors.protocol import Take

log = structlog.get_logger()
#: Readings of unsorted results before the others have their turn.
READINGS: Final = 5
#: How far a time of the server may be ahead of its own clock; one beyond it moves no position.
AHEAD: Final = timedelta(minutes=5)


class Reading(msgspec.Struct):
    """One reading of the results, up to here. at: the time it asks from; last: the newest in its last page.

    before: the time that stood before the next one; links: how many were followed since; new: what was not dealt with.
    """

    at: str
    last: str = ""
    before: str = ""
    links: int = 0
    new: int = 0


class Looking:
    """Where we are in the server's Tasks."""

    def __init__(self, config: FhirConfig, server: Server, taking: Taking, position: str) -> None:
        self._config, self._server, self._taking = config, server, taking
        self.position = position
        #: A bookmark that was reset asks for everything once more, also for what shows that it was taken.
        self._anew = not position
        self._search = Search(config)
        #: Whether more pages are known to wait.
        self.behind = False
        #: Whether the server's times have only grown, page by page.
        self._sorted = True
        #: Versions that were dealt with, as far back as is looked again.
        self._seen: dict[str, tuple[str, str]] = {}

    async def round(self, take: Take, since: str = "") -> int:
        """Deal with what is new. Returns how many that were. since: begin there instead. Raises `Away`, `Full`."""
        at = since or earlier(self.position, self._config.overlap_s) or await self._beginning(take)
        reading = await self._read(at, take, moves=not since)
        new = reading.new
        for _ in range(READINGS):
            if self._sorted or not reading.new:
                break
            reading = await self._read(at, take, moves=not since)
            new += reading.new
        if not since and (self._sorted or not reading.new):
            self._anew = False
            await self._advance(reading.last, take)
        return new

    # ------------------------------------------------------------- inside
    async def _read(self, at: str, take: Take, *, moves: bool) -> Reading:
        """Read all results from a time on. moves: the position with them."""
        try:
            return await self._read_on(Reading(at), take, moves=moves)
        finally:
            self.behind = False

    async def _read_on(self, reading: Reading, take: Take, *, moves: bool) -> Reading:
        link, whole = "", True
        while True:
            reading.before = reading.before if link else ""
            page = await self._asked(reading.at, link)
            if page is None:
                link, whole = "", False
                continue
            await self._page(page, reading, take)
            self.behind = bool(page.next)
            if not page.next:
                break
            link = page.next
            if self._sorted and reading.last > reading.at:
                reading.at, reading.links, link = reading.last, 0, ""
                if moves:
                    await self._advance(reading.at, take)
            elif reading.links == self._config.pages:
                raise Away(f"more than {self._config.pages} pages in no order, or of one time")
            else:
                reading.links += 1
        if whole:
            self._search.larger()
        return reading

    async def _asked(self, at: str, link: str) -> Page | None:
        """A page; None where it has to be asked for otherwise. Raises `Away`."""
        search = self._search
        try:
            if link:
                return read(await self._server.get(self._server.below(link)), search.kind)
            return read(await self._server.get(search.kind, search.parameters(at)), search.kind)
        except TooLarge as error:
            if not search.smaller():
                raise TooLarge(f"one {search.kind} alone is {error}") from error
            log.warning("page_too_large", next=search.count)
        except Unsupported:
            if not search.plainer():
                raise
            log.warning("includes_unsupported")
        return None

    async def _page(self, page: Page, reading: Reading, take: Take) -> None:
        """Deal with what was not dealt with."""
        kind = self._search.kind
        fresh: list[tuple[Held, str]] = []
        limit = _limit(page.date)
        for one in page.held:
            if one.name and not one.name.startswith(f"{kind}/"):
                continue
            time = "" if isinstance(one.value, Unreadable) else instant(updated(one.value))
            if time and time <= limit:
                self._sorted = self._sorted and time >= reading.before
                reading.before, reading.last = time, max(reading.last, time)
            if not self._is_known(one):
                fresh.append((one, time))
        if not fresh:
            return
        names = {one.name for one, _ in fresh}
        held = [h for h in page.held if h.name in names or not h.name.startswith(f"{kind}/")]
        families, revoked, pool = self._search.sorted_out(held)
        await self._taking.revoke(revoked)
        await self._taking.families(families, pool, take)
        self._seen |= {one.name or one.version: (one.version, time or reading.last) for one, time in fresh}
        reading.new += len(fresh)

    def _is_known(self, one: Held) -> bool:
        """Whether this version was dealt with, or only says what we wrote."""
        seen = self._seen.get(one.name or one.version)
        if seen is not None and seen[0] == one.version:
            return True
        if isinstance(one.value, Unreadable) or self._search.kind != TASK or (self._anew and seen is None):
            return False
        return is_echo(one.value)

    async def _beginning(self, take: Take) -> str:
        """Where a first look begins: Tasks ask whatever their age; requests count from now on, older by `backfill`."""
        if self._search.kind == TASK:
            return ""
        async for page in pages(self._server, REQUEST, [("_count", "1")], 1):
            await self._advance(instant(page.date), take)
        return self.position

    async def _advance(self, last: str, take: Take) -> None:
        """Everything up to here is in the spool: remember it there."""
        if last > self.position:
            self.position = last
            await take([], mark=last)
            start = earlier(last, self._config.overlap_s)
            self._seen = {name: seen for name, seen in self._seen.items() if seen[1] >= start}


def _limit(date: str) -> str:
    """The newest time that is believed: a little ahead of the server's own clock; any where that tells none."""
    try:
        return instant((datetime.fromisoformat(date) + AHEAD).isoformat()) if date else "~"
    except OverflowError:
        return "~"
