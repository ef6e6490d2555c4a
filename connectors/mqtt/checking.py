"""`check` of the MQTT connector: broker, rights, session, state, and what the running connector says of itself."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from connectors.checking import file_writable, pem_usable
from connectors.mqtt.config import MqttConfig
from connectors.mqtt.link import Link
from connectors.protocol import Check
from hub.schemas.envelope import read_object

#: How long a retained status is waited for.
STATUS_S = 1.0


async def checks(config: MqttConfig) -> list[Check]:
    """All of them. Connects under a client id of its own: the running session is not disturbed."""
    tls = pem_usable("tls", config.security, tls="TLS", plain="no TLS: one machine or a closed network")
    state = [await asyncio.to_thread(file_writable, "state", config.state_file)] if config.state_file else []
    return [tls, *(await _broker(config) if tls.ok else ()), *state]


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
