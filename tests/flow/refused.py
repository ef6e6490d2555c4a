"""What a broker says to a client that it does not let in. Owns waiting for that word: a silence proves less, later."""

from __future__ import annotations

import time
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

#: What a client hears whose encryption or connection the broker ends.
NO_CONNECTION = frozenset({KafkaError._SSL, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN})


def turned_away(configuration: dict[str, Any], by: frozenset[int], seconds: float = 10) -> None:
    """Asserts that a client of this configuration hears one of these errors, and is shown no topic."""
    said: list[int] = []
    admin = AdminClient({**configuration, "error_cb": lambda error: said.append(error.code())})
    end = time.monotonic() + seconds
    while not by & set(said):
        assert time.monotonic() < end, f"not turned away within {seconds} s: {said}"
        admin.poll(0.05)
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=0.5)
