"""Every promise of a connector, kept on a table of a real PostgreSQL."""

from __future__ import annotations

from connectors.testing import ConnectorContract
from tests.connectors.table.polling import TablePartner


class TestTable(ConnectorContract):
    partner = TablePartner
