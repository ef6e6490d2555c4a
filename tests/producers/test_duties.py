"""What stands beside the feed does not hold it up, and an invariant that broke is not run over."""

from __future__ import annotations

import asyncio

import pytest

from hub.errors import Halt
from hub.producers.duties import beside


async def test_a_duty_that_meets_what_nobody_foresaw_is_begun_again() -> None:
    starts: list[int] = []
    third = asyncio.Event()

    async def duty() -> None:
        starts.append(len(starts))
        if len(starts) < 3:
            raise OverflowError("date value out of range")
        third.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(beside("webhooks", duty, again_s=0.001))
    async with asyncio.timeout(5):
        await third.wait()
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_cancellation_ends_the_duty_too() -> None:
    ended = asyncio.Event()

    async def duty() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = asyncio.create_task(beside("drafts", duty))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert ended.is_set()


async def test_a_broken_invariant_ends_it() -> None:
    async def duty() -> None:
        raise Halt("the ledger is broken")

    with pytest.raises(Halt):
        await beside("webhooks", duty, again_s=0)
