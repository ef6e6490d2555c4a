"""Waiting for what is away: a step that needs PostgreSQL or Kafka is run again until it works or the process ends.

Owns how long one waits in between. Nothing is lost meanwhile: what a step would record is still on its topic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog

from hub.errors import Retry

log = structlog.get_logger()
T = TypeVar("T")
RETRY_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)


class Released(Exception):  # noqa: N818 - no error: this batch is another's to read again
    """The batch in hand is not ours any more: its partitions were taken while it waited, or this process ends."""


class Patience:
    """`ready`: what the last step needed was there. `closing`: nothing is waited for any more."""

    def __init__(self) -> None:
        self.ready = self.closing = False

    async def __call__(self, step: Callable[[], T]) -> T:
        """Run a step in a thread, so that heartbeats go on; again while a dependency is away."""
        attempt = 0
        while True:
            try:
                done = await asyncio.to_thread(step)
            except Retry as error:
                self.ready = False
                if self.closing:
                    raise Released from error
                log.warning("dependency_away", reason=str(error), attempt=attempt)
                await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
                attempt += 1
            else:
                self.ready = True
                return done
