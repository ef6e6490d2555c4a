"""Hospitals' FHIR drafts end when their time is over, whether or not anybody writes. Owns when that is looked at.

Sweeping twice changes nothing, so every process with this duty may do it: nobody has to be on duty alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from hub.core.calendar import instant
from hub.core.sealing import Keys
from hub.errors import Retry
from hub.ledger.fhir import FhirResources
from hub.ledger.reads import Pool
from hub.settings import Settings

log = structlog.get_logger()
#: Drafts are kept for days; an hour more or less is nobody's loss.
EVERY_S: Final = 3600.0
AGAIN_S: Final = 5.0


class Drafts:
    """Takes away what expired, once an hour."""

    def __init__(self, settings: Settings, keys: Keys, clock: Callable[[], datetime]) -> None:
        self._pool, self._clock = Pool(settings.database_url, size=1, name="hub-drafts"), clock
        self._kept = FhirResources(self._pool, keys)

    async def run(self, every_s: float = EVERY_S) -> None:
        """Sweep until canceled. Waits while PostgreSQL is away."""
        try:
            while True:
                wait_s = every_s if await self._sweep() else AGAIN_S
                await asyncio.sleep(wait_s)
        finally:
            self._pool.close()

    async def _sweep(self) -> bool:
        try:
            gone = await asyncio.to_thread(self._kept.expire, instant(self._clock()))
        except Retry as error:
            log.warning("drafts_waited", reason=str(error))
            return False
        if gone:
            log.info("drafts_expired", resources=gone)
        return True
