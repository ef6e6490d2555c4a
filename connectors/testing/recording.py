"""A hub for tests: takes events as `POST /v1/events` does, away or refusing on demand, and remembers their order.

Owns nothing durable. Keeps of each event its id, its key and what `read` makes of it, so that a hundred thousand stay
small. Spoken to in the same process (`transport`) or over a port (`served`), always through the real `upstream.Http`.
"""

from __future__ import annotations

import asyncio
import re
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qs

import httpx
import orjson

from connectors.protocol import Event
from connectors.upstream import Http, Sleep

_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Recording:
    """What the hub would answer. `refuse` gives the ledger's reasons against an event, '' lets it be recorded."""

    def __init__(self, read: Callable[[Event], int], refuse: Callable[[int], str] = lambda _: "") -> None:
        self._read, self._refuse = read, refuse
        self.away = False
        self.requests = 0
        #: Position by source and id; number and key's place by position.
        self._positions: dict[str, int] = {}
        self._numbers, self._keys = array("q"), array("q")
        self._places: dict[str, int] = {}
        self.repeats = 0
        self.agencies: set[str] = set()
        #: What its feed holds: entries by `happened`.
        self._entries: list[dict[str, Any]] = []
        self._links: set[asyncio.StreamWriter] = set()

    def numbers(self) -> list[int]:
        """What `read` made of the events, in order."""
        return list(self._numbers)

    @property
    def events(self) -> Sequence[int]:
        """The same, without a copy: to look how many there are."""
        return self._numbers

    def keys(self) -> list[int]:
        """One number a partition key, in the order of the events."""
        return list(self._keys)

    def happened(self, kind: str, **facts: object) -> None:
        """An entry of the agency's outbox."""
        position = len(self._entries) + 1
        data = {"kind": kind, "heard": "2026-11-22T03:00:00.000Z", "facts": facts}
        self._entries.append({"position": position, "data": data})

    def verdict(self, source: str, id_: str) -> dict[str, Any]:
        """What became of an event."""
        position = self._positions.get(f"{source} {id_}", 0)
        if not position:
            return {"status": "pending"}
        number = self._numbers[position - 1]
        text = self._refuse(number)
        if text:
            reasons = [{"path": "/data", "code": "refused_by_test", "text": text}]
            return {"status": "refused", "position": position, "reasons": reasons}
        referral = {"number": f"N-{number}", "state": "offered"}
        return {"status": "recorded", "position": position, "referrals": [referral]}

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
        path, _, query = path.partition("?")
        self.requests += 1
        if self.away:
            return 503, b"{}"
        if path == "/v1/events":
            return 202, orjson.dumps({"receipts": [self._take(event) for event in orjson.loads(body)]})
        if path == "/v1/receipts":
            wanted = orjson.loads(body)["messages"]
            return 200, orjson.dumps({"receipts": [self._receipt(m["source"], m["id"]) for m in wanted]})
        if path == "/v1/feed":
            after = int(parse_qs(query)["after"][0])
            return 200, orjson.dumps({"entries": self._entries[after:], "next": len(self._entries)})
        return 404, orjson.dumps({"title": f"{method} {path}"})

    def _take(self, event: Event) -> dict[str, Any]:
        named = f"{event['source']} {event['id']}"
        if named in self._positions:
            self.repeats += 1
            return {"id": event["id"], "status": "seen"}
        self._numbers.append(self._read(event))
        self._keys.append(self._places.setdefault(event.get("partitionkey", ""), len(self._places)))
        self._positions[named] = len(self._numbers)
        self.agencies.add(event["source"].split("/")[3])
        return {"id": event["id"], "status": "accepted"}

    def _receipt(self, source: str, id_: str) -> dict[str, Any]:
        return {"id": id_, "source": source} | self.verdict(source, id_)

    def _here(self, request: httpx.Request) -> httpx.Response:
        status, body = self.answer(request.method, request.url.raw_path.decode("ascii"), request.content)
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
                status, content = self.answer(method, path, body)
                writer.write(b"HTTP/1.1 %d .\r\nContent-Length: %d\r\n\r\n" % (status, len(content)) + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a connector that was killed
        finally:
            self._links.discard(writer)
            writer.close()
