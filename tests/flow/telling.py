"""A hub that tells agencies by webhook, for tests: endpoints, what happens, and a sender in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

import orjson

from hub.ledger.keyfile import load_keys
from hub.ledger.webhooks import Endpoint, Endpoints
from hub.producers.egress import Egress, Rules
from hub.producers.webhooks import Webhooks
from tests.flow.people import refer
from tests.flow.receiver import Receiver
from tests.flow.site import Site

HERE = Rules("1-65535", "127.0.0.0/8")
_person, _endpoint = count(0, 10), count()


class Time:
    """A clock that can be put forward."""

    ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def add(endpoints: Endpoints, receiver: Receiver, agency: str = "alpha", **more: object) -> Endpoint:
    given: dict[str, object] = {"kinds": (), "after": None, **more}
    return endpoints.add(f"wh-{next(_endpoint)}", agency, receiver.url, given["kinds"], given["after"])  # type: ignore[arg-type]


def happen(town: Site, many: int = 1) -> list[int]:
    """Refer people from alpha and beta in turn; the positions that concern alpha."""
    first, before = next(_person), town.one("SELECT size FROM head")
    refer(town, range(first, first + 2 * many))
    town.settle()
    return positions(town, "alpha", before)


def positions(town: Site, agency: str, behind: int = 0) -> list[int]:
    """What an agency's outbox holds, by the ledger's own word."""
    rows = town.sql("SELECT position, entry FROM entries WHERE position > %s ORDER BY position", behind)
    return [position for position, entry in rows if f"a:{agency}" in orjson.loads(entry)["facts"]["audience"]]


@contextlib.asynccontextmanager
async def sending(
    town: Site, *, clock: Callable[[], datetime] | None = None, egress: Egress | None = None, **more: Sequence[float]
) -> AsyncIterator[Webhooks]:
    """A sender in this process."""
    keys = load_keys(town.settings.keys_file)
    made = Webhooks(town.settings, keys, clock or Time(), egress=egress or Egress(HERE, timeout_s=1.0), **more)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(check: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.02)
