"""A partition without a leader is asked again; what will not pass is said at once."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from hub.producers.administering import PAUSES_S, led


class Cluster:
    """Answers after so many errors."""

    def __init__(self, code: int, errors: int) -> None:
        self.code, self.errors, self.asked = code, errors, 0

    def ask(self) -> str:
        self.asked += 1
        if self.asked <= self.errors:
            raise KafkaException(KafkaError(self.code))
        return "answered"


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("hub.producers.administering.time.sleep", found.append)
    return found


def test_a_partition_without_a_leader_is_asked_again(pauses: list[float]) -> None:
    cluster = Cluster(KafkaError.NOT_LEADER_FOR_PARTITION, 2)
    assert (led(cluster.ask), cluster.asked, pauses) == ("answered", 3, list(PAUSES_S[:2]))


def test_it_gives_up_in_the_end() -> None:
    cluster = Cluster(KafkaError.LEADER_NOT_AVAILABLE, 100)
    with pytest.raises(KafkaException):
        led(cluster.ask)
    assert cluster.asked == len(PAUSES_S) + 1


def test_what_does_not_pass_is_not_asked_again() -> None:
    cluster = Cluster(KafkaError.TOPIC_AUTHORIZATION_FAILED, 1)
    with pytest.raises(KafkaException):
        led(cluster.ask)
    assert cluster.asked == 1
