"""`check`: whether Kafka answers, the topics are there, Debezium is alive and how far behind we are. Reads only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from connectors.debezium.config import DebeziumConfig
from connectors.protocol import Check

#: Debezium's heartbeats come every ten seconds.
SILENT_S: Final = 60
READ_MS: Final = 3000
BEHIND: Final = 10_000


async def checks(config: DebeziumConfig) -> list[Check]:
    """All of them; only the first where nobody answers."""
    consumer: AIOKafkaConsumer | None = None
    try:
        consumer = AIOKafkaConsumer(**config.access(), group_id=config.group, enable_auto_commit=False)
        await consumer.start()
        names = await consumer.topics()
        found = [Check("connection", ok=True, found=f"{len(names)} topics can be seen"), _topics(config, names)]
        if found[-1].ok:
            found.append(await _lag(config, consumer))
        if config.heartbeat:
            found.append(await _heartbeat(config.heartbeat, names, consumer))
        if config.answers:
            fix = "" if config.answers in names else f"Create the topic {config.answers}, with WRITE for our user."
            found.append(Check("answers", not fix, "missing" if fix else "there", fix))
    except (KafkaError, OSError) as error:
        fix = "Correct bootstrap, security, mechanism, username and password."
        return [Check("connection", ok=False, found=type(error).__name__, fix=fix)]
    finally:
        if consumer is not None:
            await consumer.stop()
    return found


def _topics(config: DebeziumConfig, names: set[str]) -> Check:
    missing = [topic for topic in config.topics if topic not in names]
    fix = "Is Debezium running (GET /connectors)? Compare topic.prefix and table.include.list." if missing else ""
    return Check("topics", not missing, f"missing: {', '.join(missing)}" if missing else "there", fix)


async def _lag(config: DebeziumConfig, consumer: AIOKafkaConsumer) -> Check:
    places = partitions(consumer, config.topics)
    ends = await consumer.end_offsets(places)
    read = {place: await consumer.committed(place) or 0 for place in places}
    behind = sum(end - read[place] for place, end in ends.items())
    fix = "Is the connector running, and the hub taking? Look at `hub connector status`." if behind > BEHIND else ""
    return Check("lag", not fix, f"{behind} changes are waiting in Kafka", fix)


async def _heartbeat(topic: str, names: set[str], consumer: AIOKafkaConsumer) -> Check:
    """A slot that nobody reads keeps the partner's disk filling: silence is said loudly."""
    fix = "Look at Connect: GET /connectors/<name>/status. Until it runs, its slot keeps the database's log."
    if topic not in names:
        return Check("heartbeat", ok=False, found=f"{topic} is not there", fix=f"Set heartbeat.interval.ms. {fix}")
    newest = 0
    for place in partitions(consumer, [topic]):
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        if end:
            consumer.seek(place, end - 1)
            records = await consumer.getmany(place, timeout_ms=READ_MS)
            newest = max([newest, *(r.timestamp for held in records.values() for r in held)])
    age = int(time.time() - newest / 1000)
    well = age <= SILENT_S
    return Check("heartbeat", well, f"{age} s ago" if newest else "never", "" if well else fix)


def partitions(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    """Of topics whose metadata is known."""
    return [TopicPartition(t, n) for t in topics for n in sorted(consumer.partitions_for_topic(t) or ())]
