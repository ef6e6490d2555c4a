"""How everything here talks to Kafka: one factory of producers, and how to give one up. Owns no message.

Acknowledged by all in-sync replicas, idempotent (a retry inside the client doubles and reorders nothing), compressed,
in large batches; aiokafka's defaults are none of these.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hub.settings import Settings

log = structlog.get_logger()

#: Seconds between attempts to reach Kafka; the last one repeats.
BACKOFF_S: Final = (0.1, 0.25, 0.5, 1.0, 2.0)
#: How long an abandoned producer's requests may take to end.
ABANDON_S: Final = 3.0
#: A message may be as large as the envelope allows, plus what Kafka adds.
MAX_REQUEST_BYTES: Final = 2 * 1024 * 1024
PRODUCER: Final[dict[str, Any]] = {
    "acks": "all",
    "enable_idempotence": True,
    "linger_ms": 3,
    "compression_type": "zstd",  # aiokafka's lz4 is level 9: four times the time for less
    "max_batch_size": 256 * 1024,
    "max_request_size": MAX_REQUEST_BYTES,
    # Short: whoever waits for a lost broker's answer retries this often. Nothing is given up: retries have no end.
    "request_timeout_ms": 10_000,
    "retry_backoff_ms": 100,
    "metadata_max_age_ms": 30_000,
}


async def open_producer(settings: Settings, *, name: str) -> AIOKafkaProducer:
    """A started producer. Waits as long as Kafka is away; nothing is lost, since nothing was accepted yet."""
    attempt = 0
    while True:
        producer = AIOKafkaProducer(client_id=name, **settings.kafka, **PRODUCER)
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            log.warning("kafka_awaited", producer=name, error=type(error).__name__, attempt=attempt)
            await asyncio.sleep(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)])
            attempt += 1
        except BaseException:
            await abandon(producer)
            raise
        else:
            return producer


async def abandon(producer: AIOKafkaProducer) -> None:
    """Close without waiting for what was not acknowledged: `stop` would wait for it as long as Kafka is away.

    What was under way may still arrive, once: whoever abandons must send everything unacknowledged again.
    """
    producer._closed = True  # noqa: SLF001 - aiokafka has no way to close without a flush
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ABANDON_S):
            await producer._sender.close()  # noqa: SLF001
    await producer.client.close()
