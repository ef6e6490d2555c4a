"""One broker for the contract: the agency's own Kafka."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
        yield
    finally:
        kafka.stop(running)
