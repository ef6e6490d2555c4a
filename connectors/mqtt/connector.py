"""The `mqtt` connector: what devices say, and that they fell silent. Owns the order that loses nothing.

message → spool → sign of life → reply → acknowledgment to the broker. A crash anywhere before the last leaves the
message with the broker, which sends it again; its id is the same. Logs counts, codes and filters, never a topic's name
or a payload.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

import aiomqtt
import msgspec
import structlog
from aiomqtt import Message

from connectors.mqtt.checking import checks
from connectors.mqtt.config import EXAMPLE, MqttConfig, TopicConfig
from connectors.mqtt.link import Link
from connectors.mqtt.messages import device_at, event_of, reading_of
from connectors.mqtt.silence import Life, Silence, seconds
from connectors.protocol import REFUSED, Broken, Change, Check, Config, Event, Full, Origin, Receipt, Take
from connectors.upstream import Backoff, Sleep
from hub.errors import Usage
from hub.schemas.canonical import Refusal

log = structlog.get_logger()
#: How long `discover` listens, and how often silences are looked for.
DISCOVER_S: Final = 10.0
LOOK_S: Final = 1.0
#: Behind a connection, so long (or the silence itself, if shorter) nobody is called silent: what waited comes first.
GRACE_S: Final = 600.0


class _Heard(msgspec.Struct, frozen=True):
    """A message with what it is: an event, a sign of life alone, or nothing that can be read."""

    message: Message
    event: Event | None = None
    life: Life | None = None
    reasons: tuple[dict[str, Any], ...] = ()


class MqttConnector:
    """A broker of safety devices and meters."""

    name: ClassVar[str] = "mqtt"
    about: ClassVar[str] = "Devices over MQTT 5, QoS 1; a silent device is a signal."
    Config: ClassVar[type[Config]] = MqttConfig
    EXAMPLE: ClassVar[dict[str, Any]] = EXAMPLE

    def __init__(self, config: MqttConfig, origin: Origin, mark: str = "", *, sleep: Sleep = asyncio.sleep) -> None:
        del mark  # how far we are is the broker's session to know
        self.config, self.origin, self._sleep = config, origin, sleep
        self._link: Link | None = None
        self._silence: Silence | None = None
        self.counts: Counter[str] = Counter()
        self.since = ""

    async def check(self) -> list[Check]:
        """See `Connector`."""
        return await checks(self.config)

    async def discover(self, limit: int) -> list[Event | Broken]:
        """Up to `limit` messages of the next seconds, as they would be sent; a session of its own, gone behind it."""
        found: list[Event | Broken] = []
        try:
            async with Link(self.config, f"{self.config.client_id}-discover", lasting=False) as link:
                await link.listen()
                with suppress(TimeoutError):
                    async with asyncio.timeout(DISCOVER_S):
                        while len(found) < limit:
                            found += [self._shown(one) for one in map(self._read, await link.batch())]
        except aiomqtt.MqttError as error:
            raise Usage("The broker cannot be listened to.", "Look at `hub connector check`.") from error
        return found[:limit]

    async def run(self, take: Take) -> None:
        """See `Connector`. A broker that is away is asked again, less and less often."""
        if self.config.state_file is not None:
            self._silence = Silence(self.config.state_file, self.origin)
        backoff = Backoff(self._sleep)
        try:
            while True:
                try:
                    async with Link(self.config, self.config.client_id, lasting=True) as link:
                        backoff = await self._connected(link, take, backoff)
                except aiomqtt.MqttError as error:
                    log.warning("mqtt_away", error=type(error).__name__)
                await backoff.wait()
        except OSError as error:
            raise Usage(f"The TLS files cannot be used ({type(error).__name__}).", "Run check.") from error
        finally:
            if self._silence is not None:
                self._silence.close()

    async def backfill(self, since: str, take: Take) -> int:
        """See `Connector`: brokers keep nothing that was acknowledged."""
        del take
        raise Usage(f"A broker has nothing since {since}.", "Send an export of the devices' platform: hub send FILE.")

    async def tell(self, receipts: Sequence[Receipt]) -> None:
        """What the hub refused is named at `rejected`, like what we refuse. Of the rest devices hear no more."""
        refused = [r for r in receipts if r.status == REFUSED and r.about]
        for receipt in refused:
            while not await self._rejected(receipt):
                await self._sleep(LOOK_S)
        log.info("receipts_told", receipts=len(receipts), refused=len(refused))

    async def follow(self, changes: Sequence[Change]) -> None:
        """Devices follow nothing."""

    # ------------------------------------------------------------- one connection
    async def _connected(self, link: Link, take: Take, backoff: Backoff) -> Backoff:
        """Until the connection is lost. A fresh backoff behind one that worked."""
        if denied := await link.listen():
            log.error("mqtt_denied", filters=denied)
            return backoff
        await link.say_state("online")
        self.since = self.origin.now()
        self._link = link
        log.info("mqtt_connected", topics=len(self.config.topics))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hear(link, take), name="mqtt hear")
                group.create_task(self._watch(take), name="mqtt watch")
        except* aiomqtt.MqttError:
            log.warning("mqtt_lost")
        finally:
            self._link = None
            with suppress(aiomqtt.MqttError):
                await link.say_state("offline")
        return Backoff(self._sleep)

    async def _hear(self, link: Link, take: Take) -> None:
        while True:
            found = [self._read(message) for message in await link.batch()]
            events = [one.event for one in found if one.event is not None]
            about = [str(one.message.topic) for one in found if one.event is not None]
            try:
                await take(events, about=about)
            except Full:
                for one in found:
                    await self._patiently(link, one, take)
                    await self._finish(link, [one])
                await link.say_state("online")
            else:
                await self._finish(link, found)

    async def _patiently(self, link: Link, one: _Heard, take: Take) -> None:
        """At the bound: one after another, and the rest stays with the broker until there is room."""
        told = False
        while one.event is not None:
            try:
                await take([one.event], about=[str(one.message.topic)])
            except Full:
                self.counts["full"] += 1
                if not told:
                    log.critical("spool_full", waiting_with_broker=True)
                    await link.say_state("full")
                    await link.reply(one.message, "waiting")
                told = True
                await self._sleep(self.config.full_again_s)
            else:
                return

    async def _finish(self, link: Link, found: Sequence[_Heard]) -> None:
        """All is durable: say so, the broker last. What a crash leaves is said again."""
        if self._silence is not None:
            self._silence.heard([one.life for one in found if one.life and not one.message.retain], self.origin.now())
        self.counts["taken"] += sum(1 for one in found if one.event)
        await asyncio.gather(*(self._answer(link, one) for one in found))
        link.acknowledge(one.message for one in found)

    async def _answer(self, link: Link, one: _Heard) -> None:
        if not one.reasons:
            await link.reply(one.message, "taken")
            return
        self.counts["rejected"] += 1
        topic = self.config.topic_of(str(one.message.topic))
        first = one.reasons[0]
        log.warning(
            "mqtt_rejected",
            filter=topic.filter if topic else "",
            place=first["path"],
            code=first["code"],
            rejected=self.counts["rejected"],
        )
        await link.say_rejected(str(one.message.topic), one.reasons)
        await link.reply(one.message, "rejected", one.reasons)

    async def _watch(self, take: Take) -> None:
        """Raise the silences that are due."""
        while self._silence is not None:
            now = self.origin.now()
            away = seconds(now) - seconds(self.since)
            due = [d for d in self._silence.due(self.config, now) if away >= min(GRACE_S, d.after[0])]
            if due:
                with suppress(Full):  # the next look tries again
                    await take([one.event for one in due])
                    self._silence.told(due)
                    self.counts["silent"] += len(due)
                    log.warning("devices_silent", devices=len(due))
            await self._sleep(LOOK_S)

    async def _rejected(self, receipt: Receipt) -> bool:
        """Whether the broker has it."""
        if self._link is None:
            return False
        try:
            await self._link.say_rejected(receipt.about, receipt.reasons)
        except aiomqtt.MqttError:
            return False
        return True

    # ------------------------------------------------------------- reading
    def _read(self, message: Message) -> _Heard:
        name, topic = str(message.topic), self.config.topic_of(str(message.topic))
        if topic is None:
            return _told(message, Refusal(()))  # of a filter that was configured when the session began
        if topic.heartbeat:
            return _Heard(message, life=Life(device_at(topic, name), topic, {}))
        reading = reading_of(topic, name, message.payload, self.config.payload_bytes, self.origin.now())
        if isinstance(reading, Refusal):
            return _told(message, reading)
        return _Heard(message, event_of(reading, self.origin), _life(reading, topic))

    def _shown(self, one: _Heard) -> Event | Broken:
        if one.event is not None:
            return one.event
        topic = self.config.topic_of(str(one.message.topic))
        reason = "; ".join(f"{r['path']}: {r['text']}" for r in one.reasons) or "a sign of life, no event"
        return Broken(topic.filter if topic else "", 0, reason)


def _life(reading: dict[str, Any], topic: TopicConfig) -> Life:
    household = reading.get("household")
    return Life(reading["device"], topic, household if isinstance(household, dict) else {})


def _told(message: Message, refusal: Refusal) -> _Heard:
    told = tuple({"path": r.path, "code": r.code, "text": r.text} for r in refusal.reasons)
    return _Heard(message, reasons=told or ({"path": "", "code": "no_topic", "text": "No topic of ours."},))
