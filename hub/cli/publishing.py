"""Messages onto Kafka from a command, and the ledger's word on each. Owns the pipelining, the sending again, the wait.

A message counts as sent when all in-sync replicas have acknowledged it. What was not acknowledged is sent again, the
same bytes under the same ids: a repeat is answered "seen". Never decides what a verdict means.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hub.errors import Retry
from hub.ledger.keyfile import load_keys
from hub.ledger.reads import Pool, Reads, Verdict
from hub.producers.kafka import abandon, open_producer
from hub.schemas.envelope import Envelope
from hub.settings import Settings
from hub.web.verdicts import Ticket

#: Messages under way at a time: enough to fill batches, few enough to send again.
WINDOW: Final = 2000
#: How long Kafka may be away before a command gives up. What was acknowledged until then stays.
PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.02
#: Verdicts asked for at a time.
PAGE: Final = 1000

Heard = Callable[[int], None]


class Outgoing(NamedTuple):
    """A message for a topic. Messages of one key stay in order."""

    topic: str
    key: str
    value: bytes


def publish(settings: Settings, messages: Iterable[Outgoing], heard: Heard | None = None) -> int:
    """Publish all of them, in order. Returns how many. `heard` is told of each window that was acknowledged.

    Raises `Retry` when Kafka stays away.
    """
    return asyncio.run(_publish(settings, messages, heard))


async def _publish(settings: Settings, messages: Iterable[Outgoing], heard: Heard | None) -> int:
    waiting, total = iter(messages), 0
    async with Upstream(settings) as upstream:
        while window := list(islice(waiting, WINDOW)):
            await upstream.send(window)
            total += len(window)
            if heard is not None:
                heard(len(window))
    return total


class Upstream:
    """A way to Kafka that is opened again when it breaks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *ended: object) -> None:
        if self._producer is not None:
            await abandon(self._producer)

    async def send(self, window: Sequence[Outgoing]) -> None:
        """Send until all are acknowledged. Raises `Retry` when that takes longer than a minute."""
        left = list(window)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while left:
                    left = await self._attempt(left)
        except TimeoutError:
            raise Retry(f"Kafka did not take {len(left)} messages within {PATIENCE_S:.0f} s") from None

    async def _attempt(self, window: Sequence[Outgoing]) -> list[Outgoing]:
        """Send once. Returns what was not acknowledged, in order."""
        if self._producer is None:
            self._producer = await open_producer(self._settings, name="hub-cli")
        under_way = [await self._producer.send(m.topic, m.value, key=m.key.encode() or None) for m in window]
        done = await asyncio.gather(*under_way, return_exceptions=True)
        left = [m for m, result in zip(window, done, strict=True) if isinstance(result, KafkaError)]
        if left:
            await abandon(self._producer)
            self._producer = None
        return left


class Verdicts:
    """The ledger's word on messages, read as the operator of this installation."""

    def __init__(self, settings: Settings) -> None:
        keys = load_keys(settings.keys_file)
        self._pepper = keys.pepper
        self._pool = Pool(settings.database_url, size=1, name="hub-cli")
        self.reads = Reads(self._pool, keys)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._pool.close()

    def wait(self, envelopes: Sequence[Envelope], within_s: float, heard: Heard | None = None) -> list[Verdict | None]:
        """The verdict on each message, None where there is none within the time."""
        tickets = [Ticket.of(e, self._pepper) for e in envelopes]
        found: dict[Ticket, Verdict] = {}
        deadline = time.monotonic() + within_s
        while len(found) < len(set(tickets)):
            before = len(found)
            self._ask([t for t in tickets if t not in found][:PAGE], found)
            if len(found) > before and heard is not None:
                heard(len(found) - before)
            elif len(found) == before:
                if time.monotonic() > deadline:
                    break
                time.sleep(LOOK_S)
        return [found.get(t) for t in tickets]

    def _ask(self, tickets: Sequence[Ticket], found: dict[Ticket, Verdict]) -> None:
        known = self.reads.verdicts({cause for t in tickets for cause in (t.cause, t.conflict)})
        for ticket in tickets:
            verdict = ticket.verdict(known)
            if verdict is not None:
                found[ticket] = verdict
