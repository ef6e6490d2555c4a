"""PostgreSQL and Kafka on this machine without containers; start reading at `servers.py`."""
