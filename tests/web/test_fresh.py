"""Values that may be a moment old, and waiting for verdicts: who is asked, how often, and what becomes of errors."""

from __future__ import annotations

import asyncio

import pytest

from hub.errors import Halt, Retry
from hub.web.fresh import Fresh
from hub.web.verdicts import Ticket, Verdicts

AGE, STALE = 2.0, 10.0


class Source:
    """Says how often it was asked; each answer takes `takes` seconds of a clock that only it moves."""

    def __init__(self, takes: float = 0.0) -> None:
        self.time, self.takes, self.asked, self.away = 100.0, takes, 0, False
        self.value = Fresh(self.ask, lambda: self.time, AGE, STALE)

    async def ask(self) -> int:
        await asyncio.sleep(0)
        self.time += self.takes
        if self.away:
            raise Retry("away")
        self.asked += 1
        return self.asked


async def test_many_who_need_it_at_once_ask_once() -> None:
    source = Source()
    assert await asyncio.gather(*(source.value.get() for _ in range(10))) == [1] * 10


async def test_a_value_is_as_old_as_its_question() -> None:
    source = Source(takes=1.5)
    assert await source.value.get() == 1
    source.time += AGE - 1.5
    assert await source.value.get() == 1
    source.time += 0.1
    assert await source.value.get() == 2


async def test_while_its_source_is_away_it_is_kept_for_a_while() -> None:
    source = Source()
    await source.value.get()
    source.away = True
    source.time += STALE
    assert await source.value.get() == 1
    source.time += 0.1
    with pytest.raises(Retry):
        await source.value.get()


async def test_a_poller_that_breaks_tells_those_who_wait_for_it() -> None:
    def broken(causes: object) -> dict[bytes, object]:
        raise Halt(f"broken: {bool(causes)}")

    verdicts = Verdicts(broken, 0.001)  # type: ignore[arg-type]
    with pytest.raises(Halt):
        await verdicts.wait([Ticket(b"cause", b"conflict", b"digest")], 5)
