"""The sample town live: a real hub with its accounts, an agency's connector on it, and what it must come to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from connectors.protocol import Connector, Origin
from connectors.runner import Runner
from connectors.spool import Spool
from connectors.upstream import Http
from hub.schemas.canonical import AgencyClaim
from hub.town.accounts import accounts
from tests.core.decide.test_jinju import EXPECTED, SAMPLES
from tests.flow.site import Site

#: Referrals by their number that expected.json names as needs, a suffix each where there are several.
WANTED = sum(len(n) if isinstance(n, list) else 1 for n in EXPECTED["needs"].values())


@contextmanager
def hub(folder: Path, claims: Iterable[AgencyClaim] | None = None) -> Iterator[Site]:
    """A hub that decides and answers, with these accounts: the whole town's without."""
    site = Site(folder)
    try:
        site.start("consumer 0", "relay")
        site.start_web()
        site.register(accounts() if claims is None else claims)
        site.settle()
        yield site
    finally:
        site.close()


@asynccontextmanager
async def running(
    site: Site, folder: Path, agency: str, class_: type[Connector], config: dict[str, Any], now: str, token: str = ""
) -> AsyncIterator[Runner]:
    """An agency's connector with its own spool. now: its clock, RFC 3339; token: a new one where none is given."""
    origin = Origin(agency, class_.name, b"k" * 16, lambda: now)
    connector = class_(class_.Config.model_validate(config), origin)
    http = Http(f"http://127.0.0.1:{site.web_port}", token or site.token(agency))
    runner = Runner(connector, agency, Spool(folder / f"{agency}-spool"), http)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()


def drop(folder: Path, files: Iterable[str]) -> dict[str, Any]:
    """A folder that holds these sample files, as a files connector's configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder / name).write_bytes((SAMPLES / name).read_bytes())
    return {"folder": str(folder), "ready": "renamed", "poll_s": 0.05}


def verdicts(site: Site) -> dict[str, int]:
    """How many of the agencies' messages got which verdict."""
    rows = site.sql(
        "SELECT m.verdict, count(*) FROM messages m JOIN partitions p ON p.id = m.partition_id "
        "WHERE p.topic LIKE 'hub.in.%%' GROUP BY 1"
    )
    return dict(rows)


def as_expected(site: Site, taken: int) -> None:
    """The sample's facts: one row is refused, so many persons, so many referrals."""
    assert verdicts(site) == {"recorded": taken - 1, "refused": 1}
    assert site.one("SELECT count(DISTINCT person) FROM records") == len(EXPECTED["persons"])
    assert site.one("SELECT count(*) FROM referrals") == WANTED


async def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds that may take a query to find out."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - the ledger rings no bell
            await asyncio.sleep(0.1)
