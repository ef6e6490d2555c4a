"""Changes of a partner's tables, captured by Debezium on the partner's Kafka Connect, to the hub (docs/debezium.md)."""

from connectors.debezium.connector import DebeziumConnector

__all__ = ["DebeziumConnector"]
