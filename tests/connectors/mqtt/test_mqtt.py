"""Against mosquitto: acknowledgment behind the spool, rights, and what cannot be read."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from connectors.mqtt import MqttConnector
from connectors.mqtt.config import MqttConfig
from connectors.protocol import Broken, Origin, Receipt
from connectors.testing import free_port, until
from hub.errors import Usage
from tests.connectors.mqtt.platform import (
    METERS,
    NOW,
    Broker,
    Devices,
    Taken,
    config,
    hearing,
    password_line,
    reading,
)

#: Takes nothing for ever: the moment between receive and acknowledge, as long as a test needs it.
STUCK = """
import asyncio, sys
from tests.connectors.mqtt.platform import config, hearing
async def take(events, **more):
    print("received", len(events), flush=True)
    await asyncio.sleep(600)
async def main():
    async with hearing(config(int(sys.argv[1]), [{"filter": "meters/+/flow"}]), take):
        await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_kill_9_between_receive_and_acknowledge_redelivers(
    broker: Broker, devices: Devices, tmp_path: Path
) -> None:
    script = tmp_path / "stuck.py"
    script.write_text(STUCK, encoding="utf-8")
    command = [sys.executable, script, str(broker.port)]
    child = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": "."}
    )
    assert child.stdout
    await devices.online.wait()
    await devices.publish("meters/wm-1/flow", orjson.dumps(reading(1)))
    lines = iter(child.stdout.readline, b"")
    assert await asyncio.to_thread(lambda: any(line == b"received 1\n" for line in lines))
    child.send_signal(signal.SIGKILL)
    await asyncio.to_thread(child.wait)
    child.stdout.close()
    await until(lambda: devices.states[-1] == "offline")
    taken = Taken()
    async with hearing(config(broker.port, [{"filter": "meters/+/flow"}]), taken):
        await until(lambda: len(taken.events) == 1)


async def test_what_was_acknowledged_does_not_come_again(broker: Broker, devices: Devices) -> None:
    for number, expected in ((1, 1), (2, 2)):
        taken = Taken()
        async with hearing(config(broker.port, METERS), taken):
            await devices.online.wait()
            assert (await devices.ask("meters/m/flow", b"%d" % number))["status"] == "taken"
            await asyncio.sleep(0.1)
        assert [e["data"]["value"] for e in taken.events.values()] == [expected]


async def test_messages_of_an_absence_wait_with_the_broker_even_over_its_restart(
    broker: Broker, devices: Devices
) -> None:
    async with hearing(config(broker.port, METERS), Taken()):
        await devices.online.wait()
    for number in range(50):
        await devices.publish("meters/m/flow", str(number))
    await devices.stop()
    await broker.stop()
    await broker.start()
    taken = Taken()
    async with hearing(config(broker.port, METERS), taken):
        await until(lambda: len(taken.events) == 50)
    assert [e["data"]["value"] for e in taken.events.values()] == list(range(50)), "in order"


async def test_a_broker_that_goes_away_is_found_again(broker: Broker, devices: Devices) -> None:
    taken = Taken()
    async with hearing(config(broker.port, METERS), taken):
        await devices.online.wait()
        await devices.stop()
        await broker.stop()
        await broker.start()
        again = Devices(broker.port)
        await again.start()
        await again.online.wait()
        assert (await again.ask("meters/m/flow", b"7"))["status"] == "taken"
        await again.stop()


async def test_at_a_full_spool_the_broker_keeps_them_in_order_and_check_says_so(
    broker: Broker, devices: Devices
) -> None:
    taken = Taken()
    settings = config(broker.port, METERS, together=10)
    async with hearing(settings, taken) as connector:
        await devices.online.wait()
        taken.full = True
        assert (await devices.ask("meters/m/flow", b"0"))["status"] == "waiting"
        for number in range(1, 40):
            await devices.publish("meters/m/flow", str(number))
        await until(lambda: devices.states[-1] == "full")
        running = next(c for c in await connector.check() if c.name == "running")
        assert not running.ok
        assert "spool is full" in running.fix
        assert not taken.events
        taken.full = False
        await until(lambda: len(taken.events) == 40)
        await until(lambda: devices.states[-1] == "online")
    assert [e["data"]["value"] for e in taken.events.values()] == list(range(40))


async def test_a_topic_gives_what_a_message_lacks(broker: Broker, devices: Devices) -> None:
    taken = Taken()
    async with hearing(config(broker.port, METERS), taken):
        await devices.online.wait()
        await devices.ask("meters/wm-7/flow", b"61")
        await devices.ask("meters/wm-7/flow", b'{"value": 62, "at": "2026-11-18T06:00:00+09:00"}')
    told = {"device": "wm-7", "kind": "water_meter", "reading": "no_flow_hours"}
    assert [e["data"] for e in taken.events.values()] == [
        {**told, "value": 61, "at": "2026-11-22T03:00:00Z"},
        {**told, "value": 62, "at": "2026-11-18T06:00:00+09:00"},
    ]
    assert len({e["partitionkey"] for e in taken.events.values()}) == 1
    assert "wm-7" not in str([{k: v for k, v in e.items() if k != "data"} for e in taken.events.values()])


