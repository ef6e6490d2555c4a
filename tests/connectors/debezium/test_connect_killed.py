"""Kafka Connect is killed again and again while rows are written: every row arrives, once, in the order of its key.

The contract kills our own process; between the partner's database and us stands another that is not ours, and this
shows what its death costs: repeated records, which keep their ids, and nothing else. The hub is recorded, not real
(`test_capture` has the real one, with two kills).
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.debezium import DebeziumConnector
from connectors.debezium.checking import reading
from connectors.debezium.config import DebeziumConfig
from connectors.protocol import Event
from connectors.runner import Runner
from connectors.spool import Spool
from connectors.testing import Recording, until
from connectors.testing.contract import _complete
from connectors.testing.stage import AGENCY, made
from infra.local.kafka import ADMIN, MECHANISM
from tests.connectors.debezium.capture import Captured
from tests.connectors.debezium.topic import TopicPartner

pytestmark = [pytest.mark.faults, pytest.mark.timeout(2400), pytest.mark.usefixtures("broker")]
KILLS, ROWS, STEP = 20, 100_000, 500
#: How long the partner takes to write them: about as long as the kills take.
WRITTEN_S = 150
INSERT = (
    "INSERT INTO referral (의뢰번호, 성명, 생년월일, 전화번호, 주소, 욕구, 특이사항) SELECT 'D-' || n % 50, '박순자', "
    "date '1948-03-02', '010-2345-6789', '진주시 봉산로 ' || n, '밑반찬', n::text FROM generate_series({}, {}) n"
)
#: Connect keeps its place this often; killed before the first time, it reads the whole table again under other ids.
KEPT_S = 5


@pytest.fixture
def captured(broker: None, tmp_path: Path) -> Iterator[Captured]:
    del broker
    found = Captured(tmp_path / "partner", TopicPartner.bootstrap, ADMIN, TopicPartner.password, MECHANISM)
    try:
        found.start()
        yield found
    finally:
        found.close()


def number(event: Event) -> int:
    return int(event["data"]["after"]["특이사항"])


def configured() -> dict[str, Any]:
    return {
        "bootstrap": TopicPartner.bootstrap,
        "security": "SASL_PLAINTEXT",
        "mechanism": MECHANISM,
        "username": ADMIN,
        "password": TopicPartner.password,
        "topics": ["changes.alpha.public.referral"],
        "number": "의뢰번호",
    }


@asynccontextmanager
async def running(folder: Path, hub: Recording) -> AsyncIterator[Runner]:
    runner = Runner(made(DebeziumConnector, configured()), AGENCY, Spool(folder), hub.upstream())
    task = asyncio.create_task(runner.run())
    try:
        yield runner
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()


async def written_by_connect() -> int:
    """Records in the topic of changes."""
    config = DebeziumConfig.model_validate(configured())
    async with reading(config, config.topics) as consumer:
        return sum((await consumer.end_offsets(consumer.assignment())).values())


async def write(captured: Captured) -> None:
    """The partner's own program, which knows nothing of Connect."""
    for first in range(STEP, ROWS, STEP):
        await asyncio.to_thread(captured.sql, INSERT.format(first, first + STEP - 1))
        await asyncio.sleep(WRITTEN_S * STEP / ROWS)


async def test_a_worker_killed_twenty_times_while_a_hundred_thousand_rows_are_written(
    captured: Captured, tmp_path: Path
) -> None:
    draw, hub = random.Random(3), Recording(number)  # noqa: S311 - moments nobody chose
    began = time.monotonic()
    async with running(tmp_path / "spool", hub):
        captured.connect()
        captured.sql(INSERT.format(0, STEP - 1))
        await until(lambda: len(hub.events) >= STEP, 120)
        await asyncio.sleep(KEPT_S)
        writing = asyncio.create_task(write(captured))
        for _ in range(KILLS):
            await asyncio.sleep(draw.random() * 2)
            captured.kill()
            captured.launch()
            await asyncio.to_thread(captured.wait)
        await writing
        await until(lambda: len(hub.events) >= ROWS, 600)
    took = time.monotonic() - began
    records = await written_by_connect()
    print(f"{KILLS} kills of Connect, {ROWS} rows, {records} records, {took:.0f} s", file=sys.__stderr__)
    assert records > ROWS, "no kill made Connect repeat anything: it shows nothing"
    _complete(hub, ROWS)
