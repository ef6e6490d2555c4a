"""A port of ours: hung up on at the end, a handshake in its time, and errors that belong to one connection alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from connectors import tls
from connectors.listening import Connections
from connectors.testing import free_port
from connectors.webhook.server import Bounds, Head, Reply, Server
from tests.connectors.certificates import certificate


@asynccontextmanager
async def serving(port: int, run: Any) -> AsyncIterator[list[dict[str, Any]]]:
    """What runs until canceled, once it listens; what nobody caught meanwhile."""
    uncaught: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: uncaught.append(context))
    task = asyncio.create_task(run)
    async with asyncio.timeout(5):
        while True:
            with suppress(OSError):
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                break
            await asyncio.sleep(0.01)
    try:
        yield uncaught
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greets, and waits for whatever comes."""
    writer.write(b"hello\n")
    await reader.read()


async def gone(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(100):
            pass


async def test_at_the_end_every_partner_is_hung_up_on() -> None:
    port = free_port()
    async with serving(port, Connections("test", 9, patient).run("127.0.0.1", port, None)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readline() == b"hello\n"
        begun = asyncio.get_running_loop().time()
    async with asyncio.timeout(2):
        await gone(reader)
    assert asyncio.get_running_loop().time() - begun < 0.9, "nobody was waited for"
    writer.close()


async def test_who_does_not_finish_a_handshake_is_hung_up_on_in_time(tmp_path: Path) -> None:
    port = free_port()
    run = Connections("test", 9, patient).run("127.0.0.1", port, tls.listening(*certificate(tmp_path)), handshake_s=0.2)
    async with serving(port, run):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(5):
            await gone(reader)
        writer.close()


class Odd:
    """Answers what HTTP cannot say."""

    def refuse(self, head: Head) -> Reply | None:
        del head
        return None

    async def answer(self, head: Head, body: bytes) -> Reply:
        del head, body
        return Reply(HTTPStatus.OK, {}, (("no\nname", "x"),))


async def test_an_answer_that_cannot_be_written_costs_its_own_connection_alone() -> None:
    port = free_port()
    run = Server(Bounds(9, 1000, 5, 5, 5), Odd()).run("127.0.0.1", port, None)
    async with serving(port, run) as uncaught:
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            async with asyncio.timeout(5):
                await gone(reader)
            writer.close()
    assert uncaught == []
