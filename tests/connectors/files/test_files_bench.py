"""How fast files are forwarded by one connector process, spool commit before acknowledge, reports written meanwhile."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.connectors.files.dropping import HEADER, row

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]
#: Rows of a workbook are fewer: its reader holds a whole sheet in memory.
ROWS = {"csv": 100_000, "xlsx": 50_000}
ROOT = Path(__file__).parents[3]
#: Run in a process of its own, so that its memory is the connector's and not pytest's.
PROGRAM = """
import asyncio, json, resource, sys, time
from pathlib import Path
import structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
from connectors.files import FilesConnector
from connectors.protocol import Origin, Receipt
from connectors.runner import Runner
from connectors.spool import Spool

folder, rows = Path(sys.argv[1]), int(sys.argv[2])

class Stub:
    sent, last = 0, 0.0
    async def send(self, events):
        self.sent, self.last = self.sent + len(events), time.perf_counter()
        held = [(e, {"id": e["id"], "state": "offered"}) for e in events]
        return [Receipt(e["id"], e["source"], "recorded", referrals=(referral,)) for e, referral in held]
    async def receipts(self, waiting): return []
    async def changes(self, after): return [], after
    async def close(self): pass

async def main():
    config = FilesConnector.Config(folder=str(folder / "drop"), ready="renamed", poll_s=0.1)
    connector = FilesConnector(config, Origin("lh", "files", b"k" * 32, lambda: "2026-11-22T03:00:00Z"))
    stub = Stub()
    runner = Runner(connector, "lh", Spool(folder / "spool"), stub)
    began, taken = time.perf_counter(), 0.0
    task = asyncio.create_task(runner.run())
    while runner.told < rows:
        await asyncio.sleep(0.05)
        taken = taken or (time.perf_counter() if runner.taken == rows else 0.0)
        if task.done():
            task.result()
    told, cpu = time.perf_counter(), time.process_time()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    connector.reports._not_before = 0.0
    writing = time.perf_counter()
    await connector.reports.write_due()
    writing = time.perf_counter() - writing
    await runner.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"taken_per_s": rows / (taken - began), "forwarded_per_s": rows / (stub.last - began),
        "told_per_s": rows / (told - began), "cpu_s": cpu, "report_s": writing, "peak_bytes": peak, "sent": stub.sent}))

asyncio.run(main())
"""


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_three_thousand_referrals_a_second_in_two_hundred_megabytes(tmp_path: Path, ending: str) -> None:
    drop, count = tmp_path / "drop", ROWS[ending]
    drop.mkdir()
    if ending == "csv":
        with (drop / "a.csv").open("w", encoding="cp949", newline="") as handle:
            csv.writer(handle).writerows([HEADER, *map(row, range(count))])
    else:
        workbook(drop / "a.xlsx", count)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    print(ending, found, file=sys.__stderr__)
    assert found["sent"] == count
    assert found["forwarded_per_s"] >= 3_000
    assert found["peak_bytes"] < 200_000_000


def workbook(path: Path, count: int) -> None:
    import openpyxl  # noqa: PLC0415 - the other case needs none

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("명단")
    sheet.append(HEADER)
    for number in range(count):
        sheet.append(row(number))
    book.save(path)
