"""Messages onto Kafka from a command, and the ledger's word on each. Owns the pipelining, the sending again, the wait.

A message counts as sent when all in-sync replicas have acknowledged it. What was not acknowledged is sent again, the
same bytes under the same ids: a repeat is answered "seen". Never decides what a verdict means.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple, Self

from aiokafka.errors import KafkaError

from hub.core.sealing import Keys
from hub.errors import Retry
from hub.ledger.keyfile import load_keys
from hub.ledger.reads import Pool, Reads, Verdict
from hub.producers.kafka import abandon, open_producer
from hub.schemas.envelope import Envelope
from hub.settings import Settings
from hub.web.verdicts import Ticket

#: Messages under way at a time: enough to fill batches, few enough to send again.
WINDOW: Final = 5000
#: How long Kafka may be away before a command gives up. What was acknowledged until then stays.
PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.02
#: Verdicts asked for at a time.
PAGE: Final = 2000


class Outgoing(NamedTuple):
    """A message for a topic. `key` keeps its order."""

    topic: str
    key: str
    value: bytes


def publish(settings: Settings, messages: Iterable[Outgoing], advance: Callable[[int], None] | None = None) -> int:
    """Publish all of them in order. Returns how many. Raises `Retry` when Kafka stays away."""
    return asyncio.run(_publish(settings, iter(messages), advance or _unheard))


def _unheard(count: int) -> None:
    del count


async def _publish(settings: Settings, messages: Iterator[Outgoing], advance: Callable[[int], None]) -> int:
    sent = 0
    while window := list(islice(messages, WINDOW)):
        deadline = time.monotonic() + PATIENCE_S
        while window:
            window = await _attempt(settings, window)
            if window and time.monotonic() > deadline:
                raise Retry(f"Kafka took {sent} messages and then none for {PATIENCE_S:.0f} s")
        sent += WINDOW
        advance(WINDOW)
    return sent
