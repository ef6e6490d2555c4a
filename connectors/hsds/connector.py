"""A service directory, looked at again and again: each organization that changed is one event.

Owns the order that loses nothing: read whole → put together → taken in slices → remembered → reported. A crash anywhere
begins the look again, with the same ids. A directory that no longer names an organization says nothing about it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar, Final

import msgspec
import orjson
import structlog

from connectors.hsds import report
from connectors.hsds.checking import checks, read
from connectors.hsds.config import EXAMPLE, HsdsConfig
from connectors.hsds.documents import DOCUMENT_LIMIT
from connectors.hsds.found import Found, Json, Problem
from connectors.hsds.looking import Standing, read_files, read_pages, standing
from connectors.hsds.memory import Memory, Sent
from connectors.hsds.pages import Away
from connectors.hsds.report import Look
from connectors.protocol import Broken, Change, Check, Config, Event, Full, Origin, Receipt, Take
from hub.errors import Usage
from hub.schemas.topics import Formats, Types

log = structlog.get_logger()
#: Events of one commit.
SLICE: Final = 200
#: Between attempts at a full spool, and at a directory that is away.
AGAIN_S: Final = 2.0
LONGEST_S: Final = 300.0
#: How often the report may be written while receipts come.
REPORT_S: Final = 0.5
#: The bookmark: something was sent since it was reset.
SENT: Final = "sent"


class HsdsConnector:
    """See `protocol.Connector`."""

    name: ClassVar[str] = "hsds"
    about: ClassVar[str] = "A service directory in Open Referral HSDS 3: JSON, CSV tables or an API; changes only."
    Config: ClassVar[type[Config]] = HsdsConfig
    EXAMPLE: ClassVar[dict[str, Any]] = EXAMPLE

    def __init__(self, config: HsdsConfig, origin: Origin, mark: str = "") -> None:
        self.config, self.origin = config, origin
        # The memory says how far we are; a bookmark that was reset asks for everything once more.
        self._anew = not mark
        self._again: set[str] = set()  # organizations that were sent since
        self._memory: Memory | None = None
        self._seen: Standing | None = None
        self._look = Look()
        self._stale = False

    @property
    def memory(self) -> Memory:
        """What was sent, opened when it is first needed: `check` and `discover` leave no trace."""
        if self._memory is None:
            self._memory = Memory(self.config.state_folder)
        return self._memory

    # ------------------------------------------------------------- before it runs
    async def check(self) -> list[Check]:
        """See `Connector`."""
        return await checks(self.config)

    async def discover(self, limit: int) -> list[Event | Broken]:
        """See `Connector`: organizations as they would be sent first; what cannot be read behind them."""
        try:
            found = await read(self.config)
        except Away as error:
            raise Usage(f"The directory cannot be read: {error}.", "Look at `hub connector check`.") from error
        events: list[Event | Broken] = []
        for id_, whole in islice(found.organizations(), limit):
            events.append(_broken(whole) if isinstance(whole, Problem) else self._event(id_, whole, ""))
        return [*events, *map(_broken, found.problems[: limit - len(events)])]

    # ------------------------------------------------------------- running
    async def run(self, take: Take) -> None:
        """See `Connector`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reporting(), name="report")
            await self._watch(take)

    async def _watch(self, take: Take) -> None:
        """Look, take what changed, sleep. A directory that is away is asked again, less and less often."""
        away = 0
        while True:
            try:
                await self.round(take)
            except Full as error:
                log.warning("spool_full", error=str(error))
                await self._show(msgspec.structs.replace(self._look, state=report.FULL))
                await asyncio.sleep(min(AGAIN_S, self.config.poll_s))
            except (Away, OSError, sqlite3.OperationalError) as error:
                away += 1
                log.warning("directory_away", error=type(error).__name__, attempt=away)
                self._seen = None
                await asyncio.sleep(min(LONGEST_S, max(self.config.poll_s, AGAIN_S * 2 ** min(away, 8))))
            else:
                away = 0
                await asyncio.sleep(self.config.poll_s)

    async def round(self, take: Take) -> int:
        """One look. How many organizations were new or had changed."""
        now: Standing | None = None
        if self.config.url:
            found = await read_pages(self.config)
        else:
            now = await asyncio.to_thread(standing, self.config)
            if now == self._seen:
                return 0
            found = await asyncio.to_thread(read_files, self.config, now)
        self._look = Look(self.origin.now(), report.READ, found.files, found.count, 0, found.passed_over)
        new, problems = await self._take(found, take)
        look = msgspec.structs.replace(self._look, new=new, problems=(*found.problems, *problems))
        await self._show(look)
        self._seen = now
        log.info(
            "directory_read", files=len(found.files), organizations=found.count, new=new, problems=len(look.problems)
        )
        return new

    async def _take(self, found: Found, take: Take) -> tuple[int, list[Problem]]:
        """What changed, in slices: each is in the spool before it is remembered."""
        new, problems = 0, list[Problem]()
        async for versions, events in self._changed(found, problems):
            mark = SENT if self._anew else None
            new += await take(events, about=[one.id for one in versions], mark=mark)
            await asyncio.to_thread(self.memory.sent, versions)
            self._again |= {one.id for one in versions} if self._anew else set()
        self._anew = False
        self._again.clear()
        return new, problems

    async def _changed(self, found: Found, problems: list[Problem]) -> AsyncIterator[tuple[list[Sent], list[Event]]]:
        whole = found.organizations()
        while True:
            slice_ = await asyncio.to_thread(lambda: list(islice(self._versions(whole, problems), SLICE)))
            if not slice_:
                return
            yield [one for one, _ in slice_], [event for _, event in slice_]

    def _versions(
        self, whole: Iterator[tuple[str, Json | Problem]], problems: list[Problem]
    ) -> Iterator[tuple[Sent, Event]]:
        """Organizations that say something else than when they were sent last."""
        for id_, organization in whole:
            if isinstance(organization, Problem):
                problems.append(organization)
                continue
            content = orjson.dumps(organization, option=orjson.OPT_SORT_KEYS)
            if len(content) > DOCUMENT_LIMIT:
                problems.append(
                    Problem("", 0, "", "too_large", f"an organization has more than {DOCUMENT_LIMIT} bytes")
                )
                continue
            digest, last = self.origin.digest("listing", content), self.memory.last(id_)
            is_due = self._anew and id_ not in self._again
            if is_due or last is None or last.digest != digest:
                event = self._event(id_, organization, last.event if last else "")
                yield Sent(id_, digest, event["id"]), event

    def _event(self, id_: str, organization: Json, follows: str) -> Event:
        """A version, told apart from the same words said before another version came between."""
        behind = {"follows": follows} if follows else {}
        return self.origin.event(Formats.HSDS, id_, type_=Types.DIRECTORY, data=organization, **behind)

    # ------------------------------------------------------------- once, now
    async def backfill(self, since: str, take: Take) -> int:
        """See `Connector`: one look, now. A directory says what holds today; it has no older days."""
        del since
        try:
            return await self.round(take)
        except (Away, OSError) as error:
            raise Usage(f"The directory cannot be read: {error}.", "Look at `hub connector check`.") from error

    # ------------------------------------------------------------- what became of it
    async def tell(self, receipts: Sequence[Receipt]) -> None:
        """See `Connector`. Kept durably; the report is written a moment later."""
        await asyncio.to_thread(self.memory.tell, receipts)
        self._stale = True

    async def follow(self, changes: Sequence[Change]) -> None:
        """See `Connector`: a directory sends no referrals."""

    async def _reporting(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            if self._stale:
                await self._show(self._look)

    async def _show(self, look: Look) -> None:
        """Write the report. Where that cannot be done the directory still gets through, and the log says so."""
        self._look, self._stale = look, False
        try:
            await asyncio.to_thread(lambda: report.write(self.config.report_file, look, self.memory.told()))
        except OSError as error:
            log.warning("report_not_written", error=type(error).__name__)


def _broken(problem: Problem) -> Broken:
    field = f"{problem.field}: " if problem.field else ""
    return Broken(problem.path, problem.row, field + problem.text)
