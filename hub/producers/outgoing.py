"""The web's way out: one producer, opened beside the door. Owns nothing but its connection."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hub.errors import Retry
from hub.producers.kafka import open_producer
from hub.settings import Settings


class Outgoing:
    """Publishes and waits for the acknowledgment; until Kafka answers, publishing says so."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        """Connect, however long it takes."""
        self._producer = await open_producer(self._settings, name="hub-web")

    async def close(self) -> None:
        """Let what is under way arrive."""
        if self._producer is not None:
            await self._producer.stop()

    async def publish(self, topic: str, key: str, value: bytes) -> None:
        """Publish one message and wait for its acknowledgment. Raises `Retry` when Kafka does not take it."""
        if self._producer is None:
            raise Retry("Kafka does not answer yet")
        try:
            await self._producer.send_and_wait(topic, value, key=key.encode())
        except KafkaError as error:
            raise Retry(f"Kafka did not take it ({type(error).__name__})") from error

    async def away(self) -> str:
        """Why Kafka takes no message now, '' when it does."""
        if self._producer is None:
            return "not connected"
        try:
            async with asyncio.timeout(2):
                await self._producer.client.fetch_all_metadata()
        except (KafkaError, TimeoutError, OSError) as error:
            return type(error).__name__
        return ""
