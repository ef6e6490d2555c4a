"""What is measured with: the town's raw messages, and their way onto Kafka.

Owns one stream for the whole run (a message stands in it once, whoever reads it) and what Kafka acknowledged of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from typing import Any, Final, NamedTuple

import orjson
from confluent_kafka import KafkaError, Message, Producer

from hub.errors import Retry
from hub.schemas.topics import inbound
from hub.settings import Settings
from hub.town.referrals import generate

SEED: Final = 20261122
PEOPLE: Final = 300_000
Place = tuple[str, int]


class Raw(NamedTuple):
    """A message ready to be sent."""

    topic: str
    key: str
    value: bytes


class Acknowledged(NamedTuple):
    """Kafka's word that it has a message, and when it came (`time.perf_counter`)."""

    topic: str
    partition: int
    offset: int
    at: float


class Backlog:
    """The stream, a piece at a time."""

    def __init__(self, total: int) -> None:
        self._stream = generate(PEOPLE, total, SEED)
        self.bytes = self.count = 0

    def take(self, count: int) -> list[Raw]:
        """The next messages."""
        taken = []
        for _ in range(count):
            agency, message, _truth = next(self._stream)
            taken.append(Raw(inbound(agency), message["partitionkey"], orjson.dumps(message)))
        self.count += count
        self.bytes += sum(len(raw.value) for raw in taken)
        return taken


def client(settings: Settings, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - librdkafka's values have many kinds
    """Configuration of librdkafka."""
    return {
        "log_level": 2,  # servers that stop at the end are no news
        "bootstrap.servers": settings.kafka_bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": settings.kafka_mechanism,
        "sasl.username": settings.kafka_username,
        "sasl.password": settings.kafka_password,
        **more,
    }


class Sender:
    """An agency's producer: acknowledged by all, idempotent, compressed."""

    def __init__(self, settings: Settings) -> None:
        lasting = {"enable.idempotence": True, "linger.ms": 2, "compression.type": "lz4"}
        self._producer = Producer(client(settings, **lasting))
        self.ends: dict[Place, int] = {}
        self.acknowledged: list[Acknowledged] = []

    def send(self, raw: Raw) -> None:
        """Hand one message over."""
        deliver = partial(self._delivered, time.perf_counter())
        while True:
            try:
                self._producer.produce(raw.topic, raw.value, key=raw.key, on_delivery=deliver)
                break
            except BufferError:
                self._producer.poll(0.05)
        self._producer.poll(0)

    def publish(self, raws: Iterable[Raw], *, seconds: float = 120) -> None:
        """Send all and wait until Kafka has them."""
        for raw in raws:
            self.send(raw)
        if self._producer.flush(seconds):
            raise Retry("Kafka did not acknowledge all messages of the bench")

    def _delivered(self, handed: float, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            raise Retry(f"Kafka refused a message of the bench: {error}")
        place, offset = (str(message.topic()), int(message.partition() or 0)), int(message.offset() or 0)
        self.ends[place] = max(self.ends.get(place, 0), offset + 1)
        # The client's own measure, in seconds, since the message was handed over: heard late, it is as good.
        self.acknowledged.append(Acknowledged(*place, offset, handed + float(message.latency() or 0.0)))