async def test_what_cannot_be_read_is_named_with_its_reasons_and_never_quoted(broker: Broker, devices: Devices) -> None:
    taken = Taken()
    async with hearing(config(broker.port, METERS), taken) as connector:
        await devices.online.wait()
        said = await devices.ask("meters/wm-7/flow", orjson.dumps(reading(1, device="wm-8", secret="평거로")))
        assert said["status"] == "rejected"
        await devices.ask("meters/wm-7/flow", orjson.dumps({"value": "평거로", "own": 1}))
        assert (await devices.ask("meters/wm-7/flow", b"1"))["status"] == "taken", "the next one passes"
        await until(lambda: len(devices.rejected) == 2)
        assert connector.counts["rejected"] == 2
    assert {r["topic"] for r in devices.rejected} == {"meters/wm-7/flow"}
    assert [r["code"] for r in devices.rejected[0]["reasons"]] == ["foreign_device"]
    assert {r["path"][:6] for r in devices.rejected[1]["reasons"]} == {"/value", "/own"}
    assert "평거로" not in str(devices.rejected)


async def test_a_refusal_of_the_hub_is_named_too(broker: Broker, devices: Devices) -> None:
    async with hearing(config(broker.port, METERS), Taken()) as connector:
        await devices.online.wait()
        reason = {"path": "/at", "code": "time", "text": "This is no time."}
        await connector.tell(
            [
                Receipt("e" * 32, "//agency/devices/mqtt", "refused", 1, (reason,), about="meters/wm-7/flow"),
                Receipt("f" * 32, "//agency/devices/mqtt", "recorded", 2, about="meters/wm-7/flow"),
            ]
        )
        await until(lambda: len(devices.rejected) == 1)
    assert devices.rejected == [{"topic": "meters/wm-7/flow", "reasons": [reason]}]


async def test_replies_go_nowhere_but_below_our_own_prefix(broker: Broker, devices: Devices) -> None:
    settings = config(broker.port, METERS, replies="ieum/others/")
    taken = Taken()
    async with hearing(settings, taken):
        await devices.online.wait()
        assert await devices.ask("meters/wm-7/flow", b"1", seconds=0.5) == {}
    assert len(taken.events) == 1


# ------------------------------------------------------------------ rights and checks
async def test_check_tells_rights_apart(tmp_path: Path) -> None:
    passwords, rights = tmp_path / "passwords", tmp_path / "rights"
    passwords.write_text(password_line("ieum", "right"), encoding="utf-8")
    rights.write_text("user ieum\ntopic readwrite #\n", encoding="utf-8")
    broker = Broker(tmp_path, ["allow_anonymous false", f"password_file {passwords}", f"acl_file {rights}"])
    await broker.start()
    try:
        origin = Origin("devices", "mqtt", b"k" * 32, lambda: NOW)
        wrong = {}
        for user, password in (("ieum", "right"), ("nobody", "right"), ("ieum", "wrong")):
            settings = config(broker.port, METERS, username=user, password=password)
            found = await MqttConnector(settings, origin).check()
            wrong[user, password] = {check.name: check.fix for check in found if not check.ok}
        assert wrong["ieum", "right"] == {}
        assert wrong["nobody", "right"].keys() == wrong["ieum", "wrong"].keys() == {"broker"}
        assert "password" in wrong["ieum", "wrong"]["broker"]
    finally:
        await broker.stop()


async def test_check_names_a_broker_that_is_away_and_files_that_are_not_there(tmp_path: Path) -> None:
    origin = Origin("devices", "mqtt", b"k" * 32, lambda: NOW)
    found = await MqttConnector(config(free_port(), METERS), origin).check()
    assert [check.name for check in found if not check.ok] == ["broker"]
    settings = config(free_port(), METERS, tls=True, ca_file=tmp_path / "no.pem")
    found = await MqttConnector(settings, origin).check()
    assert [check.name for check in found if not check.ok] == ["tls"]
    with pytest.raises(Usage, match="TLS"):
        await MqttConnector(settings, origin).run(Taken())


async def test_discover_shows_what_comes_and_leaves_it_to_the_session(broker: Broker, devices: Devices) -> None:
    async with hearing(config(broker.port, METERS), Taken()):
        await devices.online.wait()
    connector = MqttConnector(config(broker.port, METERS), Origin("devices", "mqtt", b"k" * 32, lambda: NOW))
    looking = asyncio.create_task(connector.discover(2))
    while not looking.done():  # what comes before it listens is not shown to it
        await devices.publish("meters/wm-7/flow", b"1")
        await devices.publish("meters/wm-7/flow", b"x")
        await asyncio.sleep(0.3)
    found = await looking
    [good] = [each for each in found if not isinstance(each, Broken)]
    assert good["data"]["value"] == 1
    [bad] = [each for each in found if isinstance(each, Broken)]
    assert bad.path == "meters/+/flow"
    taken = Taken()
    async with hearing(config(broker.port, METERS), taken):
        await until(lambda: taken.events)


async def test_it_has_no_past() -> None:
    with pytest.raises(Usage, match="hub send"):
        await MqttConnector(config(1, METERS), Origin("d", "mqtt", b"k", lambda: NOW)).backfill("2026-11-01", Taken())


@pytest.mark.parametrize(
    "wrong",
    [
        {"topics": []},
        {"topics": [{"filter": "a/#/b"}]},
        {"topics": [{"filter": "a+/b"}]},
        {"topics": [{"filter": "#"}]},
        {"topics": [{"filter": "ieum/+"}]},
        {"topics": [{"filter": "a", "heartbeat": True}]},
        {"topics": [{"filter": "a", "silent_after_s": [60]}]},
        {"topics": [{"filter": "a", "silent_after_s": [60, 30]}], "state_file": "s"},
        {"certificate_file": "a.pem"},
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MqttConfig.model_validate({"topics": METERS} | wrong)
