"""Every promise of a connector, kept over signed calls."""

from __future__ import annotations

from connectors.testing import ConnectorContract
from tests.connectors.webhook.office import Office


class TestWebhook(ConnectorContract):
    partner = Office
