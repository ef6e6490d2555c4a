"""What a process does beside the consumers: relay, tick, tell webhooks, sweep. Owns these duties' names and making.

The feed and the clock are what the process is for: an error nobody foresaw ends them, and the process with them. What
stands beside them is started again instead, so that no partner's server and no draft can hold up the feed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Final

import structlog

from hub.core.sealing import Keys
from hub.errors import Halt, Usage
from hub.producers.drafts import Drafts
from hub.producers.provision import Administration
from hub.producers.relay import Relay
from hub.producers.ticker import Ticker
from hub.producers.webhooks import Webhooks
from hub.settings import Settings

log = structlog.get_logger()
Run = Coroutine[Any, Any, None]
#: Between an error that nobody foresaw and the next start.
AGAIN_S: Final = 5.0


def duties(settings: Settings, keys: Keys, clock: Callable[[], datetime]) -> dict[str, Run]:
    """Each runs until canceled, and raises `Usage` for settings that say nothing it can do."""
    return {
        "webhooks": beside("webhooks", lambda: Webhooks(settings, keys, clock).run()),
        "relay": Relay(settings).run(),
        "ticker": Ticker(settings, Administration(settings), clock).run(),
        "drafts": beside("drafts", lambda: Drafts(settings, keys, clock).run()),
    }


async def beside(name: str, make: Callable[[], Run], again_s: float = AGAIN_S) -> None:
    """Run a duty, and a new one where it ends by an error nobody foresaw. Raises `Halt` and `Usage` as it does."""
    while True:
        duty = asyncio.create_task(make(), name=name)
        try:
            await asyncio.wait([duty])
        except asyncio.CancelledError:
            duty.cancel()
            await asyncio.wait([duty])
            raise
        error = duty.exception()
        if error is None or isinstance(error, Halt | Usage):
            return duty.result()
        log.critical("duty_failed", duty=name, error=type(error).__name__, again_s=again_s)
        await asyncio.sleep(again_s)
