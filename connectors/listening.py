"""A port that partners connect to: so many at a time, refused beyond, all hung up on at the end. Knows no protocol.

What is said on a connection, and for how long, is for the one who serves it. Logs counts and codes, never content.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

log = structlog.get_logger()
#: Bytes of one read.
CHUNK: Final = 65_536
#: Serves one connection until it ends; it is closed behind it.
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Connections:
    """Those of one port. protocol: as its log events name it; most: at a time."""

    def __init__(self, protocol: str, most: int, serve: Serve, *, lost: tuple[type[Exception], ...] = ()) -> None:
        """`lost`: what `serve` raises when a connection breaks, beside OSError and TimeoutError."""
        self._log, self._most, self._serve = log.bind(protocol=protocol), most, serve
        self._lost: tuple[type[Exception], ...] = (OSError, TimeoutError, *lost)  # a TLS error is an OSError too
        self._open: dict[asyncio.Task[None], asyncio.WriteTransport] = {}

    async def run(self, host: str, port: int, tls: ssl.SSLContext | None, *, handshake_s: float | None = None) -> None:
        """Serve until canceled. Raises OSError where the port cannot be bound."""
        server = await asyncio.start_server(
            self._connected, host, port, ssl=tls, limit=CHUNK, ssl_handshake_timeout=handshake_s if tls else None
        )
        self._log.info("listening", port=port, tls=tls is not None)
        async with server:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await self._hang_up()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= self._most:
            self._log.warning("connection_refused", open=len(self._open))
            writer.transport.abort()
            return
        self._open[task] = writer.transport
        try:
            await self._serve(reader, writer)
        except self._lost as error:
            self._log.info("connection_lost", error=type(error).__name__)
        finally:
            self._open.pop(task)
            writer.close()

    async def _hang_up(self) -> None:
        """On every partner. What is being taken is still taken, but no longer acknowledged: it will be sent again."""
        for transport in self._open.values():
            transport.abort()
        if self._open:
            await asyncio.wait(self._open, timeout=1)
