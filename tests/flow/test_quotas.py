"""A rate of one's own is Kafka's, too: read back from the broker, and felt by who writes more."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from hub.cli import accounts
from hub.errors import Retry, Usage
from hub.producers import quotas
from hub.producers.rights import username
from hub.schemas.topics import inbound
from hub.settings import Settings
from tests.flow import people
from tests.flow.site import Site


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with people.town(tmp_path_factory.mktemp("town"), inbound_partitions=1) as site:
        accounts.provide(site.settings, ["alpha", "beta"])
        yield site


def told(town: Site, wanted: dict[str, float]) -> None:
    """The broker says so: a moment after the controller has taken it."""
    town.until(lambda: quotas.limits(town.settings) == wanted, 5, f"quotas are {wanted}")


def test_a_rate_is_a_quota_of_the_user_and_of_its_certificates(town: Site) -> None:
    town.administration.trust("alpha", "aa11")
    accounts.limit(town.settings, "alpha", 50)
    users = {username("alpha"), username("alpha", "aa11")}
    told(town, dict.fromkeys(users, 50 * quotas.EVENT_BYTES))
    assert accounts.rate_of(town.settings, "alpha") == 50
    accounts.limit(town.settings, "beta", 0.5)
    told(town, {**dict.fromkeys(users, 50 * quotas.EVENT_BYTES), username("beta"): quotas.EVENT_BYTES / 2})
    for code in ("alpha", "beta"):
        accounts.limit(town.settings, code, None)
    told(town, {})


def test_who_writes_more_is_slowed_down_and_nothing_is_refused(town: Site) -> None:
    took = {}
    for rate in (None, 10.0):
        accounts.limit(town.settings, "alpha", rate)
        held = accounts.credentials(town.settings, "alpha")
        assert held is not None
        signed_in = {"sasl.username": held.kafka.username, "sasl.password": held.kafka.password}
        producer = Producer(town.client(**signed_in, **{"batch.size": 20_000, "linger.ms": 0}))
        began, done = time.monotonic(), 0
        codes: list[object] = []
        # The first 25 are what the broker lets pass at once: ten seconds' worth. Each one more waits longer.
        for _ in range(33):
            producer.produce(inbound("alpha"), b"x" * 16_384, on_delivery=lambda e, _, c=codes: c.append(e))
            producer.flush(30)
            done += 1
        took[rate] = time.monotonic() - began
        assert codes == [None] * done
    accounts.limit(town.settings, "alpha", None)
    assert took[10.0] > 3 * took[None] + 2


def test_a_cluster_that_is_away_means_wait() -> None:
    with pytest.raises(Retry):
        quotas.limits(Settings(kafka_bootstrap="127.0.0.1:1"))


def test_who_administers_nothing_sets_no_quota(town: Site) -> None:

    held = accounts.credentials(town.settings, "beta")
    assert held is not None
    as_beta = dataclasses.replace(town.settings, kafka_username=held.kafka.username, kafka_password=held.kafka.password)
    with pytest.raises(Usage, match="quota"):
        quotas.limit(as_beta, [username("alpha")], 1)
