"""A prosecutors' office for tests: signs with the published library, calls over httpx. Owns no assertion."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx
import orjson
from standardwebhooks import Webhook

from connectors.protocol import Event, Full, Origin
from connectors.testing import Answer, Partner, free_port
from connectors.webhook import WebhookConnector
from connectors.webhook.config import WebhookConfig
from connectors.webhook.receiving import Receiver
from connectors.webhook.server import Bounds, Server

NOW = "2026-11-22T03:00:00.000Z"
AT = datetime.fromisoformat(NOW)
ORIGIN = Origin("prosecutors", "webhook", b"k" * 32, lambda: NOW)
SECRET = "whsec_" + base64.b64encode(b"office-secret-of-32-bytes-0123456").decode()
CALLBACK = "whsec_" + base64.b64encode(b"callback-secret-of-32-bytes-01234").decode()
PATH = "/victim-support"


def support(number: int = 1, **more: Any) -> dict[str, Any]:
    """A request of the office."""
    victim = {"name": "이도윤", "birth": "2013-07-11", "phone": "010-2345-6789", "address": "진주시 진주대로 1052"}
    return {"case_no": f"2026-VS-{number % 50:04}", "victim": victim, "needs": ["legal_advice"]} | {
        "note": f"통화 {number}번",
        **more,
    }


def dumped(document: object) -> bytes:
    return orjson.dumps(document)


def signed(body: bytes, id_: str = "", *, at: datetime = AT, secret: str = SECRET, **more: str) -> dict[str, str]:
    """Headers of a call, by the library; it signs text, so what is no UTF-8 is signed here."""
    id_ = id_ or "msg_" + hashlib.sha256(body).hexdigest()[:24]
    seconds = str(int(at.timestamp()))
    try:
        signature = Webhook(secret).sign(id_, at, body.decode())
    except UnicodeDecodeError:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        made = hmac.digest(key, f"{id_}.{seconds}.".encode() + body, hashlib.sha256)
        signature = f"v1,{base64.b64encode(made).decode()}"
    return {
        "webhook-id": id_,
        "webhook-timestamp": seconds,
        "webhook-signature": signature,
        "content-type": "application/json",
        **more,
    }


class Taken:
    """What a spool does: keeps each id once; full on demand."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.about: list[str] = []
        self.full = False

    async def __call__(self, events: Any, *, about: Any = (), mark: str | None = None) -> int:
        del mark
        await asyncio.sleep(0)
        if self.full:
            raise Full("full")
        new = [e for e in events if e["id"] not in self.events]
        self.events |= {e["id"]: e for e in new}
        self.about += about
        return len(new)


