"""A broker (mosquitto) and its devices, for tests. Owns starting and stopping them; asserts nothing."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import aiomqtt
import orjson
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from connectors.mqtt import MqttConnector
from connectors.mqtt.config import MqttConfig
from connectors.protocol import Event, Full, Origin
from connectors.testing import Answer, Partner, free_port
from tests.connectors import peers

NOW = "2026-11-22T03:00:00.000Z"
METERS = [{"filter": "meters/+/flow", "kind": "water_meter", "reading": "no_flow_hours", "device_level": 2}]
REPLIES = "ieum/replies/devices"


class Broker:
    """mosquitto, in a folder of its own. `lines`: more of its configuration."""

    def __init__(self, folder: Path, lines: Iterable[str] = ("allow_anonymous true",)) -> None:
        self.port, self._folder = free_port(), folder / "broker"
        self._lines = list(lines)
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        program = peers.find_mosquitto()
        path = self._folder / "mosquitto.conf"
        fixed = ["user root", f"listener {self.port} 127.0.0.1", "max_queued_messages 0", "set_tcp_nodelay true"]
        kept = ["persistence true", f"persistence_location {self._folder}/", "autosave_interval 1"]
        text = "\n".join([*fixed, *kept, *self._lines])
        await asyncio.to_thread(path.write_text, f"{text}\n")
        log = self._folder / "broker.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
                [program, "-c", path], stdout=output, stderr=output, env=peers.environment(program)
            )
        for _ in range(500):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return
        raise AssertionError(log.read_text(encoding="utf-8"))

    async def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self._process.wait)
            self._process = None


def password_line(user: str, password: str) -> str:
    """A line of mosquitto's password_file: PBKDF2-HMAC-SHA512, 101 rounds."""
    salt = b"salt of test"
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}\n"


class Devices:
    """All devices behind one connection: publish, and hear what is answered at the response topic."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._client: aiomqtt.Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: dict[bytes, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count()
        self.online, self.up = asyncio.Event(), asyncio.Event()
        self.states: list[str] = []
        self.rejected: list[dict[str, Any]] = []

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())
        await self.up.wait()

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        nodelay = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        version = aiomqtt.ProtocolVersion.V5
        async with aiomqtt.Client("127.0.0.1", self._port, protocol=version, socket_options=[nodelay]) as client:
            client.pending_calls_threshold = 1000
            self._client = client
            await client.subscribe([(name, 1) for name in (REPLIES, "ieum/status", "ieum/rejected")])  # type: ignore[list-item]
            self.up.set()
            async for message in client.messages:
                self._hear(str(message.topic), message)

    def _hear(self, topic: str, message: aiomqtt.Message) -> None:
        said = orjson.loads(message.payload)
        if topic == "ieum/status":
            self.states.append(said["state"])
            (self.online.set if said["state"] == "online" else self.online.clear)()
        elif topic == "ieum/rejected":
            self.rejected.append(said)
        else:
            asked = self._waiting.get(message.properties.CorrelationData)  # type: ignore[union-attr]
            if asked and not asked.done():
                asked.set_result(said)

    async def ask(self, topic: str, payload: bytes, seconds: float = 20) -> dict[str, Any]:
        """Publish, and wait for what the connector replies; {} when it does not."""
        correlation = str(next(self._numbers)).encode()
        told = Properties(PacketTypes.PUBLISH)
        told.ResponseTopic, told.CorrelationData = REPLIES, correlation
        asked = self._waiting[correlation] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self.publish(topic, payload, properties=told)
                return await asked
        except TimeoutError:
            return {}
        finally:
            del self._waiting[correlation]

    async def publish(self, topic: str, payload: bytes | str, **more: Any) -> None:
        assert self._client
        await self._client.publish(topic, payload, qos=more.pop("qos", 1), **more)


class Clock:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.minutes = 0

    def __call__(self) -> str:
        days, minutes = divmod(self.minutes, 1440)
        return f"2026-11-{1 + days:02}T{minutes // 60:02}:{minutes % 60:02}:00.000Z"


class Taken:
    """What a spool does: keeps each id once; full on demand."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.full = False
        self.asked = 0

    async def __call__(self, events: Any, *, about: Any = (), mark: str | None = None) -> int:
        del mark, about
        await asyncio.sleep(0)
        self.asked += 1
        if self.full and events:
            raise Full("full")
        new = [e for e in events if e["id"] not in self.events]
        self.events |= {e["id"]: e for e in new}
        return len(new)

    def readings(self, name: str) -> list[dict[str, Any]]:
        return [e["data"] for e in self.events.values() if e["data"]["reading"] == name]


