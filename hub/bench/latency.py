"""Latency: from Kafka's acknowledgment at the sender until the last position of that message is readable on hub.feed.

Owns an offered load (so many messages a second, whether the hub keeps up or not) and a reader of the feed. Sender and
reader are one process, so one clock measures both ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Final, Self

import msgspec
import orjson
from confluent_kafka import Consumer, Message, TopicPartition

from hub.bench.backlog import Acknowledged, Raw, Sender, client
from hub.bench.ground import Ground
from hub.bench.intake import Intake
from hub.schemas.topics import FEED
from hub.settings import Settings

#: How long the reader goes on after the last position was relayed.
SETTLE_S: Final = 1.0
#: Which positions came of which Kafka record.
POSITIONS: Final = """
SELECT p.topic, p.partition, m.record_offset, max(e.position)
FROM messages m JOIN partitions p ON p.id = m.partition_id JOIN entries e ON e.cause = m.cause
WHERE m.verdict <> 'seen' AND m.position > %s GROUP BY 1, 2, 3
"""


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds. offered, reached: messages a second asked for, and put through until the last was on the feed."""

    offered: float
    reached: float
    messages: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    samples_ms: list[float]


class FeedReader:
    """Reads the feed from its end on in a thread, and notes when each position came."""

    def __init__(self, settings: Settings) -> None:
        more = {"group.id": "bench-feed", "enable.auto.commit": False, "fetch.wait.max.ms": 100}
        self._consumer = Consumer(client(settings, **more))
        place = TopicPartition(FEED, 0)
        _, end = self._consumer.get_watermark_offsets(place, timeout=10)
        self._consumer.assign([TopicPartition(FEED, 0, end)])
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, name="feed-reader")
        self._unread: list[tuple[float, Message]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._ended.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._ended.is_set():
            first = self._consumer.poll(0.05)
            if first is not None:
                now = time.perf_counter()
                self._unread += [(now, message) for message in (first, *self._consumer.consume(1000, 0))]

    def came(self) -> dict[int, float]:
        """When each position came. Read afterwards: taking messages apart must not take time from what is measured."""
        found = [(orjson.loads(message.value() or b"{}"), at) for at, message in self._unread if not message.error()]
        return {value["position"]: at for value, at in found}


def run(ground: Ground, intake: Intake, raws: Sequence[Raw], per_second: int) -> Latency:
    """Offer a load for as long as the messages last, and measure each of them."""
    before = ground.rows("SELECT size FROM head")[0][0]
    sender = intake.sender
    with FeedReader(ground.settings) as reader:
        first, began = len(sender.acknowledged), time.perf_counter()
        _offer(sender, raws, per_second)
        ground.until(intake.decided, 300, "the offered load decided")
        ground.until(intake.relayed, 60, "the offered load relayed")
        ended = time.perf_counter()
        ground.until(lambda: time.perf_counter() > ended + SETTLE_S, 10, "the reader")
    came = reader.came()
    measured = _paired(sender.acknowledged[first:], ground.rows(POSITIONS, before), came)
    passed = max(came.values()) - began
    return _summed(measured, per_second, len(raws) / passed)


def _offer(sender: Sender, raws: Sequence[Raw], per_second: int) -> None:
    """Each message at its time; a late one does not delay the next."""
    began = time.perf_counter()
    for n, raw in enumerate(raws):
        if (wait := began + n / per_second - time.perf_counter()) > 0:
            time.sleep(wait)
        sender.send(raw)
    sender.publish(())


def _paired(sent: Sequence[Acknowledged], positions: Sequence[tuple[Any, ...]], came: dict[int, float]) -> list[float]:
    at = {(one.topic, one.partition, one.offset): one.at for one in sent}
    return [1000 * (came[p] - at[t, n, o]) for t, n, o, p in positions if (t, n, o) in at and p in came]


def _summed(found: list[float], offered: float, reached: float) -> Latency:
    ordered = sorted(found)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)

    samples = [round(value, 1) for value in found[:: max(1, len(found) // 2000)]]
    return Latency(offered, round(reached, 1), len(ordered), at(0.5), at(0.9), at(0.99), round(ordered[-1], 1), samples)
