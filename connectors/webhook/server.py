"""A small HTTP/1.1 server on h11: bounds of time and size for each call. Owns a connection's calls; no signature.

A handler is asked twice: with the headers, when it may refuse before a body is read, and with the body. Whatever a
caller does, a connection holds at most one body, and ends within its times.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, Protocol

import h11
import msgspec
import orjson
import structlog

from connectors.listening import CHUNK, Connections

log = structlog.get_logger()
HEAD_BYTES: Final = 16_384
#: A call that was refused early is still read a little, so that the answer is not lost with its connection.
LINGER_S: Final = 2.0
LINGER_BYTES: Final = 128 * 1_048_576


class Head(msgspec.Struct, frozen=True):
    """Method, path without query, headers by their name in lower case."""

    method: str
    path: str
    headers: dict[str, str]


class Reply(msgspec.Struct, frozen=True):
    """What is answered: status, a JSON object, further headers."""

    status: HTTPStatus
    body: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()


class Handler(Protocol):
    """Who answers calls."""

    def refuse(self, head: Head) -> Reply | None:
        """An answer that needs no body, or None."""

    async def answer(self, head: Head, body: bytes) -> Reply:
        """The answer to a call."""


class Bounds(msgspec.Struct, frozen=True):
    """What a server allows: connections at a time, bytes of a body, seconds."""

    connections: int
    body_bytes: int
    head_s: float
    body_s: float
    idle_s: float


class Server:
    """One port."""

    def __init__(self, bounds: Bounds, handler: Handler) -> None:
        self._bounds, self._handler = bounds, handler

    async def run(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Serve until canceled. Raises OSError where the port cannot be bound."""
        connections = Connections("webhook", self._bounds.connections, self._serve, lost=(h11.LocalProtocolError,))
        await connections.run(host, port, tls, handshake_s=self._bounds.head_s)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _Connection(self._bounds, self._handler, reader, writer).run()


class _Refused(Exception):  # noqa: N818 - an answer on its way out
    """This call is answered without its (whole) body, and the connection closed."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


class _Connection:
    """One caller's connection: calls one after another."""

    def __init__(
        self, bounds: Bounds, handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._bounds, self._handler, self._reader, self._writer = bounds, handler, reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)

    async def run(self) -> None:
        """Until the caller hangs up, or a call ends the connection."""
        try:
            while await self._call():
                self._http.start_next_cycle()
        except h11.RemoteProtocolError as error:
            await self._last(_plain(HTTPStatus(error.error_status_hint)))
        except _Refused as refused:
            await self._last(refused.reply)

    async def _call(self) -> bool:
        """One call. Whether another may follow."""
        head = await self._head()
        if head is None:
            return False
        if (reply := self._early(head)) is not None:
            raise _Refused(reply)
        body = await self._body()
        await self._send(await self._handler.answer(head, body))
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    def _early(self, head: Head) -> Reply | None:
        length = head.headers.get("content-length", "0")
        if len(length) > len(str(self._bounds.body_bytes)) or int(length) > self._bounds.body_bytes:
            return self._too_large()
        return self._handler.refuse(head)

    def _too_large(self) -> Reply:
        return _plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body has at most {self._bounds.body_bytes} bytes.")

    async def _head(self) -> Head | None:
        """The next call's; None when the caller is gone, or silent for too long."""
        try:
            async with asyncio.timeout(self._bounds.idle_s):
                if (event := self._http.next_event()) is h11.NEED_DATA:
                    self._http.receive_data(await self._reader.read(CHUNK))
                    event = self._http.next_event()
        except TimeoutError:
            return None
        try:
            async with asyncio.timeout(self._bounds.head_s):
                while event is h11.NEED_DATA:
                    event = await self._more()
        except TimeoutError:
            raise _Refused(_plain(HTTPStatus.REQUEST_TIMEOUT)) from None
        return _head_of(event) if isinstance(event, h11.Request) else None

    async def _body(self) -> bytes:
        if self._http.they_are_waiting_for_100_continue:
            await self._write(h11.InformationalResponse(status_code=HTTPStatus.CONTINUE, headers=[]))
        parts, size = list[bytes](), 0
        try:
            async with asyncio.timeout(self._bounds.body_s):
                while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
                    if event is h11.NEED_DATA:
                        self._http.receive_data(await self._reader.read(CHUNK))
                    elif isinstance(event, h11.Data):
                        parts.append(bytes(event.data))
                        size += len(event.data)
                    if size > self._bounds.body_bytes:
                        raise _Refused(self._too_large())
        except TimeoutError:
            raise _Refused(_plain(HTTPStatus.REQUEST_TIMEOUT)) from None
        return b"".join(parts)

    async def _more(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        self._http.receive_data(await self._reader.read(CHUNK))
        return self._http.next_event()

    async def _last(self, reply: Reply) -> None:
        """Answer, then close. The rest of what is being sent is thrown away, in bounded time and amount."""
        log.info("webhook_refused", status=int(reply.status))
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        await self._send(msgspec.structs.replace(reply, headers=(*reply.headers, ("Connection", "close"))))
        if self._writer.can_write_eof():
            self._writer.write_eof()
        left = LINGER_BYTES
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(LINGER_S):
                while left > 0 and (octets := await self._reader.read(CHUNK)):
                    left -= len(octets)

    async def _send(self, reply: Reply) -> None:
        body = orjson.dumps(reply.body)
        fixed = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        headers = [*fixed, *reply.headers]
        await self._write(
            h11.Response(status_code=int(reply.status), headers=headers, reason=reply.status.phrase),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )

    async def _write(self, *events: h11.Event) -> None:
        """A caller that does not read its answer is one that is gone."""
        self._writer.write(b"".join(self._http.send(event) or b"" for event in events))
        async with asyncio.timeout(self._bounds.head_s):
            await self._writer.drain()


def _plain(status: HTTPStatus, detail: str = "") -> Reply:
    return Reply(status, {"title": status.phrase} | ({"detail": detail} if detail else {}))


def _head_of(request: h11.Request) -> Head:
    """A header that stands twice is joined, as HTTP says: no signature header survives that, which is the point."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    path = request.target.decode("ascii", "replace").partition("?")[0]
    return Head(request.method.decode("ascii"), path, headers)
