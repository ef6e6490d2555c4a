"""What Kafka answers to its administrator, as the hub's own errors. Owns the codes and what to do about each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from hub.errors import Retry, Usage

T = TypeVar("T")
EXISTS: Final = frozenset({KafkaError.TOPIC_ALREADY_EXISTS})
ABSENT: Final = frozenset({KafkaError.RESOURCE_NOT_FOUND})
#: What passes: the cluster is away, elects a leader, or has not told all its brokers of a new topic yet.
AWAY: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - librdkafka's own codes begin with an underscore
        KafkaError._MSG_TIMED_OUT,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_CONTROLLER,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.NOT_COORDINATOR,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    }
)
#: A partition whose leader is being chosen, or not yet known to the broker that was asked.
ELECTING: Final = frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    }
)
PAUSES_S: Final = (0.1, 0.2, 0.4, 0.8, 1.6)
REMEDIES: Final[Mapping[int, str]] = {
    KafkaError.SECURITY_DISABLED: "Give the broker an authorizer: without one every agency can write as any other.",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "Use a Kafka user that may administer the cluster (HUB_KAFKA_USERNAME).",
    KafkaError.SASL_AUTHENTICATION_FAILED: "Check HUB_KAFKA_USERNAME and HUB_KAFKA_PASSWORD.",
    KafkaError._AUTHENTICATION: "Check HUB_KAFKA_USERNAME and HUB_KAFKA_PASSWORD.",  # noqa: SLF001
}


def done(futures: Mapping[Any, Future[Any]], unless: frozenset[int] = frozenset()) -> None:
    """Wait for all; `unless`: error codes that mean it was so already."""
    for future in futures.values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() not in unless:
                raise


def led(ask: Callable[[], T]) -> T:
    """The answer once every partition has its leader: one just made, or just begun again, has none for a moment."""
    for pause in PAUSES_S:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in ELECTING:
                raise
        time.sleep(pause)
    return ask()


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Kafka's errors as ours: `Retry` while the cluster is away, else `Usage` with what to do."""
    try:
        yield
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() in AWAY:
            raise Retry(f"Kafka does not answer about {what} ({cause.name()})") from error
        remedy = REMEDIES.get(cause.code(), "See the broker's log.")
        raise Usage(f"Kafka refuses {what}: {cause.str()} ({cause.name()}).", remedy) from error
