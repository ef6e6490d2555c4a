"""The MLLP sender: our messages to the partner's own listener. Owns order, repetition and the check of answers.

A message counts as told when the partner answered AA or CA to its control id; until then the same message is sent
again, however long that takes. Logs codes and counts only.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Final

import structlog

from connectors.hl7v2.messages import header_of
from connectors.hl7v2.mllp import Frames, framed
from connectors.upstream import Backoff, Sleep

log = structlog.get_logger()
TOLD: Final = frozenset(("AA", "CA"))
#: Of an answer; a partner that sends more is not answering.
ANSWER_BYTES: Final = 262_144


class Partner:
    """One partner's listener."""

    def __init__(
        self, host: str, port: int, tls: ssl.SSLContext | None, answer_s: float, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._host, self._port, self._tls, self._answer_s, self._sleep = host, port, tls, answer_s, sleep
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter, Frames] | None = None
        self._one = asyncio.Lock()

    async def send(self, octets: bytes) -> None:
        """Returns when the partner has acknowledged it. One message is under way at a time."""
        async with self._one:
            backoff = Backoff(self._sleep)
            while (code := await self._try(octets)) not in TOLD:
                log.warning("partner_not_told", answer=code)
                await backoff.wait()

    async def reachable(self) -> str:
        """'' if somebody listens there, else what went wrong."""
        try:
            await self._connect()
        except (OSError, TimeoutError) as error:
            return type(error).__name__
        await self.close()
        return ""

    async def close(self) -> None:
        """Hang up."""
        if self._stream is not None:
            writer, self._stream = self._stream[1], None
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()

    async def _try(self, octets: bytes) -> str:
        """The code of the answer; '' where there was none."""
        try:
            _, writer, _ = self._stream or await self._connect()
            writer.write(framed(octets))
            async with asyncio.timeout(self._answer_s):
                await writer.drain()
                code = await self._answer(header_of(octets).control)
        except (OSError, TimeoutError) as error:
            log.info("partner_away", error=type(error).__name__)
            code = ""
        if code not in TOLD:
            await self.close()
        return code

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Frames]:
        async with asyncio.timeout(self._answer_s):
            reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        self._stream = reader, writer, Frames(ANSWER_BYTES)
        return self._stream

    async def _answer(self, control: str) -> str:
        """MSA-1 of the answer to this control id. Answers to anything else pass by; '' when the partner hangs up."""
        if self._stream is None:
            return ""
        reader, _, frames = self._stream
        while octets := await reader.read(ANSWER_BYTES):
            for frame in frames.feed(octets):
                code, to = acknowledgment(frame.octets)
                if to == control:
                    return code
            if frames.pending > ANSWER_BYTES:
                return ""
        return ""


def acknowledgment(octets: bytes) -> tuple[str, str]:
    """MSA-1 and MSA-2 of a message; empty where it has none."""
    text = octets.decode("latin-1")
    mark = text[3:4] or "|"
    for line in text.replace("\n", "\r").split("\r"):
        name, *fields = line.split(mark, 3)
        if name == "MSA":
            code, to, *_ = [*fields, "", ""]
            return code, to
    return "", ""
