"""The one factory of subscribers. Bare subscribers are banned by a test: FastStream's defaults lose messages.

Records arrive as they are (the stock parser decodes headers, and one bad header kills a batch before the handler).
Acknowledgment is MANUAL and never used: offsets move inside the ledger's transaction, and on assignment the consumer
seeks to what the ledger says.
"""

from __future__ import annotations

from aiokafka import ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from hub.consumers.batch import BatchConsumer
from hub.settings import Settings


async def leave_alone(records: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    """Wrap a batch without looking into it."""
    return KafkaMessage(body=b"", raw_message=records, headers={}, consumer=None)  # type: ignore[arg-type]


async def hand_over(message: KafkaMessage) -> object:
    """The records themselves."""
    return message.raw_message


def subscribe(
    broker: KafkaBroker, settings: Settings, consumer: BatchConsumer, *, pattern: str, group: str, member: str
) -> None:
    """Subscribe `consumer` to all topics matching `pattern`, as the static member `member` of `group`."""
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
        heartbeat_interval_ms=1_000,
        rebalance_timeout_ms=30_000,
        # A handler waits as long as PostgreSQL is away; the heartbeats keep the membership meanwhile.
        max_poll_interval_ms=86_400_000,
        max_partition_fetch_bytes=1_048_576,
        listener=consumer,
        parser=leave_alone,
        decoder=hand_over,
    )
    consumer.subscriber = subscriber
    subscriber(consumer.handle)
