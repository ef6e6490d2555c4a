"""A device that is silent: a signal at each of its times, once, beyond a restart too."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson

from connectors.mqtt.config import MqttConfig
from connectors.mqtt.silence import Life, Silence, seconds
from connectors.protocol import Origin
from connectors.testing import until
from tests.connectors.mqtt.platform import (
    METERS,
    NOW,
    Broker,
    Clock,
    Devices,
    Taken,
    config,
    hearing,
)


def watched(broker: Broker, folder: Path) -> MqttConfig:
    topics = [
        METERS[0] | {"silent_after_s": [6 * 3600, 24 * 3600]},
        {"filter": "alive/+", "device_level": 2, "heartbeat": True, "silent_after_s": [3600]},
    ]
    return config(broker.port, topics, state_file=str(folder / "devices.sqlite"))


async def test_a_silence_is_a_signal_at_each_of_its_times_and_once(
    broker: Broker, devices: Devices, tmp_path: Path
) -> None:
    clock, taken = Clock(), Taken()
    async with hearing(watched(broker, tmp_path), taken, clock):
        await devices.online.wait()
        await devices.ask("meters/wm-7/flow", orjson.dumps({"value": 0, "household": {"address": "진주시 평거로 88"}}))
        clock.minutes = 5 * 60
        await asyncio.sleep(0.2)
        assert taken.readings("silent_hours") == []
        clock.minutes = 30 * 60
        await until(lambda: len(taken.readings("silent_hours")) == 2)
        await asyncio.sleep(0.2)
    assert [(r["value"], r["at"]) for r in taken.readings("silent_hours")] == [
        (6.0, "2026-11-01T06:00:00.000Z"),
        (24.0, "2026-11-02T00:00:00.000Z"),
    ]
    first = taken.readings("silent_hours")[0]
    assert (first["device"], first["kind"]) == ("wm-7", "heartbeat")
    assert first["household"] == {"address": "진주시 평거로 88"}


async def test_a_heartbeat_is_no_event_and_ends_a_silence(broker: Broker, devices: Devices, tmp_path: Path) -> None:
    clock, taken = Clock(), Taken()
    async with hearing(watched(broker, tmp_path), taken, clock):
        await devices.online.wait()
        for minutes in (0, 50, 100):
            clock.minutes = minutes
            assert (await devices.ask("alive/sos-1", b"any bytes"))["status"] == "taken"
        await asyncio.sleep(0.1)
        assert taken.events == {}
        clock.minutes = 170
        await until(lambda: len(taken.events) == 1)
        await devices.ask("alive/sos-1", b"")
        clock.minutes = 300
        await until(lambda: len(taken.events) == 2)
    assert [r["at"] for r in taken.readings("silent_hours")] == ["2026-11-01T02:40:00.000Z", "2026-11-01T03:50:00.000Z"]


async def test_a_silence_is_known_beyond_a_restart_and_is_the_same_event(
    broker: Broker, devices: Devices, tmp_path: Path
) -> None:
    clock, first, second = Clock(), Taken(), Taken()
    async with hearing(watched(broker, tmp_path), first, clock):
        await devices.online.wait()
        await devices.ask("alive/sos-1", b"")
    await until(lambda: devices.states[-1] == "offline")
    state = (tmp_path / "devices.sqlite").read_bytes()
    for taken in (first, second):  # the second: a crash before it was written that the silence was told
        (tmp_path / "devices.sqlite").write_bytes(state)
        clock.minutes = 90
        async with hearing(watched(broker, tmp_path), taken, clock) as connector:
            await devices.online.wait()
            # "online" is heard before the connector knows that it was said: its grace begins there.
            await until(lambda connector=connector: connector.since == clock())  # type: ignore[misc]
            await asyncio.sleep(0.1)
            assert taken.events == {}, "behind a connection there is a grace: what waited comes first"
            clock.minutes += 11 if taken is first else 45
            await until(lambda taken=taken: len(taken.events) == 1)  # type: ignore[misc]
        await until(lambda: devices.states[-1] == "offline")
    assert first.events.keys() == second.events.keys()
    assert b"sos-1" not in state


def test_a_device_that_was_heard_meanwhile_begins_anew(tmp_path: Path) -> None:
    origin, settings = Origin("devices", "mqtt", b"k" * 32, lambda: NOW), config(1, [METERS[0]])
    topic = settings.topics[0].model_copy(update={"silent_after_s": (60.0,)})
    settings = settings.model_copy(update={"topics": (topic,)})
    silence = Silence(tmp_path / "s.sqlite", origin)
    silence.heard([Life("d1", topic, {})], "2026-11-22T03:00:00Z")
    due = silence.due(settings, "2026-11-22T03:01:00Z")
    silence.heard([Life("d1", topic, {})], "2026-11-22T03:01:30Z")
    silence.told(due)
    assert silence.due(settings, "2026-11-22T03:02:00Z") == []
    assert len(silence.due(settings, "2026-11-22T03:02:30Z")) == 1
    assert seconds("2026-11-22T03:00:00Z") == seconds("2026-11-22T12:00:00+09:00")
    silence.close()
