"""The ticker: the passing of time as a message. Owns what a tick says; what expires is decided by who reads it.

A tick names the end of every inbound partition as read *after* its own time, so whatever arrived in time lies before
those ends and is decided before the tick. Never reads the clock itself: it is an argument. One ticker ticks at a time.

What a crash leaves: a tick that was sent or not. A missing one is made up for by the next, since ticks add nothing up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import orjson
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hub.core.calendar import instant
from hub.errors import Retry
from hub.ledger.feed import TICKER_LOCK, Desk
from hub.producers.kafka import abandon, open_producer
from hub.producers.provision import Administration, Place
from hub.schemas.topics import CLOCK, HUB, IN_PREFIX, Formats, Types, agency_of
from hub.settings import Settings

log = structlog.get_logger()

#: Ticks a partition may stay where it is, with records waiting, until it is called stuck.
STUCK_TICKS: Final = 10
STANDBY_S: Final = 0.5
PATIENCE_S: Final = 20.0


class Stillness:
    """Which partitions did not move for ten ticks while records waited.

    Counted in ticks, not by the row's `moved_at`: a partition that was idle for an hour and has a record since a
    second ago is not stuck. A new ticker counts anew.
    """

    def __init__(self) -> None:
        self._still: dict[Place, tuple[int, int]] = {}

    def stuck(self, ends: Mapping[Place, int], decided: Mapping[Place, int]) -> list[str]:
        """Take note of one tick's view. Returns the agencies to be named in it, sorted."""
        still: dict[Place, tuple[int, int]] = {}
        for place, end in ends.items():
            at = decided.get(place, 0)
            if at < end:
                before, ticks = self._still.get(place, (-1, 0))
                still[place] = (at, ticks + 1 if before == at else 0)
        self._still = still
        found = {agency_of(topic) for (topic, _), (_, ticks) in still.items() if ticks >= STUCK_TICKS and _is_in(topic)}
        return sorted(found)


def tick(at: datetime, ends: Mapping[Place, int], stuck: list[str]) -> bytes:
    """A tick as a message: RFC 3339 UTC with milliseconds, like every time in the ledger."""
    iso = instant(at)
    through = {f"{topic}/{partition}": end for (topic, partition), end in sorted(ends.items())}
    value = {
        "specversion": "1.0",
        "id": f"tick-{iso}",
        "source": f"//agency/{HUB}/clock",
        "type": Types.TICK,
        "time": iso,
        "dataschema": Formats.SYSTEM,
        "datacontenttype": "application/json",
        "data": {"at": iso, "through": through, "stuck": stuck},
    }
    return orjson.dumps(value)


class Ticker:
    """One process's ticker: waits until no other is on duty, then ticks until canceled."""

    def __init__(self, settings: Settings, administration: Administration, clock: Callable[[], datetime]) -> None:
        self._settings, self._administration, self._clock = settings, administration, clock
        self._desk = Desk(settings.database_url, name="hub-ticker")
        self.on_duty = False
        self.ticks = 0

    async def run(self) -> None:
        """Tick until canceled. Waits while PostgreSQL or Kafka is away."""
        while True:
            try:
                await self._serve()
            except Retry as error:
                log.warning("ticker_waited", reason=str(error))
            finally:
                self.on_duty = False
                await asyncio.to_thread(self._desk.close)
            await asyncio.sleep(STANDBY_S)

    async def _serve(self) -> None:
        while not await asyncio.to_thread(self._desk.claim, TICKER_LOCK):  # noqa: ASYNC110 - the other is elsewhere
            await asyncio.sleep(STANDBY_S)
        producer = await open_producer(self._settings, name="hub-ticker")
        try:
            await self._tick(producer)
        finally:
            await abandon(producer)

    async def _tick(self, producer: AIOKafkaProducer) -> None:
        cluster = await asyncio.to_thread(self._administration.cluster_id)
        stillness = Stillness()
        self.on_duty = True
        log.info("ticker_started", interval_s=self._settings.tick_interval_s)
        while True:
            at = self._clock()  # before the ends are read: what arrived by now lies before them
            ends = await asyncio.to_thread(self._administration.end_offsets)
            decided = await asyncio.to_thread(self._desk.offsets, cluster)
            await self._publish(producer, tick(at, ends, stillness.stuck(ends, decided)))
            self.ticks += 1
            await asyncio.sleep(self._settings.tick_interval_s)

    async def _publish(self, producer: AIOKafkaProducer, value: bytes) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await producer.send_and_wait(CLOCK, value, partition=0)
        except (KafkaError, TimeoutError) as error:
            raise Retry(f"Kafka did not take a tick ({type(error).__name__})") from error


def _is_in(topic: str) -> bool:
    """Only agencies are named stuck. When the hub's own topics stand still, time must too."""
    return topic.startswith(IN_PREFIX)
