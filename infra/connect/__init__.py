"""Kafka Connect with Debezium, from Maven's artifacts, without containers: for tests and for trying it out."""
