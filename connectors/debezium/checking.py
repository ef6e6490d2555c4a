"""`check`: whether Kafka answers, the topics are there, Debezium is alive and how far behind we are. Reads only."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from connectors.debezium.config import DebeziumConfig
from connectors.protocol import Check
from hub.errors import Usage

#: Debezium's heartbeats come every ten seconds.
SILENT_S: Final = 60
READ_MS: Final = 3000
BEHIND: Final = 10_000


async def checks(config: DebeziumConfig) -> list[Check]:
    """All of them; only the first where nobody answers."""
    admin: AIOKafkaAdminClient | None = None
    try:
        admin = AIOKafkaAdminClient(**config.access())
        await admin.start()
        names = set(await admin.list_topics())
        found = [Check("connection", ok=True, found=f"{len(names)} topics can be seen"), _topics(config, names)]
        if found[-1].ok:
            found.append(await _lag(config, admin))
        if config.heartbeat:
            found.append(await _heartbeat(config, names))
        if config.answers:
            fix = "" if config.answers in names else f"Create the topic {config.answers}, with WRITE for our user."
            found.append(Check("answers", not fix, "missing" if fix else "there", fix))
    except Usage as error:
        return [Check("connection", ok=False, found=error.what, fix=error.remedy)]
    except (KafkaError, OSError) as error:
        fix = "Correct bootstrap, security, mechanism, username and password."
        return [Check("connection", ok=False, found=type(error).__name__, fix=fix)]
    finally:
        if admin is not None:
            await admin.close()
    return found


@asynccontextmanager
async def reading(config: DebeziumConfig, topics: Sequence[str]) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of all partitions of topics that exist, from their beginning; a member of no group."""
    consumer = AIOKafkaConsumer(
        *topics, **config.access(), enable_auto_commit=False, auto_offset_reset="earliest", group_id=None
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


def _topics(config: DebeziumConfig, names: set[str]) -> Check:
    missing = [topic for topic in config.topics if topic not in names]
    fix = "Is Debezium running (GET /connectors)? Compare topic.prefix and table.include.list." if missing else ""
    return Check("topics", not missing, f"missing: {', '.join(missing)}" if missing else "there", fix)


async def _lag(config: DebeziumConfig, admin: AIOKafkaAdminClient) -> Check:
    read = await admin.list_consumer_group_offsets(config.group)
    async with reading(config, config.topics) as consumer:
        places = consumer.assignment()
        ends, starts = await consumer.end_offsets(places), await consumer.beginning_offsets(places)
    begun = {p: read[p].offset if p in read and read[p].offset >= 0 else starts[p] for p in places}
    behind = sum(end - begun[place] for place, end in ends.items())
    fix = "Is the connector running, and the hub taking? Look at `hub connector status`." if behind > BEHIND else ""
    return Check("lag", not fix, f"{behind} changes are waiting in Kafka", fix)


async def _heartbeat(config: DebeziumConfig, names: set[str]) -> Check:
    """A slot that nobody reads keeps the partner's disk filling: silence is said loudly."""
    fix = "Look at Connect: GET /connectors/<name>/status. Until it runs, its slot keeps the database's log."
    if config.heartbeat not in names:
        found = f"{config.heartbeat} is not there"
        return Check("heartbeat", ok=False, found=found, fix=f"Set heartbeat.interval.ms. {fix}")
    newest = 0
    async with reading(config, [config.heartbeat]) as consumer:
        for place, end in (await consumer.end_offsets(consumer.assignment())).items():
            if end:
                consumer.seek(place, end - 1)
                records = await consumer.getmany(place, timeout_ms=READ_MS)
                newest = max([newest, *(r.timestamp for held in records.values() for r in held)])
    age = int(time.time() - newest / 1000)
    well = age <= SILENT_S
    return Check("heartbeat", well, f"{age} s ago" if newest else "never", "" if well else fix)
