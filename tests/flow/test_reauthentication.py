"""`connections.max.reauth.ms`: a rotated password ends connections that are open, and the hub itself does not mind."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, Producer

from hub.producers.rights import username
from hub.schemas.topics import inbound
from tests.flow import people
from tests.flow.people import refer
from tests.flow.site import Site

REAUTH_S = 2.0


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUB_KAFKA_REAUTH_MS", str(int(REAUTH_S * 1000)))
        with people.town(tmp_path_factory.mktemp("town"), inbound_partitions=1) as site:
            yield site


def test_a_connection_of_the_former_password_ends_within_that_time(town: Site) -> None:
    town.administration.rotate("gamma", "first password")
    signed_in = {"sasl.username": username("gamma"), "sasl.password": "first password"}
    producer = Producer(town.client(**signed_in, **{"message.timeout.ms": 1000, "linger.ms": 0}))

    def write() -> int:
        codes: list[int] = []
        producer.produce(inbound("gamma"), b"{}", on_delivery=lambda e, _: codes.append(e.code() if e else 0))
        producer.flush(5)
        return codes[0]

    began = time.monotonic()
    while time.monotonic() - began < 2 * REAUTH_S:  # it signs in again by itself, and nobody notices
        assert write() == 0
        time.sleep(0.1)
    town.administration.rotate("gamma", "second password")
    done = time.monotonic()
    while write() == 0:
        assert time.monotonic() - done < REAUTH_S + 1
        time.sleep(0.02)
    assert write() in {KafkaError._MSG_TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._AUTHENTICATION}
    producer.purge()
    producer.flush(2)


def test_the_hubs_own_connections_are_made_anew_and_nothing_is_lost_or_doubled(town: Site) -> None:
    town.start("consumer 0", "relay")
    for first in range(0, 60, 10):  # over at least six times that span
        refer(town, range(first, first + 10))
        time.sleep(REAUTH_S)
    town.settle()
    recorded = town.sql("SELECT count(*), count(DISTINCT id) FROM referrals")
    assert recorded == [(60, 60)]
    town.until(town.relayed, 30, "all relayed")
    positions = [e["position"] for e in town.read("hub.feed")]
    assert sorted(set(positions)) == list(range(1, town.one("SELECT size FROM head") + 1))
    assert len(positions) == len(set(positions))