@asynccontextmanager
async def listening(take: Any, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A server of this configuration, and a client of it."""
    config = WebhookConfig.model_validate({"paths": {PATH: "victim"}, "secrets": SECRET, "port": free_port(), **more})
    bounds = Bounds(config.connections, config.body_bytes, config.head_s, config.body_s, config.idle_s)
    receiver = Receiver(config.paths, config.ring(), ORIGIN, take, config.retry_after_s)
    task = asyncio.create_task(Server(bounds, receiver).run(config.host, config.port, config.listening()))
    try:
        await _up(config.port, task)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{config.port}", trust_env=False) as client:
            yield client
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _up(port: int, task: asyncio.Task[None]) -> None:
    while not task.done():
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        writer.close()
        return
    task.result()


class Desk:
    """The office's own server: verifies with the library, keeps what came last, answers by `codes`, then 204."""

    #: Calls kept: a day of a hundred thousand must not look like memory of the connector's.
    KEPT = 1000

    def __init__(self, secret: str = CALLBACK, codes: Iterable[int] = ()) -> None:
        self.port, self.secret, self.codes = free_port(), secret, list(codes)
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ieum"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server:
            self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = {k.lower(): v for k, v in re.findall(r"^([\w-]+): (.*)\r$", head, re.MULTILINE)}
                body = await reader.readexactly(int(headers["content-length"]))
                code = self.codes.pop(0) if self.codes else 204
                self.calls.append((headers, body))
                if code == 204:
                    self.heard.append((headers["webhook-id"], orjson.loads(body)))
                del self.calls[: -self.KEPT], self.heard[: -self.KEPT]
                more = f"Location: {self.url}\r\n" if code == 302 else ""
                writer.write(f"HTTP/1.1 {code} .\r\n{more}Content-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Office(Partner):
    """For the contract."""

    connector = WebhookConnector
    canaries = ("이도윤", "2013-07-11", "010-2345-6789", "진주대로", "2026-VS", "whsec_")
    odd: ClassVar[dict[str, bytes]] = {
        "cut off": dumped(support(1))[:-9],
        "key twice": b'{"case_no": "1", "case_no": "2", "victim": {"name": "\xec\x9d\xb4\xeb\x8f\x84\xec\x9c\xa4"}}',
        "no number": dumped(support(1)).replace(b'"note"', b'"age": NaN, "note"'),
        "deep": b'{"case_no": ' + b"[" * 3000 + b"]" * 3000 + b"}",
        "no object": dumped([support(1)]),
        "nothing": b"",
        "unknown field": dumped(support(1, nmae="이도윤")),
        "no needs": dumped(support(1, needs=[])),
        "wrong type": dumped(support(1, victim="이도윤")),
        "no utf-8": dumped(support(1, office="창원")).decode().encode("cp949"),
        "control character in the case number": dumped(support(1, case_no="2026-VS\n1")),
        "long text": dumped(support(1, note="가" * 20_000)),
        "too large": dumped(support(1, note="x" * 1_100_000)),
        "wrapped": dumped({"type": "victim.created", "timestamp": NOW, "data": support(1)}),
        "byte order mark": b"\xef\xbb\xbf" + dumped(support(1)),
        "nulls": dumped(support(1, consent=None)),
    }
    malformed = frozenset(odd) - {"wrapped", "byte order mark", "nulls"}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.desk = Desk()
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=20)

    async def open(self) -> None:
        await self.desk.start()

    async def close(self) -> None:
        await self._client.aclose()
        await self.desk.stop()

    def config(self) -> dict[str, Any]:
        back = {"callback_url": self.desk.url, "callback_secret": CALLBACK, "callback_insecure": True}
        return {"port": self.port, "paths": {PATH: "victim"}, "secrets": SECRET, **back}

    def good(self, number: int) -> bytes:
        return dumped(support(number))

    def cp949(self, number: int) -> bytes:
        return dumped(support(number)).decode().encode("cp949")

    def number(self, event: Event) -> int:
        return int(re.findall(r"\d+", event["data"]["note"])[0]) if event["data"]["note"].startswith("통화") else -1

    async def feed(self, content: bytes) -> Answer:
        headers = signed(content)
        if content == self.cp949(1):
            headers["content-type"] = "application/json; charset=EUC-KR"
        for _ in range(100):
            try:
                answer = await self._client.post(PATH, content=content, headers=headers)
                break
            except httpx.TransportError:
                await asyncio.sleep(0.02)
        else:
            return Answer(taken=False)
        if answer.status_code == 413:
            return Answer(taken=False, reasons=({"path": "", "code": "too_large", "text": answer.json()["detail"]},))
        return Answer(answer.status_code in {200, 202}, tuple(answer.json().get("reasons", ())))

    async def feed_many(self, numbers: Iterable[int]) -> Answer:
        """As a busy office does: several calls at a time on kept connections, never two of one case."""
        left = list(numbers)
        links = [await _link(self.port) for _ in range(25)]
        try:
            while some := left[:25]:
                calls = (_posted(link, self.good(n)) for link, n in zip(links, some, strict=False))
                if not all(await asyncio.gather(*calls)):
                    return Answer(taken=False)
                left = left[25:]
        finally:
            for _, writer in links:
                writer.close()
        return Answer(taken=True)

    async def shown(self) -> set[int]:
        """By the ids of the office's own calls."""
        ids = {signed(self.good(n))["webhook-id"]: n for n in range(20)}
        return {ids[body["data"]["call"]] for _, body in self.desk.heard if body["data"].get("call") in ids}


Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _link(port: int) -> Link:
    """A connection. The listener may not be up yet."""
    for _ in range(200):
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
    return await asyncio.open_connection("127.0.0.1", port)


async def _posted(link: Link, body: bytes) -> bool:
    """Whether a call was taken: httpx would cost more than all else together."""
    reader, writer = link
    headers = {"host": "office", "content-length": str(len(body)), **signed(body)}
    lines = [f"POST {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode() + body)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
    assert length
    await reader.readexactly(int(length[1]))
    return head.split(" ")[1] in {"200", "202"}
