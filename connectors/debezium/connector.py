"""From Debezium's change topics to the hub. Capturing is Debezium's; this takes what it wrote to Kafka.

Owns the order that loses nothing: records are read → taken → their offsets committed in Kafka. A crash in between
reads them again, under the same ids. At the bound of the spool the topic is the buffer: it waits where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from connectors.debezium.changes import read
from connectors.debezium.checking import checks, reading
from connectors.debezium.config import EXAMPLE, DebeziumConfig
from connectors.protocol import Broken, Change, Check, Config, Event, Full, Origin, Receipt, Take, refusal
from hub.errors import Usage

log = structlog.get_logger()
AGAIN_S: Final = 2.0
READ_MS: Final = 200
#: A full spool may last: the group's only member is not put out for being slow.
PATIENCE_MS: Final = 24 * 3_600_000


class DebeziumConnector:
    """See `protocol.Connector`."""

    name: ClassVar[str] = "debezium"
    about: ClassVar[str] = "Changes of a database's tables, captured by Debezium on Kafka Connect."
    Config: ClassVar[type[Config]] = DebeziumConfig
    EXAMPLE: ClassVar[dict[str, Any]] = EXAMPLE

    def __init__(self, config: DebeziumConfig, origin: Origin, mark: str = "") -> None:
        del mark  # the group's offsets say how far we are
        self.config, self.origin = config, origin
        self._producer: AIOKafkaProducer | None = None

    async def check(self) -> list[Check]:
        """See `Connector`."""
        return await checks(self.config)

    # ------------------------------------------------------------- running
    async def run(self, take: Take) -> None:
        """See `Connector`."""
        try:
            while True:
                try:
                    await self._hear(take)
                except KafkaError as error:
                    log.warning("changes_away", error=type(error).__name__)
                    await asyncio.sleep(AGAIN_S)
        finally:
            await self._end_producer()

    async def _hear(self, take: Take) -> None:
        consumer = AIOKafkaConsumer(
            *self.config.topics,
            **self.config.access(),
            group_id=self.config.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=PATIENCE_MS,
        )
        try:
            await consumer.start()
            while True:
                for place, records in (
                    await consumer.getmany(timeout_ms=READ_MS, max_records=self.config.batch)
                ).items():
                    await self._slice(records, take)
                    # A kill here reads them again: the spool knows their ids.
                    await consumer.commit({place: records[-1].offset + 1})
        finally:
            await consumer.stop()

    async def _slice(self, records: Sequence[Any], take: Take) -> None:
        """Take records of one partition; at the bound try again until there is room."""
        found = [(_place(record), self._read(record)) for record in records if record.value is not None]
        good = [(place, item) for place, item in found if not isinstance(item, Broken)]
        broken = [item for _, item in found if isinstance(item, Broken)]
        while good:
            try:
                new = await take([event for _, event in good], about=[place for place, _ in good])
            except Full as error:
                log.warning("spool_full", error=str(error))
                await asyncio.sleep(AGAIN_S)
            else:
                log.info("changes_taken", records=len(records), new=new, unreadable=len(broken))
                break
        for one in broken:
            log.warning("change_unreadable", place=one.path, reason=one.reason)
        await self._answer([(b.path, {"place": b.path, "status": "refused", "reasons": [refusal(b)]}) for b in broken])

    def _read(self, record: Any) -> Event | Broken:  # noqa: ANN401 - aiokafka's record, which has no types
        item = read(record.key, record.value, self.config, self.origin)
        return Broken(_place(record), 0, item) if isinstance(item, str) else item

    # ------------------------------------------------------------- looking back
    async def discover(self, limit: int) -> list[Event | Broken]:
        """See `Connector`: the oldest records there are."""
        try:
            return [item for _, item in await self._from(None, limit)]
        except KafkaError as error:
            raise Usage(f"Kafka cannot be read ({type(error).__name__}).", "Look at `hub connector check`.") from error

    async def backfill(self, since: str, take: Take) -> int:
        """See `Connector`: what the topics still hold, by when it was written. Older rows: docs/debezium.md."""
        try:
            first = datetime.fromisoformat(since)
        except ValueError as error:
            raise Usage(f"{since!r} is no date.", "Write it as 2026-11-22.") from error
        at = int((first if first.tzinfo else first.replace(tzinfo=UTC)).timestamp() * 1000)
        good = [(p, i) for p, i in await self._from(at, None) if not isinstance(i, Broken)]
        new, size = 0, self.config.batch
        for some in (good[n : n + size] for n in range(0, len(good), size)):
            new += await take([event for _, event in some], about=[place for place, _ in some])
        return new

    async def _from(self, at: int | None, limit: int | None) -> list[tuple[str, Event | Broken]]:
        """Records from a time (milliseconds; None: the oldest) up to now, at most so many."""
        found: list[tuple[str, Event | Broken]] = []
        async with reading(self.config, self.config.topics) as consumer:
            ends = await consumer.end_offsets(consumer.assignment())
            if at is not None:
                told = await consumer.offsets_for_times(dict.fromkeys(ends, at))
                for place, first in told.items():
                    consumer.seek(place, ends[place] if first is None else first.offset)
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=READ_MS)).values():
                    found += [(_place(r), self._read(r)) for r in records if r.value is not None]
                if limit is not None and len(found) >= limit:
                    break
        return found[:limit]

    # ------------------------------------------------------------- what became of it
    async def tell(self, receipts: Sequence[Receipt]) -> None:
        """See `Connector`: to the topic of answers, by the place of the change in its topic."""
        told = [
            (r.about, {"place": r.about, "status": r.status, "reasons": r.reasons, "referrals": r.referrals})
            for r in receipts
        ]
        await self._answer(told)

    async def follow(self, changes: Sequence[Change]) -> None:
        """See `Connector`: to the topic of answers, by referral."""
        told = [
            (
                str(c.facts.get("referral", "")),
                {"position": c.position, "kind": c.kind, "heard": c.heard, "facts": c.facts},
            )
            for c in changes
        ]
        await self._answer(told)

    async def _answer(self, told: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Write answers, again and again until Kafka has them."""
        while told and self.config.answers:
            try:
                producer = await self._started()
                await asyncio.gather(
                    *[
                        await producer.send(self.config.answers, orjson.dumps(value), key=key.encode())
                        for key, value in told
                    ]
                )
            except KafkaError as error:
                log.warning("answers_away", error=type(error).__name__)
                await self._end_producer()
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(**self.config.access(), acks="all", enable_idempotence=True)
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _end_producer(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None


def _place(record: Any) -> str:  # noqa: ANN401 - aiokafka's record
    return f"{record.topic}/{record.partition}/{record.offset}"
