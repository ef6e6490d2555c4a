"""The sample town's files, dropped in each agency's folder, through runner, API, Kafka and ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from connectors.files import FilesConnector
from tests.connectors.town import as_expected, drop, hub, running, until, verdicts
from tests.core.decide.test_jinju import FILES, SAMPLES
from tests.flow.site import Site

NOW = "2026-11-18T03:00:00.000Z"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with hub(tmp_path_factory.mktemp("files-town")) as held:
        yield held


async def test_all_samples_come_to_what_is_expected_of_them(site: Site, tmp_path: Path) -> None:
    agencies = sorted(set(FILES.values()))
    async with AsyncExitStack() as stack:
        drops = {a: drop(tmp_path / a, [n for n, owner in FILES.items() if owner == a]) for a in agencies}
        started = [running(site, tmp_path, a, FilesConnector, drops[a], NOW) for a in agencies]
        runners = [await stack.enter_async_context(one) for one in started]
        await until(lambda: all((tmp_path / a / "archive/2026-11-18" / n).exists() for n, a in FILES.items()))
        taken = sum(r.taken for r in runners)
        await until(lambda: sum(verdicts(site).values()) == taken)
        as_expected(site, taken)
        assert all(not list((tmp_path / a / "rejected").rglob("*.*")) for a in agencies)
        for name, agency in FILES.items():
            await asyncio.to_thread((tmp_path / agency / name).write_bytes, (SAMPLES / name).read_bytes())
        await until(lambda: not any((tmp_path / a / n).exists() for n, a in FILES.items()))
        assert sum(r.taken for r in runners) == taken, "the same files again are nothing new"
        await _the_clerk_reads_the_refusal(tmp_path / "lh/reports/housing-arrears.report.csv")


async def _the_clerk_reads_the_refusal(report: Path) -> None:
    def rows() -> list[str]:
        return report.read_text("cp949").splitlines() if report.exists() else []

    def refused() -> str:
        return next((line for line in rows() if line.startswith("LH-26-0414") and "거절" in line), "")

    await until(lambda: bool(refused()))
    assert all(f"{column}: " in refused() for column in ("세대주", "체납액", "의뢰일"))
    assert len([line for line in rows()[1:] if "거절" not in line and "전송 대기" not in line]) == 3
