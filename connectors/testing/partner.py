"""The other side of a connector, as its contract test plays it. Owns the hooks; each connector's tests fill them."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from connectors.protocol import Connector, Event


class Answer(msgspec.Struct, frozen=True):
    """What the partner hears of one input.

    taken: acknowledged. Not taken and without reasons: no answer, or "not now", and the partner sends it again.
    reasons: what is wrong with it (or with a part of it), as told to the partner: path, code, text.
    """

    taken: bool
    reasons: tuple[dict[str, Any], ...] = ()


class Partner:
    """One agency's system: made for one test, in an empty folder; speaks the partner's protocol to the connector.

    The same object outlives a connector that is killed and started again, so ports and folders are chosen once.
    """

    connector: ClassVar[type[Connector]]
    #: Input nobody should send, by what is wrong with it: taken, or refused with place, code and text. Never silence.
    odd: ClassVar[Mapping[str, bytes]] = {}
    #: Which of `odd` cannot be understood, and must be refused.
    malformed: ClassVar[frozenset[str]] = frozenset()
    #: Personal data that `good` and `odd` inputs hold. No log may show it.
    canaries: ClassVar[tuple[str, ...]] = ()
    #: Seconds the hooks may take before the connector counts as silent.
    patience_s: ClassVar[float] = 20.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def open(self) -> None:
        """Start what the partner has (a broker, a server). Before the connector."""

    async def close(self) -> None:
        """Stop it."""

    def config(self) -> dict[str, Any]:
        """The connector's configuration."""
        raise NotImplementedError

    def good(self, number: int) -> bytes:
        """Input that holds this number; one event. A few numbers share a subject (`number % 50`): order shows there."""
        raise NotImplementedError

    def cp949(self, number: int) -> bytes | None:
        """The same in CP949; None where the format is always UTF-8."""
        del number
        return None

    def number(self, event: Event) -> int:
        """Reads the number back."""
        raise NotImplementedError

    async def feed(self, content: bytes) -> Answer:
        """Hand this in as the partner does, and wait for the answer. No connection is an answer: not taken."""
        raise NotImplementedError

    async def feed_many(self, numbers: Iterable[int]) -> Answer:
        """Hand in good inputs, in this order: one after another, unless the partner has a quicker way (one file).

        Ends at the first that is not taken.
        """
        for number in numbers:
            answer = await self.feed(self.good(number))
            if not answer.taken:
                return answer
        return Answer(taken=True)

    async def shown(self) -> set[int] | None:
        """Numbers of which the partner has seen what became of them; None where it has no way to see."""
        return None


def free_port() -> int:
    """A port nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
