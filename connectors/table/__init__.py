"""A partner's interface table in PostgreSQL: rows are taken in its own database, and answered there."""

from connectors.table.connector import TableConnector

__all__ = ["TableConnector"]
