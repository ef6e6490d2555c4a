"""Every promise of a connector, kept on a real Kafka. A topic takes everything: what was taken is committed."""

from __future__ import annotations

import pytest

from connectors.testing import ConnectorContract
from tests.connectors.debezium.topic import TopicPartner


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("broker")
class TestDebezium(ConnectorContract):
    partner = TopicPartner
