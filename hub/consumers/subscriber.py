"""The one factory of subscribers. Bare subscribers are banned by a test: FastStream's defaults lose messages.

Records arrive as they are (the stock parser decodes headers, and one bad header kills a batch before the handler).
Acknowledgment is MANUAL and never used: offsets move inside the ledger's transaction, and on assignment the consumer
seeks to what the ledger says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.abc import ConsumerRebalanceListener
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from hub.settings import Settings

Handler = Callable[[tuple[ConsumerRecord, ...]], Awaitable[None]]


async def leave_alone(records: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    """Wrap a batch without looking into it."""
    return KafkaMessage(body=b"", raw_message=records, headers={}, consumer=None)  # type: ignore[arg-type]


async def hand_over(message: KafkaMessage) -> Any:
    """The records themselves."""
    return message.raw_message


def subscribe(
    broker: KafkaBroker,
    settings: Settings,
    handler: Handler,
    listener: ConsumerRebalanceListener,
    *,
    pattern: str,
    group: str,
    member: str,
) -> Any:
    """Subscribe `handler` to all topics matching `pattern`. Returns FastStream's subscriber (its `.consumer` seeks)."""
    subscriber = broker.subscriber(
        pattern=pattern,
        batch=True,
        max_records=settings.batch_records,
        batch_timeout_ms=settings.batch_timeout_ms,
        fetch_max_wait_ms=50,
        group_id=group,
        group_instance_id=member,
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="earliest",
        session_timeout_ms=15_000,
        heartbeat_interval_ms=2_000,
        rebalance_timeout_ms=30_000,
        # A handler waits as long as PostgreSQL is away; the heartbeats keep the membership meanwhile.
        max_poll_interval_ms=86_400_000,
        max_partition_fetch_bytes=1_048_576,
        listener=listener,
        parser=leave_alone,
        decoder=hand_over,
    )
    subscriber(handler)
    return subscriber
