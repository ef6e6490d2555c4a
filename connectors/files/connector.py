"""Folder drops and SFTP: files are read, taken, archived; what became of each row goes back as a report.

Owns the order that loses nothing: rows are committed in slices → the whole file is → it is renamed into the archive.
A crash anywhere begins the file again, with the same ids. Parsing is `connectors.reading`'s.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Final

import structlog

from connectors.files import words
from connectors.files.checking import checks
from connectors.files.config import EXAMPLE, FilesConfig
from connectors.files.drop import Drop
from connectors.files.folder import Folder
from connectors.files.outcomes import Outcomes
from connectors.files.place import ARCHIVE, Away, Found, Place, in_order
from connectors.files.ready import candidates
from connectors.files.reports import Reports
from connectors.files.taking import File, Intake, Refused
from connectors.protocol import Broken, Change, Check, Config, Event, Origin, Receipt, Take
from connectors.reading import Placed, Sender, placed
from connectors.reading_report import is_report, readable
from hub.errors import Usage

log = structlog.get_logger()
#: Between attempts at a full spool, and at a place that is away.
AGAIN_S: Final = 2.0
LONGEST_S: Final = 60.0


class FilesConnector:
    """See `protocol.Connector`."""

    name: ClassVar[str] = "files"
    about: ClassVar[str] = "CSV, XLSX, XLS, JSON lines and HL7 files dropped in a folder or over SFTP; reports back."
    Config: ClassVar[type[Config]] = FilesConfig
    EXAMPLE: ClassVar[dict[str, Any]] = EXAMPLE

    def __init__(self, config: FilesConfig, origin: Origin, mark: str = "") -> None:
        del mark  # where a file lies says how far we are
        self.config, self.origin = config, origin
        self.place = _place(config)
        self.drop = Drop(config, self.place)
        self._outcomes: Outcomes | None = None
        self._reports: Reports | None = None

    @property
    def outcomes(self) -> Outcomes:
        """The state, opened when it is first needed: `check` and `discover` leave no trace."""
        if self._outcomes is None:
            self._outcomes = Outcomes(self.config.state_folder, self.origin)
        return self._outcomes

    @property
    def reports(self) -> Reports:
        """What writes reports."""
        if self._reports is None:
            self._reports = Reports(self.config, self.place, self.outcomes, self.sender)
        return self._reports

    def sender(self) -> Sender:
        """Who sends, now. Sources are named as `hub send` names them, unless the origin has a system of its own."""
        system = "" if self.origin.system == self.name else self.origin.system
        return Sender(self.origin.agency, self.origin.key, self.origin.now(), system)

    # ------------------------------------------------------------- before it runs
    async def check(self) -> list[Check]:
        """See `Connector`."""
        try:
            return await checks(self.config, self.place, self.drop)
        finally:
            await self.place.close()

    async def discover(self, limit: int) -> list[Event | Broken]:
        """See `Connector`: the first rows of the oldest file, complete or not."""
        try:
            files = await self.drop.waiting()
            if not files:
                return []
            local = await self.place.fetch(files[0].name)
            try:
                found = await asyncio.to_thread(self._first, local, files[0].name, limit)
            finally:
                await self.place.release(local)
        except (OSError, Away) as error:
            raise Usage(f"The drop cannot be read: {error}.", "Look at `hub connector check`.") from error
        return found

    def _first(self, local: Path, name: str, limit: int) -> list[Event | Broken]:
        items = placed(local, self.sender(), self.config.format, name)
        return [found.item for found in islice(items, limit)]

    # ------------------------------------------------------------- running
    async def run(self, take: Take) -> None:
        """See `Connector`."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.reports.run(), name="reports")
                await self._watch(take)
        finally:
            await self.place.close()

    async def _watch(self, take: Take) -> None:
        """Look, take what is complete, sleep. A place that is away is asked again, less and less often."""
        away, opened = 0, False
        while True:
            try:
                if not opened:
                    await self.place.open()
                    await self._recover()
                    opened = True
                took = await self.round(take)
            except Away as error:
                away, opened = away + 1, False
                log.warning("files_away", error=str(error), attempt=away)
                await asyncio.sleep(min(LONGEST_S, AGAIN_S * 2 ** min(away, 8)))
                continue
            away = 0
            if not took:
                await asyncio.sleep(self.config.poll_s)

    async def round(self, take: Take) -> bool:
        """Take the files that are complete now, oldest first. Whether any left the drop."""
        took = False
        for file in await self.drop.ready(asyncio.get_running_loop().time()):
            try:
                took = await self._take(file, take) or took
            except PermissionError as error:
                # Its rights may be mended any time: it stays, and `check` names it.
                log.warning("file_not_readable", file=self._hidden(file.name), error=type(error).__name__)
            except FileNotFoundError:
                log.info("file_gone", file=self._hidden(file.name))
            except (OSError, sqlite3.OperationalError) as error:
                raise Away(f"{type(error).__name__} while taking a file") from error
        return took

    async def _take(self, file: Found, take: Take) -> bool:
        name = file.name
        if why := await self.drop.refuses(file):
            return await self._reject(name, [Placed(0, Broken(name, 0, why))])
        local = await self.place.fetch(name)
        try:
            if why := await self.drop.differs(file, local):
                return await self._reject(name, [Placed(0, Broken(name, 0, why))])
            intake = self._reader(local, name, take, retry=self._retries(name))
            seq = await intake.all()
        except Refused as refused:
            return await self._reject(name, refused.reasons)
        finally:
            await self.place.release(local)
        if not await self.drop.is_same(file):
            log.warning("file_changed_while_read", file=self._hidden(name))
            await asyncio.to_thread(self.outcomes.forget, seq)
            return False
        await self._archive(name, seq, intake)
        return True

    async def _archive(self, name: str, seq: int, intake: Intake) -> None:
        """The rows are durable: now the file may go. What a crash leaves: the file there, or in the archive."""
        to = await self.drop.free(f"{ARCHIVE}/{words.day(self.origin.now())}", name)
        path = to.removeprefix(f"{ARCHIVE}/")
        await asyncio.to_thread(self.outcomes.moving, seq, path, intake.wide)
        await self.place.move(name, to)
        await self.drop.tidy(name)
        await asyncio.to_thread(self.outcomes.archived, seq)
        counts = {"rows": intake.rows, "new": intake.new, "unreadable": intake.broken, "noted": intake.noted}
        counts |= {"again": intake.again}
        log.info("file_taken", file=self._hidden(name), **counts)
        self.reports.wake()

    async def _reject(self, name: str, reasons: Sequence[Placed]) -> bool:
        await self.drop.reject(name, reasons, words.day(self.origin.now()))
        log.warning("file_rejected", file=self._hidden(name), reasons=len(reasons))
        return True

    async def _recover(self) -> None:
        """What a crash left: a file that is in the archive is archived, any other is begun again."""
        today = date.fromisoformat(words.day(self.origin.now()))
        await asyncio.to_thread(self.outcomes.prune, (today - timedelta(days=self.config.keep_days)).isoformat())
        for seq, path in await asyncio.to_thread(self.outcomes.unfinished):
            if path and await self.drop.exists(f"{ARCHIVE}/{path}"):
                await self._tidied(path.rpartition("/")[2])
                await asyncio.to_thread(self.outcomes.archived, seq)
            else:
                await asyncio.to_thread(self.outcomes.forget, seq)

    async def _tidied(self, name: str) -> None:
        try:
            await self.drop.tidy(name)
        except OSError as error:
            raise Away(f"{type(error).__name__} while looking at what a crash left") from error

    # ------------------------------------------------------------- older files
    async def backfill(self, since: str, take: Take) -> int:
        """See `Connector`: the archive is read again, from a day on."""
        try:
            first = date.fromisoformat(since[:10]).isoformat()
        except ValueError as error:
            raise Usage(f"{since!r} is no date.", "Write it as 2026-11-22.") from error
        new = 0
        await self.place.open()
        for folder in in_order(await self.place.days(), first):
            for file in candidates((await self.place.listing(f"{ARCHIVE}/{folder}")).files):
                new += await self._again(f"{folder}/{file.name}", file.name, take)
        return new

    async def _again(self, path: str, name: str, take: Take) -> int:
        local = await self.place.fetch(f"{ARCHIVE}/{path}")
        try:
            # What an old file says may have been mended since: its refused rows are not tried again.
            intake = self._reader(local, name, take, retry=False)
            with suppress(Refused):
                seq = await intake.all()
                await asyncio.to_thread(self.outcomes.moving, seq, path, intake.wide)
                await asyncio.to_thread(self.outcomes.archived, seq)
        finally:
            await self.place.release(local)
        return intake.new

    # ------------------------------------------------------------- what became of it
    async def tell(self, receipts: Sequence[Receipt]) -> None:
        """See `Connector`. Kept durably; the reports are written as they become due."""
        await self.reports.kept(lambda: self.outcomes.tell(receipts))

    async def follow(self, changes: Sequence[Change]) -> None:
        """See `Connector`."""
        await self.reports.kept(lambda: self.outcomes.follow(changes))

    def _retries(self, name: str) -> bool:
        """A report is dropped by a person who read it; a list, perhaps, by a program every night."""
        asked = self.config.retry_refused
        return asked == "always" or (asked == "report" and is_report(name))

    def _reader(self, local: Path, name: str, take: Take, *, retry: bool) -> Intake:
        file = File(local, name, self.config.format, words.day(self.origin.now()), retry)
        return Intake(file, self.sender(), self.outcomes, self.reports.name_of(local, name), take)

    def _hidden(self, name: str) -> str:
        """A file in the log: its name may be a person's."""
        return self.origin.digest("file", readable(name).encode())[:8]


def _place(config: FilesConfig) -> Place:
    if config.mode == "folder":
        return Folder(Path(config.folder))
    from connectors.files.sftp import Sftp  # noqa: PLC0415 - who has a folder needs no asyncssh

    return Sftp(config)
