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
from confluent_kafka import Consumer, TopicPartition

from hub.bench.backlog import Acknowledged, Raw, Sender, client
from hub.bench.ground import Ground
from hub.bench.intake import Intake
from hub.schemas.topics import FEED
from hub.settings import Settings

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
        self.came: dict[int, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._ended.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._ended.is_set():
            message = self._consumer.poll(0.05)
            if message is not None and message.error() is None:
                now = time.perf_counter()
                self.came[orjson.loads(message.value() or b"{}")["position"]] = now


def run(ground: Ground, intake: Intake, raws: Sequence[Raw], per_second: int) -> Latency:
    """Offer a load for as long as the messages last, and measure each of them."""
    before = ground.rows("SELECT size FROM head")[0][0]
    sender = intake.sender
    with FeedReader(ground.settings) as reader:
        first, began = len(sender.acknowledged), time.perf_counter()
        _offer(sender, raws, per_second)
        ground.until(intake.decided, 300, "the offered load decided")
        ground.until(intake.relayed, 60, "the offered load relayed")
        last = ground.rows("SELECT size FROM head")[0][0]
        ground.until(lambda: last in reader.came, 30, "the last position read")
    measured = _paired(sender.acknowledged[first:], ground.rows(POSITIONS, before), reader.came)
    passed = max(reader.came.values()) - began
    return _summed(measured, per_second, len(raws) / passed)


def _offer(sender: Sender, raws: Sequence[Raw], per_second: int) -> None:
    """Each message at its time; a late one does not delay the next."""
    began = time.perf_counter()
    for n, raw in enumerate(raws):
        while (wait := began + n / per_second - time.perf_counter()) > 0:
            sender.poll(min(wait, 0.002))
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
