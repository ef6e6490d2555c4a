"""A hospital's interface engine for tests: messages, an MLLP client and a listener of its own. Owns no assertion."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from connectors.hl7v2 import Hl7v2Connector
from connectors.hl7v2.mllp import Frame, Frames, framed
from connectors.hl7v2.partner import acknowledgment
from connectors.protocol import Event, Origin
from connectors.testing import Answer, Partner, free_port

NOW = "2026-11-22T03:00:00.000Z"
ORIGIN = Origin("jeil", "hl7v2", b"k" * 32, lambda: NOW)
NAMES = {"utf-8": "UNICODE UTF-8", "cp949": "KS X 1001", "": ""}


def ref(number: int = 1, codec: str = "cp949", *, event: str = "I12", mode: str = "", name: str = "박^순자") -> bytes:
    """A referral. mode: MSH-15 and MSH-16."""
    wanted = f"{mode}|{mode}" if mode else "|"
    text = (
        f"MSH|^~\\&|HIS|JEIL|IEUM|CITY|20261117091500||REF^{event}^REF_I12|JI{number:07}|P|2.5|||{wanted}|KOR|"
        f"{NAMES[codec]}\r"
        "RF1|P^Pending^HL70283|S^STAT^HL70280|discharge_care^퇴원돌봄^99IEUM|||"
        f"JI-26-{number % 50}^JEIL|20261117091500\r"
        "PRD|RP^Referring Provider^HL70286|김^민호\r"
        f"PID|1||{88000 + number}^^^JEIL^MR||{name}||19480302|F|||진주시 진주대로 1052 101-1203^^^^^KR||01023456789\r"
        f"NTE|1||제일병원 외래에서 재의뢰 {number}번\r"
    )
    return text.encode(codec or "utf-8")


def segments(octets: bytes, codec: str = "cp949") -> dict[str, list[str]]:
    """The first segment of each name, as fields (MSH counted as the standard does)."""
    found: dict[str, list[str]] = {}
    for line in octets.decode(codec).split("\r"):
        fields = line.split("|")
        found.setdefault(fields[0], fields if fields[0] != "MSH" else ["MSH", "|", *fields[1:]])
    return found


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._frames, self._found = Frames(1 << 20), list[bytes]()

    @classmethod
    async def to(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def answer(self, seconds: float = 10) -> bytes:
        """The next answer; EOFError when the other side hung up."""
        async with asyncio.timeout(seconds):
            while not self._found:
                octets = await self.reader.read(65_536)
                if not octets:
                    raise EOFError
                self._found += [frame.octets for frame in self._frames.feed(octets)]
        return self._found.pop(0)

    async def ask(self, message: bytes) -> bytes:
        """Send a message and read its answer."""
        await self.send(framed(message))
        return await self.answer()

    def close(self) -> None:
        self.writer.close()


class Receiver:
    """The engine's listener: keeps what comes and answers by `codes`, then AA."""

    def __init__(self, port: int, codes: Iterable[str] = ()) -> None:
        self.port, self.codes, self.heard = port, list(codes), list[bytes]()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server:
            self._server.close()

    def keep(self, octets: bytes) -> None:
        self.heard.append(octets)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = Frames(1 << 20)
        with suppress(ConnectionError):  # of a connector that was killed
            while octets := await reader.read(65_536):
                if not self._answered(frames.feed(octets), writer):
                    break
        writer.close()

    def _answered(self, found: list[Frame], writer: asyncio.StreamWriter) -> bool:
        for frame in found:
            code = self.codes.pop(0) if self.codes else "AA"
            if code == "hang up":
                return False
            self.keep(frame.octets)
            control = frame.octets.split(b"|")[9].decode()
            head = "MSH|^~\\&|HIS|JEIL|IEUM|CITY|20261122||ACK|X|P|2.5"
            writer.write(framed(f"{head}\rMSA|{code}|{control}\r".encode()))
        return True


