"""Every promise of a connector, kept by one that reads a published directory."""

from __future__ import annotations

from connectors.testing import ConnectorContract
from tests.connectors.hsds.publishing import PublishingPartner


class TestDirectory(ConnectorContract):
    partner = PublishingPartner
