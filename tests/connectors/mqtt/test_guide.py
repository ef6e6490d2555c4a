"""docs/mqtt.md says what the code does: its configuration is read, what its example publishes is taken."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from connectors import configuring
from connectors.mqtt import MqttConnector
from tests.connectors.mqtt.platform import Broker, Devices, Taken, hearing

GUIDE = (Path(__file__).parents[3] / "docs" / "mqtt.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found
    return found[1]


async def test_the_configuration_is_read_and_the_examples_are_taken_by_it(tmp_path: Path) -> None:
    for name in ("token", "mqtt-password"):
        (tmp_path / name).write_text("secret", encoding="utf-8")
    (tmp_path / "partner.toml").write_text(block("toml"), encoding="utf-8")
    configured = configuring.read(tmp_path / "partner.toml")
    assert configured.connector is MqttConnector
    broker, taken = Broker(tmp_path), Taken()
    await broker.start()
    devices = Devices(broker.port)
    await devices.start()
    alone = {"port": broker.port, "host": "127.0.0.1", "tls": False, "state_file": tmp_path / "devices.sqlite"}
    try:
        async with hearing(configured.config.model_copy(update=alone), taken):
            await devices.online.wait()
            lines = block("sh").replace("\\\n", " ").splitlines()
            assert len(lines) == 2
            for line in lines:
                words = shlex.split(line)
                topic, payload = words[words.index("-t") + 1], words[words.index("-m") + 1]
                assert await devices.ask(topic, payload.encode()) == {"status": "taken"}
            assert await devices.ask("alive/sos-1", b"") == {"status": "taken"}
    finally:
        await devices.stop()
        await broker.stop()
    assert [e["data"]["value"] for e in taken.events.values()] == [61, 61]