class Counter(Receiver):
    """Keeps of a message whom it is about, by PID-3: of a hundred thousand, no more is needed."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.numbers = set[int]()

    def keep(self, octets: bytes) -> None:
        codec = "utf-8" if b"UTF-8" in octets else "cp949"
        self.numbers.add(int(segments(octets, codec)["PID"][3].split("^")[0]) - 88_000)


class Hospital(Partner):
    """For the contract: one connection for all, as engines keep it."""

    connector = Hl7v2Connector
    canaries = ("순자", "19480302", "01023456789", "진주대로", "제일병원", "88001")
    odd: ClassVar[Mapping[str, bytes]] = {
        "no header": framed("PID|1||88001||박^순자\r".encode()),
        "nothing": framed(b""),
        "other type": framed(ref(1).replace(b"REF^I12^REF_I12", b"ADT^A01^ADT_A01")),
        "other event": framed(ref(1, event="I15")),
        "bytes of another charset": framed(ref(1).replace(b"KS X 1001", b"UNICODE UTF-8")),
        "unknown charset": framed(ref(1).replace(b"KS X 1001", b"8859/9")),
        "no control id": framed(ref(1).replace(b"JI0000001", b"")),
        "too large": framed(ref(1) + b"NTE|2||" + b"x" * 70_000 + b"\r"),
        "two in a frame": framed(ref(1) + ref(2)),
        "separators that are letters": framed(ref(1).replace(b"MSH|^~", b"MSH|aa")),
        "segments without end": framed(ref(1) + b"NTE|1||x\r" * 600),
    }
    malformed = frozenset(odd)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.receiver = Counter(free_port())
        self._client: Client | None = None

    async def open(self) -> None:
        await self.receiver.start()

    async def close(self) -> None:
        await self.receiver.stop()
        if self._client:
            self._client.close()

    def config(self) -> dict[str, Any]:
        memory = str(self.folder / "memory.sqlite")
        told = {"partner_host": "127.0.0.1", "partner_port": self.receiver.port, "memory_file": memory}
        return {"port": self.port, "message_bytes": 65_536, **told}

    def good(self, number: int) -> bytes:
        return framed(ref(number, "utf-8"))

    def cp949(self, number: int) -> bytes:
        return framed(ref(number, "cp949"))

    def number(self, event: Event) -> int:
        found = re.search(rb"\|JI(\d{7})\|", base64.b64decode(event["data_base64"]))
        assert found
        return int(found.group(1))

    async def feed(self, content: bytes) -> Answer:
        return (await self._fed([content]))[0]

    async def feed_many(self, numbers: Iterable[int]) -> Answer:
        """Pipelined, as busy engines do; a hundred at a time."""
        left = list(numbers)
        while some := left[:100]:
            answers = await self._fed([self.good(n) for n in some])
            if not all(answer.taken for answer in answers):
                return next(answer for answer in answers if not answer.taken)
            left = left[100:]
        return Answer(taken=True)

    async def _fed(self, contents: list[bytes]) -> list[Answer]:
        try:
            client = await self._connected()
            await client.send(b"".join(contents))
            return [_answer(await client.answer()) for _ in contents]
        except (OSError, EOFError):
            if self._client:
                self._client.close()
            self._client = None
            return [Answer(taken=False)] * len(contents)

    async def _connected(self) -> Client:
        """The one connection. The listener may not be up yet."""
        for _ in range(100):
            try:
                self._client = self._client or await Client.to(self.port)
            except OSError:
                await asyncio.sleep(0.02)
        return self._client or await Client.to(self.port)

    async def shown(self) -> set[int]:
        """By PID-3, which an RRI gives back."""
        return set(self.receiver.numbers)


def _answer(octets: bytes) -> Answer:
    code, _ = acknowledgment(octets)
    if code in {"AA", "CA"}:
        return Answer(taken=True)
    error = segments(octets, "utf-8" if b"UTF-8" in octets else "cp949")["ERR"]
    if error[5].startswith("full"):
        return Answer(taken=False)
    return Answer(taken=False, reasons=({"path": error[2], "code": error[3], "text": error[8]},))
