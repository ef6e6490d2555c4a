"""A consumer on its own, without servers: what a fenced one goes on with, and which ticks wait for whom."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from hub.consumers import clock
from hub.consumers.batch import BatchConsumer
from hub.consumers.clock import ClockConsumer
from hub.ledger.cursors import Claim
from hub.schemas.canonical import TickClaim

OURS, THEIRS = TopicPartition("hub.in.lh", 0), TopicPartition("hub.in.jeil", 0)


class Kafka:
    """What aiokafka's consumer is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({OURS, THEIRS})

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.told.append(("seek", place.topic, offset))

    def resume(self, place: TopicPartition) -> None:
        self.told.append(("resume", place.topic))

    def pause(self, *places: TopicPartition) -> None:
        self.told.append(("pause", *(place.topic for place in places)))


def consumer(class_: type[BatchConsumer], **cursors: Any) -> Any:
    nothing: Any = None
    made = class_(nothing, SimpleNamespace(**cursors), nothing, nothing, nothing, nothing)  # type: ignore[arg-type]
    made.subscriber = SimpleNamespace(consumer=Kafka())
    return made


async def test_a_fenced_one_goes_on_where_its_lost_commit_left_it_and_asks_again_for_what_is_anothers() -> None:
    stands = {(OURS.topic, 0): (4, 120), (THEIRS.topic, 0): (9, 30)}
    made = consumer(BatchConsumer, epochs=lambda: stands)
    made.claims = {OURS: Claim(1, 4, 100), THEIRS: Claim(2, 8, 20)}
    await made._fenced()
    assert {place: (claim.epoch, claim.next) for place, claim in made.claims.items()} == {OURS: (4, 120)}
    assert made.subscriber.consumer.told == [
        ("seek", OURS.topic, 120), ("resume", OURS.topic), ("pause", THEIRS.topic),
    ]  # fmt: skip
    made._owning.cancel()
    await asyncio.gather(made._owning, return_exceptions=True)


def tick(*stuck: str) -> Any:
    through = {"hub.in.jeil/0": 5, "hub.in.lh/0": 7}
    return _Tick(TickClaim("2026-11-22T03:00:00.000Z", through=through, stuck=stuck))


class _Tick:
    def __init__(self, content: TickClaim) -> None:
        self.content = content


@pytest.mark.parametrize(
    ("offsets", "later", "ready"),
    [
        ({("hub.in.jeil", 0): 5, ("hub.in.lh", 0): 7}, [], True),
        ({("hub.in.jeil", 0): 5, ("hub.in.lh", 0): 6}, [], False),
        ({}, [tick("jeil")], False),
        ({("hub.in.jeil", 0): 4, ("hub.in.lh", 0): 7}, [tick("lh")], False),
    ],
)
async def test_a_tick_waits_until_everybody_it_may_not_leave_out_was_decided(
    monkeypatch: pytest.MonkeyPatch, offsets: Any, later: list[Any], *, ready: bool
) -> None:
    monkeypatch.setattr(clock, "WAIT_S", 0.01)
    monkeypatch.setattr(clock, "LOOK_AGAIN_S", 0.03)
    this = tick()
    found = await consumer(ClockConsumer, offsets=lambda: offsets)._awaited(this, later)
    assert found is (this if ready else None)
