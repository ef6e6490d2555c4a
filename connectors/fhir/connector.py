"""The `fhir` connector: a hospital's own FHIR R4 server, asked again and again. Owns how its parts fit.

Tasks that ask → with their requests, patients and consents → spool → hub → receipts → the same Tasks. The façade at the
hub's `/fhir` is the other road: there the hospital's system speaks to the hub.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar, Final

import structlog

from connectors.fhir.answers import Answers
from connectors.fhir.changes import Changes
from connectors.fhir.checking import checks
from connectors.fhir.config import EXAMPLE, FhirConfig
from connectors.fhir.gathering import Gathering
from connectors.fhir.looking import Looking
from connectors.fhir.memory import Memory
from connectors.fhir.messages import preview
from connectors.fhir.pages import pages
from connectors.fhir.searching import Search
from connectors.fhir.server import Away, Server
from connectors.fhir.taking import Taking
from connectors.protocol import Broken, Change, Check, Config, Event, Full, Origin, Receipt, Take
from hub.errors import Usage

log = structlog.get_logger()
AGAIN_S: Final = 2.0
LONGEST_S: Final = 300.0


class FhirConnector:
    """See `protocol.Connector`."""

    name: ClassVar[str] = "fhir"
    about: ClassVar[str] = "A hospital's FHIR R4 server: requested Tasks are taken, and kept up to date there."
    Config: ClassVar[type[Config]] = FhirConfig
    EXAMPLE: ClassVar[dict[str, Any]] = EXAMPLE

    def __init__(self, config: FhirConfig, origin: Origin, mark: str = "") -> None:
        self.config, self.origin = config, origin
        self._mark = mark
        self._server, self._writing = Server(config), Server(config)
        self._gathering = Gathering(self._server)
        self._answers = Answers(config, self._writing, lambda: self.memory, origin, self._is_behind)
        self._memory: Memory | None = None
        self._parts: tuple[Taking, Looking, Changes] | None = None

    def _is_behind(self) -> bool:
        return self._parts is not None and self._parts[1].behind

    @property
    def memory(self) -> Memory:
        """Opened when first needed: `check` and `discover` leave nothing behind."""
        if self._memory is None:
            self._memory = Memory(self.config.memory_file, self.origin)
        return self._memory

    # ------------------------------------------------------------- before it runs
    async def check(self) -> list[Check]:
        """See `Connector`."""
        return await checks(self.config, self.origin)

    async def discover(self, limit: int) -> list[Event | Broken]:
        """See `Connector`: what asks now, as it would be sent first."""
        search, base = Search(self.config), self.config.base
        found: list[Event | Broken] = []
        try:
            async for page in pages(self._server, search.kind, search.parameters(self._mark), self.config.pages):
                families, _, pool = search.sorted_out(page.held)
                families = families[: limit - len(found)]
                await self._gathering.families([one for one in families if not one.reasons], pool)
                found += [preview(self.origin, one, base) for one in families]
                if len(found) >= limit:
                    break
        except Away as error:
            raise Usage(f"The server cannot be read: {error}.", "Look at `hub connector check`.") from error
        finally:
            await self._server.close()
        return found

    # ------------------------------------------------------------- running
    async def run(self, take: Take) -> None:
        """See `Connector`. A server that is away is asked again, less and less often."""
        self._opened()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._answers.run(), name="write")
                await self._watch(take)
        finally:
            await self._server.close()
            await self._writing.close()

    async def _watch(self, take: Take) -> None:
        away = 0
        due = time.monotonic() + self.config.changes_s
        while True:
            try:
                await self.round(take)
                if time.monotonic() >= due:
                    await self.changes(take)
                    due = time.monotonic() + self.config.changes_s
            except Full as error:
                log.warning("spool_full", error=str(error))
                await asyncio.sleep(min(AGAIN_S, self.config.poll_s))
            except (Away, OSError, sqlite3.OperationalError) as error:
                away += 1
                asked = error.wait_s if isinstance(error, Away) else 0.0
                log.warning("server_away", reason=str(error) or type(error).__name__, attempt=away)
                await asyncio.sleep(max(asked, min(LONGEST_S, max(self.config.poll_s, AGAIN_S * 2 ** min(away, 8)))))
            else:
                away = 0
                await asyncio.sleep(self.config.poll_s)

    async def round(self, take: Take) -> int:
        """One look at what asks, and at what was taken back."""
        taking, looking, _ = self._opened()
        new = await looking.round(take)
        await taking.withdraw(take)
        return new

    async def changes(self, take: Take) -> int:
        """One look at what was taken before."""
        taking, _, changes = self._opened()
        new = await changes.round(take)
        await taking.withdraw(take)
        return new

    def _opened(self) -> tuple[Taking, Looking, Changes]:
        """The parts that need the memory. Without a bookmark nobody knows what any spool has: all is sent once more."""
        if self._parts is None:
            if not self._mark:
                self.memory.unsend()
            log.info("memory_opened", anew=not self._mark)
            taking = Taking(self._gathering, self.memory, self.origin, self.config.base, self._answers.wake)
            looking = Looking(self.config, self._server, taking, self._mark)
            changes = Changes(self.config, self._server, self._gathering, taking, self.memory)
            self._parts = taking, looking, changes
        return self._parts

    # ------------------------------------------------------------- older ones
    async def backfill(self, since: str, take: Take) -> int:
        """See `Connector`: what was updated since and still asks."""
        try:
            first = date.fromisoformat(since[:10]).isoformat()
        except ValueError as error:
            raise Usage(f"{since!r} is no date.", "Write it as 2026-11-22.") from error
        _, looking, _ = self._opened()
        try:
            return await looking.round(take, f"{first}T00:00:00.000Z")
        except Away as error:
            raise Usage(f"The server cannot be read: {error}.", "Look at `hub connector check`.") from error
        finally:
            await self._server.close()

    # ------------------------------------------------------------- what became of it
    async def tell(self, receipts: Sequence[Receipt]) -> None:
        """See `Connector`. Kept durably; the Tasks are written behind it."""
        await self._answers.tell(receipts)

    async def follow(self, changes: Sequence[Change]) -> None:
        """See `Connector`."""
        await self._answers.follow(changes)
