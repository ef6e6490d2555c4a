"""Writes the reports that are due. Owns when: soon, but writing takes no more than a tenth of the time.

A report is written whole beside its place and renamed. What is due is in the state, so a crash only delays it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from connectors.files.config import FilesConfig
from connectors.files.outcomes import Filed, Outcomes
from connectors.files.place import ARCHIVE, REPORTS, Away, Place
from connectors.files.report import Wanted, report_name, write
from connectors.reading import Sender
from connectors.reading_kind import kind

log = structlog.get_logger()
#: Between two looks, between attempts at what could not be written, and the part of time that writing may take.
LOOK_S, AGAIN_S, PART = 1.0, 5.0, 9
#: However long writing takes, what was told is shown after this.
LONGEST_S: Final = 60.0
#: A report on so many rows waits while more is told about them: it takes as long as forwarding thousands.
MANY: Final = 5_000


class Reports:
    """The reports of one connector."""

    def __init__(self, config: FilesConfig, place: Place, outcomes: Outcomes, sender: Callable[[], Sender]) -> None:
        self._config, self._place, self._outcomes, self._sender = config, place, outcomes, sender
        self._not_before = 0.0
        self._met: dict[int, tuple[int, float]] = {}  # long reports that wait: the version met last, since when
        self._writing = asyncio.Lock()
        self._woken = asyncio.Event()

    def name_of(self, local: Path, name: str) -> str:
        """What the report on a file is called."""
        return report_name(name, kind(local), self._config.report)

    def wake(self) -> None:
        """Something became due."""
        self._woken.set()

    async def run(self) -> None:
        """Write what is due, until canceled."""
        while True:
            self._woken.clear()
            await self.write_due()
            # Not wait_for: it may lose the cancellation that comes just as it is woken.
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._woken.wait()

    async def kept(self, work: Callable[[], None]) -> None:
        """Do this to the state, however long the disk is full, and write what is due then."""
        while True:
            try:
                await asyncio.to_thread(work)
            except sqlite3.OperationalError as error:
                log.warning("state_not_writable", error=str(error))
                await asyncio.sleep(AGAIN_S)
            else:
                break
        await self.write_due()

    async def write_due(self) -> None:
        """Write what is due and was not written just now."""
        clock = asyncio.get_running_loop()
        if self._config.report == "none" or self._writing.locked() or clock.time() < self._not_before:
            return
        async with self._writing:
            due = await asyncio.to_thread(self._outcomes.due)
            spent = [await self._write(filed) for filed in due if self._settled(filed, clock.time())]
            self._not_before = clock.time() + min(LONGEST_S, PART * sum(spent))

    def _settled(self, filed: Filed, now: float) -> bool:
        """Whether a report would not be old as soon as it is written, or has waited long enough."""
        version, since = self._met.get(filed.seq, (0, now))
        if filed.rows < MANY or version == filed.version or now - since >= LONGEST_S:
            self._met.pop(filed.seq, None)
            return True
        self._met[filed.seq] = filed.version, since
        return False

    async def _write(self, filed: Filed) -> float:
        """Write one. Returns the seconds it took; what could not be written is tried again later."""
        began = asyncio.get_running_loop().time()
        try:
            await self._publish(filed)
        except FileNotFoundError:
            log.warning("report_without_its_file")  # somebody emptied the archive: there is nothing to report on
        except (OSError, Away, sqlite3.OperationalError) as error:
            log.warning("report_not_written", error=type(error).__name__)
            return AGAIN_S / PART
        await asyncio.to_thread(self._outcomes.written, filed.seq, filed.version)
        return asyncio.get_running_loop().time() - began

    async def _publish(self, filed: Filed) -> None:
        folder, _, name = filed.path.rpartition("/")
        local = await self._place.fetch(f"{ARCHIVE}/{filed.path}")
        try:
            room = REPORTS if filed.latest else f"{REPORTS}/{folder}"
            path = f"{room}/{self.name_of(local, name)}"
            scratch = self._place.scratch(path)
            wanted = Wanted(filed.seq, local, name, filed.wide, self._config.format, self._config.names)
            try:
                await asyncio.to_thread(write, scratch, wanted, self._sender(), self._outcomes)
                await self._place.publish(scratch, path)
            finally:
                scratch.unlink(missing_ok=True)
        finally:
            await self._place.release(local)
