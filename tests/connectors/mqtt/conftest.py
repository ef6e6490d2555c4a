"""A broker and its devices, anew for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.connectors.mqtt.platform import Broker, Devices


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    held = Broker(tmp_path)
    await held.start()
    yield held
    await held.stop()


@pytest.fixture
async def devices(broker: Broker) -> AsyncIterator[Devices]:
    held = Devices(broker.port)
    await held.start()
    yield held
    await held.stop()
