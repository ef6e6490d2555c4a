"""One connection to the broker: MQTT 5, a session that lasts, and acknowledgments that are ours to give.

Owns the client. aiomqtt acknowledges a message when it hands it out and has no setting for it; paho below it has one
(`manual_ack_set`), which this class turns on. The broker sends at most `together` messages beyond those acknowledged
(Receive Maximum), so memory stays bounded, and sends all of those again to the next connection of the session.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, TypeVar

import aiomqtt
import orjson
import paho.mqtt.client as paho
from aiomqtt import Message
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from connectors.mqtt.config import MqttConfig

T = TypeVar("T")
#: What the broker may send us at most; anything larger it drops itself.
PACKET_BYTES = 2 * 1_048_576


class Link(aiomqtt.Client):
    """A connection. Usable once, as a context. Raises `aiomqtt.MqttError` whenever the broker is away."""

    def __init__(self, config: MqttConfig, identifier: str, *, lasting: bool) -> None:
        asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        asked.SessionExpiryInterval = config.session_s if lasting else 0
        asked.ReceiveMaximum = config.together
        asked.MaximumPacketSize = PACKET_BYTES
        will = aiomqtt.Will(config.status, _state("offline"), qos=1, retain=True) if lasting else None
        super().__init__(
            config.host,
            config.port,
            username=config.username or None,
            password=config.password.get_secret_value() or None,
            identifier=identifier,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=not lasting,
            properties=asked,
            keepalive=config.keepalive_s,
            tls_context=config.security(),
            will=will,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],  # an acknowledgment is a packet of its own
        )
        self.config = config
        self.granted: dict[str, Any] = {}
        self.pending_calls_threshold = config.together
        self._client.manual_ack_set(True)

    def _on_connect(
        self,
        client: paho.Client,
        userdata: Any,  # noqa: ANN401 - as the library has it
        flags: paho.ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.granted = properties.json() if properties is not None else {}  # type: ignore[no-untyped-call]
        super()._on_connect(client, userdata, flags, reason_code, properties)

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:  # noqa: ASYNC109 - as the library has it
        """As aiomqtt's, on `asyncio.timeout`: `wait_for` (Python 3.11) loses a cancellation that meets the answer."""
        limit = self.timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(None if limit == math.inf else limit):
                return await fut
        except TimeoutError:
            raise aiomqtt.MqttError("Operation timed out") from None

    async def listen(self) -> list[str]:
        """Subscribe to every topic. Returns the filters that the broker denies."""
        denied = []
        for topic in self.config.topics:
            # Not our own words; and what is retained only when the subscription is new.
            options = SubscribeOptions(qos=1, noLocal=True, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            codes = await self.subscribe(topic.filter, options=options)
            denied += [topic.filter for code in codes if not isinstance(code, int) and code.is_failure]
        return denied

    async def batch(self) -> list[Message]:
        """What has come, at least one message."""
        found = [await anext(self.messages)]
        while len(found) < self.config.together and not self._queue.empty():
            found.append(self._queue.get_nowait())
        return found

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """In the order they came, as MQTT asks. Of a connection that is lost nothing is sent, and all comes again."""
        for message in messages:
            if message.qos:
                self._client.ack(message.mid, message.qos)

    async def say_state(self, state: str) -> None:
        """Say, retained, how we are."""
        await self.publish(self.config.status, _state(state), qos=1, retain=True)

    async def say_rejected(self, topic: str, reasons: Sequence[dict[str, Any]]) -> None:
        """Name what could not be taken, and why; never what it held."""
        await self.publish(self.config.rejected, orjson.dumps({"topic": topic, "reasons": list(reasons)}), qos=1)

    async def reply(self, message: Message, status: str, reasons: Sequence[dict[str, Any]] = ()) -> None:
        """To the response topic of a message that names one, below our own prefix."""
        topic = str(getattr(message.properties, "ResponseTopic", ""))
        if not topic.startswith(self.config.replies) or set(topic) & set("+#\0"):
            return
        told = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if correlation := getattr(message.properties, "CorrelationData", b""):
            told.CorrelationData = correlation
        body = {"status": status} | ({"reasons": list(reasons)} if reasons else {})
        await self.publish(topic, orjson.dumps(body), qos=1, properties=told)


def _state(state: str) -> bytes:
    return orjson.dumps({"state": state})
