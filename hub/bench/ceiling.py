"""The ceiling: what this machine can do when nothing is decided. aiokafka `getmany`, and one row COPYed per message.

Each row has as many bytes as the hub writes per message, of random content (the hub's are encrypted, so neither
shrinks); 1,000 rows a transaction, fsync on. `python -m hub.bench.ceiling INDEX OF BYTES MESSAGES` is one process.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from typing import Any, Final

import orjson
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

from hub.bench.ground import Ground
from hub.errors import Halt
from hub.ledger.copyrows import int8, raw, row, stream
from hub.producers.provision import Administration
from hub.settings import Settings, load

BATCH: Final = 1000
PATTERN: Final = r"^hub\.in\."
#: Rows take slices of this, each beginning elsewhere.
NOISE_BYTES: Final = 1 << 20
TABLE: Final = "CREATE TABLE IF NOT EXISTS bench_ceiling (id bigint, payload bytea)"
COPY: Final = "COPY bench_ceiling (id, payload) FROM STDIN (FORMAT BINARY)"
SYNCED: Final = "SELECT current_setting('fsync'), current_setting('synchronous_commit')"


def run(ground: Ground, processes: int, row_bytes: int, messages: int) -> float:
    """Messages a second with so many processes, partitions divided among them."""
    ground.execute(f"{TABLE}; TRUNCATE bench_ceiling")
    if ground.rows(SYNCED) != [("on", "on")]:
        raise Halt("PostgreSQL runs without fsync: every figure here would mean nothing")
    command = [sys.executable, "-m", "hub.bench.ceiling"]
    shares = [(str(i), str(processes), str(row_bytes), str(messages // processes)) for i in range(processes)]
    children = [
        subprocess.Popen([*command, *share], env=ground.environment(), stdout=subprocess.PIPE)  # noqa: S603 - our own
        for share in shares
    ]
    spans = [orjson.loads(child.communicate(timeout=300)[0] or b"null") for child in children]
    if None in spans:
        raise Halt("a process of the ceiling failed")
    return _rate(spans)


def _rate(spans: list[dict[str, float]]) -> float:
    """Of the time in which all processes were at work, summed; one that starts later is not counted as idle."""
    return float(sum(span["messages"] / (span["ended"] - span["began"]) for span in spans))


async def _measure(settings: Settings, index: int, of: int, row_bytes: int, messages: int) -> dict[str, float]:
    connection = await psycopg.AsyncConnection.connect(settings.database_url, autocommit=False)
    consumer = AIOKafkaConsumer(**settings.kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        await _assign(consumer, settings, index, of)
        return await _drain(consumer, connection, row_bytes, messages)
    finally:
        await consumer.stop()
        await connection.close()


async def _assign(consumer: AIOKafkaConsumer, settings: Settings, index: int, of: int) -> None:
    ends = await asyncio.to_thread(Administration(settings).end_offsets, PATTERN)
    places = sorted((partition, topic) for topic, partition in ends)
    consumer.assign([TopicPartition(topic, partition) for partition, topic in places[index::of]])
    await consumer.seek_to_beginning()


async def _drain(
    consumer: AIOKafkaConsumer, connection: psycopg.AsyncConnection[Any], row_bytes: int, messages: int
) -> dict[str, float]:
    noise = os.urandom(NOISE_BYTES + row_bytes)
    began, done, held = time.time(), 0, 0
    while done < messages:
        found = await consumer.getmany(timeout_ms=500, max_records=BATCH - held)
        got = sum(len(records) for records in found.values())
        if not got and not held:
            break
        held += got
        if held >= BATCH or not got:
            await _copy(connection, noise, row_bytes, range(done, done + held))
            done, held = done + held, 0
    return {"messages": done, "began": began, "ended": time.time()}


async def _copy(connection: psycopg.AsyncConnection[Any], noise: bytes, row_bytes: int, ids: range) -> None:
    rows = [row(int8(i), raw(noise[(at := i * 997 % NOISE_BYTES) : at + row_bytes])) for i in ids]
    async with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        await copy.write(stream(rows))
    await connection.commit()


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:5]]
    print(orjson.dumps(asyncio.run(_measure(load(), *numbers))).decode())
