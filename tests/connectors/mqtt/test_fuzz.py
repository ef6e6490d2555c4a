"""Mutated messages through the broker: each is taken or rejected with place and reason, and the next one passes."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import orjson
import pytest

from tests.connectors.mqtt.platform import Broker, Devices, Taken, config, hearing, reading
from tests.connectors.mutating import mutant, resident

SAMPLES = Path(__file__).parents[2] / "samples" / "jinju"
GROWTH = 48 * 1_048_576
TOPICS = [
    {"filter": "meters/+", "kind": "water_meter", "reading": "no_flow_hours", "device_level": 2},
    {"filter": "old/+", "charset": "cp949"},
]


def seeds() -> list[bytes]:
    lines = (SAMPLES / "devices.jsonl").read_bytes().splitlines()
    return [*lines, orjson.dumps(reading(1)), b"12.5", b"true", orjson.dumps(reading(2)).decode().encode("cp949")]


async def fuzzed(folder: Path, seed: int, count: int) -> Counter[str]:
    """Send them all, a good message behind each. How often each status and code was replied."""
    dice, taken, codes = random.Random(seed), Taken(), Counter[str]()  # noqa: S311 - mutations, no secret
    broker, held = Broker(folder), seeds()
    await broker.start()
    devices = Devices(broker.port)
    await devices.start()
    try:
        async with hearing(config(broker.port, TOPICS, payload_bytes=16_384), taken):
            await devices.online.wait()
            before = resident()
            for number in range(count):
                said = await devices.ask(dice.choice(("meters/m1", "old/m1")), mutant(dice, dice.choice(held)))
                assert said["status"] in {"taken", "rejected"}
                reasons = said.get("reasons", [])
                assert said["status"] == "taken" or reasons
                assert all(r["text"] and (r["path"] or r["code"]) for r in reasons)
                codes.update([said["status"], *(r["code"] for r in reasons)])
                assert (await devices.ask("meters/m2", str(number).encode()))["status"] == "taken"
            assert resident() - before < GROWTH + count * 4096, "what the test itself keeps is 4 KiB a message"
    finally:
        await devices.stop()
        await broker.stop()
    return codes


async def test_three_hundred_mutated_messages(tmp_path: Path) -> None:
    codes = await fuzzed(tmp_path, 21, 300)
    assert {"taken", "rejected", "not_json"} <= codes.keys()


@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_ten_thousand_mutated_messages(tmp_path: Path) -> None:
    codes = await fuzzed(tmp_path, 22, 10_000)
    assert {"taken", "rejected", "not_json", "too_large", "not_decodable", "foreign_device"} <= codes.keys()
