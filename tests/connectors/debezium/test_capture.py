"""Rows of a partner's database become referrals in the ledger: PostgreSQL → Debezium on Connect → Kafka → hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.debezium import DebeziumConnector
from connectors.debezium.config import DebeziumConfig
from connectors.kafka_upstream import Access, Kafka
from connectors.protocol import Origin
from connectors.runner import Runner
from connectors.spool import Spool
from hub.producers.provision import username
from tests.connectors.debezium.capture import Captured
from tests.flow.people import town
from tests.flow.site import Site

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
TOPIC = "changes.alpha.public.referral"
INSERT = (
    "INSERT INTO referral (의뢰번호, 성명, 생년월일, 성별, 전화번호, 주소, 욕구, 긴급여부, 접수일자, 동의, 특이사항) "
    "SELECT 'D-' || n, (ARRAY['박순자','김하늘','이영희'])[1 + n % 3], date '1940-01-02' + n * 37, '여', "
    "'010-2345-' || lpad(n::text, 4, '0'), '진주시 봉산로 ' || n, '밑반찬', false, '2026-11-20 09:30', '서면', "
    "repeat(md5(n::text), 200) FROM generate_series({}, {}) n"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with town(tmp_path_factory.mktemp("town")) as found:
        found.start("consumer 0")
        yield found


@pytest.fixture(scope="module")
def captured(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    # The hub's broker serves as the agency's own; its administrator may make the topics.
    known = site.settings
    words = (known.kafka_bootstrap, known.kafka_username, known.kafka_password, known.kafka_mechanism)
    found = Captured(tmp_path_factory.mktemp("partner"), *words)
    try:
        found.start()
        found.sql(INSERT.format(1, 5))  # there before anybody listens: the snapshot
        found.connect()
        yield found
    finally:
        found.close()


def connector(site: Site) -> DebeziumConnector:
    known = site.settings
    config = DebeziumConfig(
        bootstrap=known.kafka_bootstrap,
        security="SASL_PLAINTEXT",
        mechanism="SCRAM-SHA-256",
        username=known.kafka_username,
        password=known.kafka_password,  # type: ignore[arg-type] # pydantic makes it a secret
        topics=(TOPIC,),
        heartbeat="heartbeat.changes.alpha",
        number="의뢰번호",
    )
    return DebeziumConnector(config, Origin("alpha", "debezium", b"k" * 32, lambda: "2026-11-22T03:00:00.000Z"))


@asynccontextmanager
async def running(site: Site, folder: Path) -> AsyncIterator[Runner]:
    known = site.settings
    access = Access(known.kafka_bootstrap, username("alpha"), "test-password", known.kafka_mechanism, tls=False)
    runner = Runner(connector(site), "alpha", Spool(folder), Kafka("alpha", access))
    task = asyncio.create_task(runner.run())
    try:
        yield runner
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()


def entries(site: Site) -> list[dict[str, Any]]:
    rows = site.sql("SELECT entry FROM entries ORDER BY position")
    found = [orjson.loads(bytes(row[0])) for row in rows]
    return [e for e in found if "alpha" in str(e.get("cause", "")) or "alpha" in str(e.get("facts", ""))]


def counted(site: Site) -> dict[str, int]:
    kinds = [e["kind"] for e in entries(site)]
    return {kind: kinds.count(kind) for kind in set(kinds)}


async def until(site: Site, what: str, holds: Any) -> None:
    await asyncio.to_thread(site.until, holds, 60, what)


async def test_rows_become_referrals_updates_corrections_and_deletions_refusals(
    site: Site, captured: Captured, tmp_path: Path
) -> None:
    async with running(site, tmp_path / "spool"):
        await until(site, "the snapshot is recorded", lambda: counted(site).get("referral.recorded") == 5)
        captured.sql(INSERT.format(6, 8))
        captured.sql("UPDATE referral SET 전화번호 = '010-9876-5432' WHERE 의뢰번호 = 'D-6'")
        captured.sql("UPDATE referral SET 성명 = '' , 전화번호 = '', 주소 = '' WHERE 의뢰번호 = 'D-7'")
        captured.sql("DELETE FROM referral WHERE 의뢰번호 = 'D-8'")
        await until(site, "all is decided", lambda: len(refused(site)) == 2)
    assert sorted(refused(site)) == ["name_missing", "row_deleted"]
    assert counted(site)["referral.recorded"] == 8
    assert counted(site)["referral.corrected"] == 1


async def test_a_killed_worker_repeats_and_the_hub_counts_once(site: Site, captured: Captured, tmp_path: Path) -> None:
    before = counted(site)["referral.recorded"]
    async with running(site, tmp_path / "spool"):
        captured.sql(INSERT.format(1000, 1199))  # one statement: rows may share their place in the log
        captured.kill()
        for first in range(1200, 1300, 20):
            captured.sql(INSERT.format(first, first + 19))
        captured.connect()
        await until(site, "all are recorded", lambda: counted(site)["referral.recorded"] >= before + 300)
        captured.kill()
        captured.connect()
        captured.sql(INSERT.format(1300, 1300))
        await until(site, "the last is recorded", lambda: counted(site)["referral.recorded"] > before + 300)
    assert counted(site)["referral.recorded"] == before + 301
    # Killed before Connect kept its offsets, the snapshot is read again: what it refuses is told once more.
    assert set(refused(site)) == {"name_missing", "row_deleted"}


async def test_check_sees_a_worker_that_is_silent(site: Site, captured: Captured, monkeypatch: Any) -> None:
    found = {c.name: c for c in await connector(site).check()}
    assert [name for name, c in found.items() if not c.ok] == []
    assert found["lag"].found == "0 changes are waiting in Kafka"
    monkeypatch.setattr("connectors.debezium.checking.SILENT_S", -1)
    (silent,) = [c for c in await connector(site).check() if not c.ok]
    assert silent.name == "heartbeat"
    assert "slot" in silent.fix
    assert captured.resident_mb() < 700


def refused(site: Site) -> list[str]:
    facts = [e["facts"] for e in entries(site) if "refused" in e["kind"]]
    return [reason["code"] for held in facts for reason in held["reasons"]]
