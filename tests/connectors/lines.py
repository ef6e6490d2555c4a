"""A small connector of the tests' own: lines over TCP, each answered. What the contract is tried on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import orjson

from connectors.protocol import Change, Check, Config, Event, Full, Origin, Receipt, Take
from connectors.testing import Answer, Partner, free_port
from hub.errors import Usage

SCHEMA = "urn:test:line:v1"


class LinesConfig(Config):
    port: int = 2000


class LinesConnector:
    name: ClassVar[str] = "lines"
    about: ClassVar[str] = "Lines of JSON over TCP."
    Config: ClassVar[type[Config]] = LinesConfig
    EXAMPLE: ClassVar[dict[str, Any]] = {"port": 2000}

    def __init__(self, config: LinesConfig, origin: Origin, mark: str = "") -> None:
        self.config, self.origin, self.mark = config, origin, mark
        self.told = self.heard = 0

    async def check(self) -> list[Check]:
        return [Check("port", True, str(self.config.port))]

    async def discover(self, limit: int) -> list[Any]:
        return [self.event(orjson.dumps({"key": "a", "n": n})) for n in range(limit)]

    def event(self, line: bytes) -> Event:
        value = orjson.loads(line)
        return self.origin.event(SCHEMA, value["key"], data=value)

    async def run(self, take: Take) -> None:
        links = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            links.add(writer)
            while line := await reader.readline():
                writer.write(await self.answer(line, take) + b"\n")
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", self.config.port)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            for writer in links:
                writer.close()
            await asyncio.sleep(0)

    async def answer(self, line: bytes, take: Take) -> bytes:
        try:
            event = self.event(line)
        except (ValueError, KeyError, TypeError):
            return b"no line is no object with key and n"
        try:
            await take([event], about=[str(orjson.loads(line)["n"])])
        except Full:
            return b"full"
        return b"ok"

    async def backfill(self, since: str, take: Take) -> int:
        del take
        raise Usage(f"There is nothing older than {since}.")

    async def tell(self, receipts: Sequence[Receipt]) -> None:
        self.told += len(receipts)

    async def follow(self, changes: Sequence[Change]) -> None:
        self.heard += len(changes)


class HastyConnector(LinesConnector):
    """Acknowledges before it takes: what the contract must not let pass."""

    async def answer(self, line: bytes, take: Take) -> bytes:
        async def later() -> None:
            await asyncio.sleep(0.03)
            await super(HastyConnector, self).answer(line, take)

        self.tasks = [*getattr(self, "tasks", []), asyncio.create_task(later())]
        return b"ok"


class TalkativeConnector(LinesConnector):
    """Logs what it reads."""

    async def answer(self, line: bytes, take: Take) -> bytes:
        import structlog  # noqa: PLC0415

        structlog.get_logger().info("line_heard", line=line.decode(errors="replace"))
        return await super().answer(line, take)


class ForgetfulConnector(LinesConnector):
    """Makes its ids at random: the same input is another event each time."""

    def event(self, line: bytes) -> Event:
        import os  # noqa: PLC0415

        return super().event(line) | {"id": os.urandom(16).hex()}


class SilentConnector(LinesConnector):
    """Takes nothing and answers nothing about what it cannot read."""

    async def answer(self, line: bytes, take: Take) -> bytes:
        found = await super().answer(line, take)
        return b"later" if found.startswith(b"no ") else found


class LinesPartner(Partner):
    connector = LinesConnector
    odd: ClassVar[dict[str, bytes]] = {
        "malformed": b'{"key": "\xea\xb9\x80\xeb\xaf\xbc\xec\xa4\x80"',
        "no number": '{"key": "김민준", "n"}'.encode(),
    }
    malformed = frozenset({"malformed", "no number"})
    canaries = ("김민준",)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def config(self) -> dict[str, Any]:
        return {"port": self.port}

    def good(self, number: int) -> bytes:
        return orjson.dumps({"key": f"case {number % 50}", "n": number, "name": "김민준", "pad": "x" * 300})

    def number(self, event: Event) -> int:
        return int(event["data"]["n"])

    async def close(self) -> None:
        if self.link:
            self.link[1].close()

    async def feed(self, content: bytes) -> Answer:
        for _ in range(200):
            try:
                if self.link is None:
                    self.link = await asyncio.open_connection("127.0.0.1", self.port)
                self.link[1].write(content + b"\n")
                answer = await self.link[0].readline()
                if answer:
                    return self.heard(answer.strip())
            except ConnectionError:
                pass
            if self.link is not None:
                self.link[1].close()
            self.link = None
            await asyncio.sleep(0.02)
        return Answer(taken=False)

    def heard(self, answer: bytes) -> Answer:
        reasons = ({"path": "line", "code": "unreadable", "text": answer.decode()},) if answer[:3] == b"no " else ()
        return Answer(answer == b"ok", reasons)

    async def feed_many(self, numbers: Iterable[int]) -> Answer:
        wanted = list(numbers)
        for start in range(0, len(wanted), 500):
            answers = await self.together(wanted[start : start + 500])
            if not all(a.taken for a in answers):
                return Answer(taken=False)
        return Answer(taken=True)

    async def together(self, numbers: list[int]) -> list[Answer]:
        first = await self.feed(self.good(numbers[0]))
        assert self.link is not None
        reader, writer = self.link
        writer.write(b"".join(self.good(n) + b"\n" for n in numbers[1:]))
        return [first] + [self.heard((await reader.readline()).strip()) for _ in numbers[1:]]
