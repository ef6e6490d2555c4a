"""Waiting for the broker: what the library's own way of it would lose."""

from __future__ import annotations

import asyncio
from typing import Any

import aiomqtt
import pytest

from connectors.mqtt.config import EXAMPLE, MqttConfig
from connectors.mqtt.link import Link


async def link(**changed: Any) -> Link:
    return Link(MqttConfig.model_validate({**EXAMPLE, **changed}), "test", lasting=False)


async def test_a_cancellation_that_meets_the_answer_is_heeded() -> None:
    answer = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task((await link())._wait_for(answer, None))
    await asyncio.sleep(0)
    answer.set_result("granted")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_broker_that_does_not_answer_is_away() -> None:
    with pytest.raises(aiomqtt.MqttError, match="timed out"):
        await (await link())._wait_for(asyncio.Event().wait(), 0.01)
