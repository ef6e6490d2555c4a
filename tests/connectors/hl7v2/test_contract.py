"""The `hl7v2` connector keeps the contract."""

from __future__ import annotations

from connectors.testing import ConnectorContract
from tests.connectors.hl7v2.hospital import Hospital


class TestHl7v2(ConnectorContract):
    partner = Hospital
