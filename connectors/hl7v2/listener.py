"""The MLLP listener: takes referrals from connections, acknowledges what is safe. Owns bounds and the order of answers.

All messages that arrived together are taken together, so that one commit carries them; they are answered in the order
they came, and only behind the commit. Logs counts, codes and places, never content.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from connectors.hl7v2 import acknowledging
from connectors.hl7v2.messages import Heard, Rejected, hear
from connectors.hl7v2.mllp import Frame, Frames, framed
from connectors.listening import CHUNK, Connections
from connectors.protocol import Full, Origin, Take

log = structlog.get_logger()
#: A frame, or garbage between frames, of so many times the limit ends the connection.
PATIENCE: Final = 4


class Bounds(msgspec.Struct, frozen=True):
    """What one listener allows: bytes of a message, seconds of silence and for one frame, connections at a time.

    charset: of answers to a message in plain ASCII that declares none. rri: whether a referral is answered by an RRI.
    """

    size: int
    idle_s: float
    frame_s: float
    connections: int
    charset: str
    rri: bool


class Listener:
    """One port."""

    def __init__(self, bounds: Bounds, origin: Origin) -> None:
        self._bounds, self._origin = bounds, origin

    async def run(self, host: str, port: int, tls: ssl.SSLContext | None, take: Take) -> None:
        """Serve until canceled. Raises OSError where the port cannot be bound."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _Connection(self._bounds, self._origin, take, reader, writer).run()

        await Connections("mllp", self._bounds.connections, serve).run(host, port, tls)


class _Connection:
    """One partner's connection."""

    def __init__(
        self, bounds: Bounds, origin: Origin, take: Take, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._bounds, self._origin, self._take = bounds, origin, take
        self._reader, self._writer = reader, writer
        self._frames = Frames(bounds.size)
        self._due = 0.0
        self._garbage = self._torn = 0

    async def run(self) -> None:
        """Until the partner hangs up, falls silent or goes beyond its bounds."""
        most, before = PATIENCE * self._bounds.size, 0
        while octets := await self._read():
            frames = self._frames.feed(octets)
            self._mind()
            if frames:
                self._due, before = 0.0, self._frames.garbage
                await self._answer(frames)
            if max(self._frames.pending, self._frames.garbage - before) > most:
                await self._give_up()
                return

    async def _read(self) -> bytes:
        """What comes next; nothing when the partner is gone. A frame that has begun must end within its time."""
        now = asyncio.get_running_loop().time()
        if not self._frames.pending:
            self._due = 0.0
        elif not self._due:
            self._due = now + self._bounds.frame_s
        try:
            async with asyncio.timeout_at(self._due or now + self._bounds.idle_s):
                return await self._reader.read(CHUNK)
        except TimeoutError:
            log.warning("mllp_silent", octets=self._frames.pending)
            return b""

    def _mind(self) -> None:
        """Say that something stood between the frames: how much, not what."""
        found = (self._frames.garbage, self._frames.torn)
        if found != (self._garbage, self._torn):
            log.warning("mllp_garbage", octets=found[0] - self._garbage, torn=found[1] - self._torn)
            self._garbage, self._torn = found

    async def _give_up(self) -> None:
        """Nothing behind an endless frame can be found: it is refused, and the connection closed."""
        log.warning("mllp_endless", octets=self._frames.pending)
        if self._frames.pending > self._bounds.size:
            await self._answer([Frame(self._frames.begun, self._frames.pending)])

    async def _answer(self, frames: Sequence[Frame]) -> None:
        found = [hear(frame, self._bounds.size, self._bounds.charset) for frame in frames]
        safe = iter(await self._taken([one for one in found if isinstance(one, Heard)]))
        answers: list[bytes] = []
        for one in found:
            if isinstance(one, Heard):
                answers += (
                    acknowledging.taken(one, self._origin, rri=self._bounds.rri)
                    if next(safe)
                    else acknowledging.full(one, self._origin)
                )
            elif isinstance(one, Rejected):
                log.info("mllp_rejected", place=one.reason.path, code=one.reason.code)
                answers += acknowledging.rejected(one, self._origin)
        await self._send(answers)

    async def _taken(self, heard: Sequence[Heard]) -> list[bool]:
        """Which are safe now. At the bound they are tried one by one: a small one may still fit."""
        events = [one.event(self._origin) for one in heard]
        about = [one.about() for one in heard]
        try:
            await self._take(events, about=about)
        except Full:
            safe = [await self._takes(event, text) for event, text in zip(events, about, strict=True)]
            log.warning("spool_full", refused=safe.count(False))
            return safe
        return [True] * len(events)

    async def _takes(self, event: dict[str, object], about: str) -> bool:
        try:
            await self._take([event], about=[about])
        except Full:
            return False
        return True

    async def _send(self, answers: Sequence[bytes]) -> None:
        """In order. A partner that does not read its answers is one that is gone."""
        if not answers:
            return
        self._writer.write(b"".join(framed(answer) for answer in answers))
        async with asyncio.timeout(self._bounds.frame_s):
            await self._writer.drain()
