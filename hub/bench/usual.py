"""The usual handler: a FastStream subscriber, one message at a time, one SQLModel transaction for each.

Written as its documentation has it and not made slow: one engine with a pool, one broker connection, a typed body,
default acknowledgment. It matches nobody, decides nothing and publishes nothing; it stores the same bytes.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, ClassVar, Final

from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from faststream.security import SASLScram256
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from hub.settings import Settings

PATTERN: Final = r"^hub\.in\."
GROUP: Final = "bench-usual"


class Base(SQLModel, registry=registry()):
    """Apart from the hub's own tables: migrations must not see this one."""


class Stored(Base, table=True):
    """One message: what it says of itself, and its bytes."""

    __tablename__: ClassVar[Any] = "bench_usual"
    id: int | None = Field(default=None, primary_key=True)
    message: str = Field(index=True)
    source: str
    type: str
    time: str
    raw: bytes


class Event(BaseModel):
    """The body as the handler gets it."""

    id: str
    source: str
    type: str
    time: str
    dataschema: str
    data: dict[str, Any] | None = None
    data_base64: str | None = None


def run(settings: Settings, windows: int, seconds: float) -> list[float]:
    """Messages a second in each of some windows, one after another, from the first message on."""
    return asyncio.run(_run(settings, windows, seconds))


async def _run(settings: Settings, windows: int, seconds: float) -> list[float]:
    engine = create_async_engine(settings.database_url.replace("postgresql://", "postgresql+psycopg://"))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    broker, done, first = _broker(settings), [0], asyncio.Event()

    @broker.subscriber(pattern=PATTERN, group_id=GROUP, auto_offset_reset="earliest")
    async def store(event: Event, message: KafkaMessage) -> None:
        async with AsyncSession(engine) as session:
            row = Stored(message=event.id, source=event.source, type=event.type, time=event.time, raw=message.body)
            session.add(row)
            await session.commit()
        done[0] += 1
        first.set()

    await broker.start()
    try:
        await first.wait()
        return [await _window(done, seconds) for _ in range(windows)]
    finally:
        await broker.stop()
        await engine.dispose()


async def _window(done: list[int], seconds: float) -> float:
    before, began = done[0], time.perf_counter()
    await asyncio.sleep(seconds)
    return (done[0] - before) / (time.perf_counter() - began)


def _broker(settings: Settings) -> KafkaBroker:
    security = SASLScram256(username=settings.kafka_username, password=settings.kafka_password, use_ssl=False)
    return KafkaBroker(settings.kafka_bootstrap, security=security, logger=None, client_id="bench-usual")
