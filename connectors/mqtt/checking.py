"""`check` of the MQTT connector: broker, rights, session, state, and what the running connector says of itself."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from connectors.mqtt.config import MqttConfig
from connectors.mqtt.link import Link
from connectors.protocol import Check
from hub.schemas.envelope import read_object

#: How long a retained status is waited for.
STATUS_S = 1.0


async def checks(config: MqttConfig) -> list[Check]:
    """All of them. Connects under a client id of its own: the running session is not disturbed."""
    try:
        config.security()
    except OSError as error:
        fix = "Give readable PEM files; certificate and key must belong together."
        wrong = Check("tls", ok=False, found=f"cannot be used: {type(error).__name__}", fix=fix)
        return [wrong, *_state_file(config)]
    tls = Check("tls", ok=True, found="TLS" if config.tls else "no TLS: one machine or a closed network")
    return [tls, *await _broker(config), *_state_file(config)]


async def _broker(config: MqttConfig) -> list[Check]:
    place = f"{config.host}:{config.port}"
    link = Link(config, f"{config.client_id}-check", lasting=False)
    link.timeout = 5
    try:
        async with link:
            denied = await link.listen()
            return [
                Check("broker", ok=True, found=f"{place} speaks MQTT 5"),
                _topics(config, denied),
                _quality(link),
                await _status(config, link),
            ]
    except MqttConnectError as error:
        fix = "Correct username and password_file, and let the broker's access list name this user."
        return [Check("broker", ok=False, found=f"{place} refuses us: {error.rc}", fix=fix)]
    except aiomqtt.MqttError as error:
        fix = "Start the broker, open the way there in the firewall, or correct host, port and tls."
        return [Check("broker", ok=False, found=f"{place} does not answer: {type(error).__name__}", fix=fix)]


def _topics(config: MqttConfig, denied: list[str]) -> Check:
    found = f"denied: {', '.join(denied)}" if denied else f"{len(config.topics)} filters may be read"
    fix = "Let the broker's access list allow this user to read them." if denied else ""
    return Check("topics", ok=not denied, found=found, fix=fix)


def _quality(link: Link) -> Check:
    """MQTT 5, 3.2.2.3.4: a broker that says nothing has quality 2."""
    best = int(link.granted.get("MaximumQoS", 2))
    fix = "" if best else "Allow QoS 1 at the broker: without it a crash loses messages."
    return Check("quality", ok=best > 0, found=f"QoS {best} at most", fix=fix)


async def _status(config: MqttConfig, link: Link) -> Check:
    """What the running connector has said last."""
    state = "nothing yet"
    with suppress(TimeoutError, aiomqtt.MqttError):
        await link.subscribe(config.status, qos=0)
        async with asyncio.timeout(STATUS_S):
            async for message in link.messages:
                said = read_object(message.payload)
                if str(message.topic) == config.status and isinstance(said, dict):
                    state = str(said.get("state"))
                    break
    full = state == "full"
    fix = "Its spool is full: bring the hub back, or give the spool more room. The broker keeps what comes."
    return Check("running", ok=not full, found=f"the connector says: {state}", fix=fix if full else "")


def _state_file(config: MqttConfig) -> list[Check]:
    if config.state_file is None:
        return []
    near = next(p for p in (config.state_file, *config.state_file.absolute().parents) if p.exists())
    ok = os.access(near, os.W_OK)
    fix = "" if ok else f"Let this account write in {config.state_file.parent}."
    return [Check("state", ok=ok, found=f"{config.state_file} can{'' if ok else 'not'} be written", fix=fix)]
