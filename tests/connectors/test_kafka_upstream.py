"""The way over Kafka, on a real broker: an agency's own topic, its outbox, its rights."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer

from connectors.kafka_upstream import Access, Kafka
from connectors.testing.recording import Recording
from hub.errors import Usage
from hub.producers.provision import username
from hub.schemas.topics import inbound, outbound
from tests.flow.site import Site


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("kafka-upstream"))
    for code in ("jeil", "lh"):
        site.administration.add_agency(code, f"password of {code}")
    yield site
    site.close()


def access(site: Site, code: str, password: str = "") -> Access:
    bootstrap, mechanism = site.settings.kafka_bootstrap, site.settings.kafka_mechanism
    return Access(bootstrap, username(code), password or f"password of {code}", mechanism, tls=False)


def events(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {"id": f"m-{n}", "source": "//agency/jeil/his", "partitionkey": f"k{n % 7}", "data": {"n": n}}
        for n in range(start, start + count)
    ]


def written(site: Site, topic: str, count: int) -> list[dict[str, Any]]:
    consumer = Consumer(site.client(**{"group.id": f"test-{topic}-{count}", "auto.offset.reset": "earliest"}))
    consumer.subscribe([topic])
    found: list[dict[str, Any]] = []
    for _ in range(60):
        found += [orjson.loads(m.value() or b"") for m in consumer.consume(500, 0.5)]
        if len(found) >= count:
            break
    consumer.close()
    return found


async def test_events_arrive_in_order_within_their_key(broker: Site) -> None:
    upstream = Kafka("jeil", access(broker, "jeil"))
    receipts = await upstream.send(events(1500))
    await upstream.close()
    assert [(r.id, r.status) for r in receipts] == [(f"m-{n}", "taken") for n in range(1500)]
    found = await asyncio.to_thread(written, broker, inbound("jeil"), 1500)
    assert len(found) == 1500
    for key in range(7):
        numbers = [e["data"]["n"] for e in found if e["partitionkey"] == f"k{key}"]
        assert numbers == sorted(numbers)


async def test_what_is_too_large_is_refused_and_the_rest_arrives(broker: Site) -> None:
    upstream = Kafka("jeil", access(broker, "jeil"))
    large = events(1, 2000)[0] | {"data": "x" * 1_100_000}
    receipts = await upstream.send([large, *events(1, 2001)])
    await upstream.close()
    assert [r.status for r in receipts] == ["refused", "taken"]
    assert receipts[0].reasons[0]["code"] == "too_large"


async def test_with_the_hubs_address_verdicts_are_asked_for(broker: Site) -> None:
    hub = Recording(lambda e: int(e["data"]["n"]))
    hub.answer("POST", "/v1/events", orjson.dumps(events(1)))
    upstream = Kafka("jeil", access(broker, "jeil"), hub.upstream())
    (sent,) = await upstream.send(events(1))
    assert sent.status == "pending"
    (told,) = await upstream.receipts([sent])
    await upstream.close()
    assert (told.id, told.status) == ("m-0", "recorded")
    assert told.referrals[0]["number"] == "N-0"


@pytest.mark.parametrize(("agency", "password"), [("lh", ""), ("jeil", "wrong")])
async def test_a_stranger_neither_writes_nor_reads(broker: Site, agency: str, password: str) -> None:
    upstream = Kafka("jeil", access(broker, agency, password))
    with pytest.raises(Usage, match="denies agency jeil its topic"):
        await upstream.send(events(1))
    with pytest.raises(Usage, match="denies agency jeil its outbox"):
        await until_denied(upstream)
    await upstream.close()


async def until_denied(upstream: Kafka) -> None:
    for _ in range(50):
        await upstream.changes("")


def entry(position: int) -> bytes:
    data = {"position": position, "kind": "referral.offered", "heard": "2026", "facts": {"referral": str(position)}}
    return orjson.dumps({"position": position, "data": data})


async def followed(upstream: Kafka, after: str, count: int) -> tuple[list[int], str]:
    found: list[int] = []
    for _ in range(50):
        changes, after = await upstream.changes(after)
        found += [c.position for c in changes]
        if len(found) >= count:
            break
    return found, after


async def test_the_outbox_is_followed_from_the_bookmark_and_told_once(broker: Site) -> None:
    broker.publish(outbound("jeil"), [entry(p) for p in (3, 5, 5, 9)])
    first = Kafka("jeil", access(broker, "jeil"))
    found, mark = await followed(first, "", 3)
    assert (found, mark) == ([3, 5, 9], "9@4")
    assert await first.changes(mark) == ([], mark)
    await first.close()
    broker.publish(outbound("jeil"), [entry(12)])
    again = Kafka("jeil", access(broker, "jeil"))
    assert await followed(again, mark, 1) == ([12], "12@5")
    await again.close()
    switched = Kafka("jeil", access(broker, "jeil"))
    assert await followed(switched, "5", 2) == ([9, 12], "12@5")
    await switched.close()


async def test_a_broker_that_is_away_is_waited_for() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise TimeoutError

    nobody = Access("127.0.0.1:1", "x", "y", tls=False)
    upstream = Kafka("jeil", nobody, sleep=sleep)
    with pytest.raises(TimeoutError):
        await upstream.send(events(1))
    assert await upstream.changes("7") == ([], "7")
    await upstream.close()
    assert len(waited) == 3