async def nap(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 0.02))


def config(port: int, topics: Any, **more: Any) -> MqttConfig:
    return MqttConfig.model_validate({"port": port, "tls": False, "topics": topics, "full_again_s": 0.05, **more})


@asynccontextmanager
async def hearing(config_: MqttConfig, take: Any, now: Any = lambda: NOW) -> AsyncIterator[MqttConnector]:
    """A connector that runs until the end of the block."""
    connector = MqttConnector(config_, Origin("devices", "mqtt", b"k" * 32, now), sleep=nap)
    task = asyncio.create_task(connector.run(take))
    try:
        yield connector
    finally:
        task.cancel()  # once must do: nothing on the way may lose it
        await asyncio.wait([task])


def reading(number: int = 1, **more: Any) -> dict[str, Any]:
    """What a meter says."""
    household = {"address": "진주시 평거로 88 205동 904호"}
    told = {"kind": "water_meter", "household": household, "reading": "no_flow_hours", "at": NOW}
    return {"device": f"wm-88-205-{number % 50}", "value": number, **told, **more}


class Meters(Partner):
    """For the contract."""

    connector = MqttConnector
    canaries = ("평거로", "wm-88-205", "904호")
    odd: ClassVar[dict[str, bytes]] = {
        "cut off": orjson.dumps(reading(1))[:-9],
        "nothing": b"",
        "key twice": b'{"device": "wm-88-205-1", "device": "wm-88-205-2"}',
        "no number": orjson.dumps(reading(1)).replace(b'"value":1', b'"value":NaN'),
        "endless number": orjson.dumps(reading(1)).replace(b'"value":1', b'"value":1e999'),
        "deep": b'{"device": ' + b"[" * 3000 + b"]" * 3000 + b"}",
        "no object": orjson.dumps([reading(1)]),
        "no device": orjson.dumps(reading(1, device="")),
        "unknown field": orjson.dumps(reading(1, wm="wm-88-205-1")),
        "bare number where none is expected": b"12.5",
        "no utf-8": orjson.dumps(reading(1, kind="계량기")).decode().encode("cp949")[:-1],
        "too large": orjson.dumps(reading(1, at="x" * 100_000)),
        "long text": orjson.dumps(reading(1, household={"address": "가" * 20_000})),
        "without a time": orjson.dumps({k: v for k, v in reading(1).items() if k != "at"}),
        "nulls": orjson.dumps(reading(1, household=None)),
    }
    malformed = frozenset(odd) - {"without a time", "nulls"}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.broker = Broker(folder)
        self.devices = Devices(self.broker.port)

    async def open(self) -> None:
        await self.broker.start()
        await self.devices.start()

    async def close(self) -> None:
        await self.devices.stop()
        await self.broker.stop()

    def config(self) -> dict[str, Any]:
        topics = [{"filter": "meters/+"}, {"filter": "old/+", "charset": "cp949"}]
        return {"port": self.broker.port, "tls": False, "topics": topics, "full_again_s": 0.05}

    def good(self, number: int) -> bytes:
        return orjson.dumps(reading(number))

    def cp949(self, number: int) -> bytes:
        return orjson.dumps(reading(number)).decode().encode("cp949")

    def number(self, event: Event) -> int:
        return int(event["data"]["value"])

    async def feed(self, content: bytes) -> Answer:
        await self.devices.online.wait()
        topic = "old/1" if content == self.cp949(1) else "meters/1"
        said = await self.devices.ask(topic, content)
        return Answer(said.get("status") == "taken", tuple(said.get("reasons", ())))

    async def feed_many(self, numbers: Iterable[int]) -> Answer:
        left = list(numbers)
        while some := left[:200]:
            answers = await asyncio.gather(*(self.feed(self.good(n)) for n in some))
            if not all(answer.taken for answer in answers):
                return next(answer for answer in answers if not answer.taken)
            left = left[200:]
        return Answer(taken=True)
