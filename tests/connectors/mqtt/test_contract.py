"""Every promise of a connector, kept behind a real broker: devices are answered at their response topics."""

from __future__ import annotations

from connectors.testing import ConnectorContract
from tests.connectors.mqtt.platform import Meters


class TestMqtt(ConnectorContract):
    partner = Meters
