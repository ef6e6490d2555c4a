"""A hub for tests: takes events as `POST /v1/events` does, away or refusing on demand, and remembers their order.

Owns nothing durable. Keeps of each event its id, its key and what `read` makes of it, so that a hundred thousand stay
small. Spoken to in the same process (`transport`) or over a port (`served`), always through the real `upstream.Http`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import orjson

from connectors.protocol import Event
from connectors.upstream import Http, Sleep

_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
Reason = dict[str, str]


class Recording:
    """What the hub would answer. `refuse` gives the ledger's reasons against an event, '' lets it be recorded."""

    def __init__(self, read: Callable[[Event], int], refuse: Callable[[int], str] = lambda _: "") -> None:
        self._read, self._refuse = read, refuse
        self.away = False
        self.requests = 0
        #: In order of first arrival: (id, partition key, number).
        self.events: list[tuple[str, str, int]] = []
        self._verdicts: dict[tuple[str, str], dict[str, Any]] = {}
        self.repeats = 0
        self.agencies: set[str] = set()
        self._links: set[asyncio.StreamWriter] = set()

    def numbers(self) -> list[int]:
        """What `read` made of the events, in order."""
        return [number for _, _, number in self.events]

    def upstream(self, sleep: Sleep = asyncio.sleep) -> Http:
        """The way here, without a network."""
        client = httpx.AsyncClient(base_url="http://hub", transport=httpx.MockTransport(self._here))
        return Http("http://hub", "token", sleep=sleep, client=client)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Its address, over a port of this machine."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=1 << 24)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for link in self._links:
                link.close()
            await asyncio.sleep(0.01)  # they say goodbye before the loop ends

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body."""
        self.requests += 1
        if self.away:
            return 503, b"{}"
        if path == "/v1/events":
            return 202, orjson.dumps({"receipts": [self._take(event) for event in orjson.loads(body)]})
        if path == "/v1/receipts":
            wanted = orjson.loads(body)["messages"]
            return 200, orjson.dumps({"receipts": [self._receipt(m["source"], m["id"]) for m in wanted]})
        if path == "/v1/feed":
            return 200, orjson.dumps({"entries": [], "next": 0})
        return 404, orjson.dumps({"title": f"{method} {path}"})

    def _take(self, event: Event) -> dict[str, Any]:
        named = (event["source"], event["id"])
        if named in self._verdicts:
            self.repeats += 1
            return {"id": event["id"], "status": "seen"}
        number = self._read(event)
        self.events.append((event["id"], event.get("partitionkey", ""), number))
        self.agencies.add(event["source"].split("/")[3])
        text = self._refuse(number)
        reasons = [{"path": "/data", "code": "refused_by_test", "text": text}] if text else []
        referral = {"number": f"N-{number}", "state": "offered"}
        self._verdicts[named] = (
            {"status": "refused", "position": len(self.events), "reasons": reasons}
            if reasons
            else {"status": "recorded", "position": len(self.events), "referrals": [referral]}
        )
        return {"id": event["id"], "status": "accepted"}

    def _receipt(self, source: str, id_: str) -> dict[str, Any]:
        return {"id": id_, "source": source} | self._verdicts.get((source, id_), {"status": "pending"})

    def _here(self, request: httpx.Request) -> httpx.Response:
        status, body = self.answer(request.method, request.url.path, request.content)
        return httpx.Response(status, content=body)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HTTP/1.1 with lengths and kept connections: all that httpx needs."""
        self._links.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                method, path = head.decode("ascii").split(" ")[:2]
                status, content = self.answer(method, path.partition("?")[0], body)
                writer.write(b"HTTP/1.1 %d .\r\nContent-Length: %d\r\n\r\n" % (status, len(content)) + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a connector that was killed
        finally:
            self._links.discard(writer)
            writer.close()
