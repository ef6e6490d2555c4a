"""The sample town's files, dropped in each agency's folder, through runner, API, Kafka and ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.files import FilesConnector
from connectors.protocol import Origin
from connectors.runner import Runner
from connectors.spool import Spool
from connectors.upstream import Http
from hub.app import draw
from hub.ledger.accounts import Accounts
from hub.ledger.connect import connect
from hub.ledger.keyfile import load_keys
from hub.town.accounts import accounts
from tests.core.decide.test_jinju import EXPECTED, FILES, SAMPLES
from tests.flow.site import Site

#: Referrals by their number that expected.json names as needs, a suffix each where there are several.
WANTED = sum(len(n) if isinstance(n, list) else 1 for n in EXPECTED["needs"].values())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    held = Site(tmp_path_factory.mktemp("files-town"))
    try:
        held.start("consumer 0", "relay")
        held.start_web()
        held.register(accounts())
        held.settle()
        yield held
    finally:
        held.close()


def token(site: Site, agency: str) -> str:
    with connect(site.settings.database_url, name="test", owner=True) as connection:
        return Accounts(connection, load_keys(site.settings.keys_file).pepper).issue(agency, draw(32))


@asynccontextmanager
async def running(site: Site, folder: Path, agency: str) -> Any:
    """An agency's connector, with its own folder, spool and token."""
    drop = folder / agency
    drop.mkdir(parents=True, exist_ok=True)
    for name in (name for name, owner in FILES.items() if owner == agency):
        (drop / name).write_bytes((SAMPLES / name).read_bytes())
    config = FilesConnector.Config.model_validate({"folder": str(drop), "ready": "renamed", "poll_s": 0.05})
    connector = FilesConnector(config, Origin(agency, "files", b"k" * 16, lambda: "2026-11-18T03:00:00Z"))  # type: ignore[arg-type]
    http = Http(f"http://127.0.0.1:{site.web_port}", token(site, agency))
    runner = Runner(connector, agency, Spool(folder / f"{agency}-spool"), http)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()


async def test_all_samples_come_to_what_is_expected_of_them(site: Site, tmp_path: Path) -> None:
    agencies = sorted(set(FILES.values()))
    async with AsyncExitStack() as stack:
        runners = {a: await stack.enter_async_context(running(site, tmp_path, a)) for a in agencies}
        await _until(lambda: all((tmp_path / a / "archive/2026-11-18" / n).exists() for n, a in FILES.items()))
        taken = sum(r.taken for r in runners.values())
        await _until(lambda: sum(site_verdicts(site).values()) == taken)
        assert site_verdicts(site) == {"recorded": taken - 1, "refused": 1}
        assert site.one("SELECT count(DISTINCT person) FROM records") == len(EXPECTED["persons"])
        assert site.one("SELECT count(*) FROM referrals") == WANTED
        assert all(not list((tmp_path / a / "rejected").rglob("*.*")) for a in agencies)
        for name, agency in FILES.items():
            await asyncio.to_thread((tmp_path / agency / name).write_bytes, (SAMPLES / name).read_bytes())
        await _until(lambda: not any((tmp_path / a / n).exists() for n, a in FILES.items()))
        assert sum(r.taken for r in runners.values()) == taken, "the same files again are nothing new"
        await _the_clerk_reads_the_refusal(tmp_path / "lh/reports/housing-arrears.report.csv")


async def _the_clerk_reads_the_refusal(report: Path) -> None:
    def rows() -> list[str]:
        return report.read_text("cp949").splitlines() if report.exists() else []

    def refused() -> str:
        return next((line for line in rows() if line.startswith("LH-26-0414") and "거절" in line), "")

    await _until(lambda: bool(refused()))
    assert all(f"{column}: " in refused() for column in ("세대주", "체납액", "의뢰일"))
    assert len([line for line in rows()[1:] if "거절" not in line and "전송 대기" not in line]) == 3


def site_verdicts(site: Site) -> dict[str, int]:
    rows = site.sql(
        "SELECT m.verdict, count(*) FROM messages m JOIN partitions p ON p.id = m.partition_id "
        "WHERE p.topic LIKE 'hub.in.%%' GROUP BY 1"
    )
    return dict(rows)


async def _until(holds: Any, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - what is waited for is in other processes
            await asyncio.sleep(0.1)
