"""One broker for the contract: the agency's own Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from infra.local import kafka, process
from tests.connectors.debezium.topic import TopicPartner


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    port = process.port()
    folder = tmp_path_factory.mktemp("partner-kafka") / "kafka"
    made = kafka.Kafka(folder, port, process.port(avoid=[port]), "partner-pw", "controller-pw")
    kafka.prepare(made)
    running = kafka.launch(made, deathsig=True)
    try:
        kafka.wait(made, running)
        TopicPartner.bootstrap, TopicPartner.password = made.bootstrap, made.password
        asyncio.run(_coordinated())
        yield
    finally:
        kafka.stop(running)


async def _coordinated() -> None:
    """The first group of a new broker waits for the topic of offsets to be made; later ones do not."""
    found = TopicPartner(Path("unused"))
    consumer = AIOKafkaConsumer(**found.access(), group_id="first")
    try:
        await consumer.start()
        consumer.subscribe(pattern="^none$")
        await consumer.getmany(timeout_ms=5000)
    finally:
        await consumer.stop()
