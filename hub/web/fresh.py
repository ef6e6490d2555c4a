"""Values that may be a moment old: asked for again after a while, kept longer while their source is away.

Owns when to ask again. One asker at a time per value; the others wait for its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from hub.errors import Retry

T = TypeVar("T")


class Fresh(Generic[T]):
    """One value, at most `age` seconds old, or `stale` seconds while its source raises `Retry`."""

    def __init__(self, ask: Callable[[], Awaitable[T]], clock: Callable[[], float], age: float, stale: float) -> None:
        self._ask, self._clock, self._age, self._stale = ask, clock, age, stale
        self._turn = asyncio.Lock()
        self._held: tuple[float, T] | None = None

    async def get(self) -> T:
        """The value. Raises `Retry` when there is none young enough."""
        held = self._within(self._age)
        if held is not None:
            return held[0]
        async with self._turn:
            held = self._within(self._age)
            return held[0] if held is not None else await self._renew()

    async def anew(self) -> T:
        """The value as its source has it now, for whoever knows that the one held is too old."""
        async with self._turn:
            return await self._renew()

    async def _renew(self) -> T:
        asked = self._clock()
        try:
            value = await self._ask()
        except Retry:
            held = self._within(self._stale)
            if held is None:
                raise
            return held[0]
        self._held = (asked, value)
        return value

    def _within(self, age: float) -> tuple[T] | None:
        if self._held is None or self._clock() - self._held[0] > age:
            return None
        return (self._held[1],)
