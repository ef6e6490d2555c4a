"""How fast files are forwarded by one connector process, spool commit before acknowledge, reports written meanwhile."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hub.schemas.envelope import RAW_LIMIT
from tests.connectors.files.dropping import HEADER, row

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]
ROWS = 100_000
#: Rows as large as a message may be.
LARGE = 600
ROOT = Path(__file__).parents[3]
#: Run in a process of its own, so that its memory is the connector's and not pytest's.
PROGRAM = """
import asyncio, json, sys, time
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
    writing = time.perf_counter()
    while connector.reports._outcomes.due():
        connector.reports._not_before = 0.0
        await connector.reports.write_due()
    writing = time.perf_counter() - writing
    await runner.close()
    # Of this program alone: what getrusage tells begins with the memory of who started it.
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
    print(json.dumps({"taken_per_s": rows / (taken - began), "forwarded_per_s": rows / (stub.last - began),
        "told_per_s": rows / (told - began), "cpu_s": cpu, "report_s": writing, "peak_bytes": peak, "sent": stub.sent}))

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["csv", "xlsx", "xlsx with shared texts"])
def test_three_thousand_referrals_a_second_in_two_hundred_megabytes(tmp_path: Path, kind: str) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    if kind == "csv":
        with (drop / "a.csv").open("w", encoding="cp949", newline="") as handle:
            csv.writer(handle).writerows([HEADER, *map(row, range(ROWS))])
    else:
        workbook(drop / "a.part", ROWS)
        if kind != "xlsx":
            share_texts(drop / "a.part")
        (drop / "a.part").rename(drop / "a.xlsx")
    found = run(tmp_path, ROWS)
    print(kind, found, file=sys.__stderr__)
    assert found["forwarded_per_s"] >= 3_000
    assert found["peak_bytes"] < 200_000_000


def test_rows_as_large_as_a_message_stay_within_two_hundred_megabytes(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    with (drop / "a.csv").open("w", encoding="utf-8", newline="") as handle:
        handle.write(",".join(f"칸{number}" for number in range(100)) + "\n")
        rest = ",".join(["x" * 10_000] * 99)
        handle.writelines(f"LH-{number},{rest}\n" for number in range(LARGE))
    assert (drop / "a.csv").stat().st_size > 0.9 * RAW_LIMIT * LARGE
    found = run(tmp_path, LARGE)
    print("large rows", found, file=sys.__stderr__)
    assert found["peak_bytes"] < 200_000_000


def run(folder: Path, rows: int) -> dict[str, float]:
    """Forward what lies in the drop, in a process of its own; what it measured."""
    command = [sys.executable, "-c", PROGRAM, str(folder), str(rows)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, float] = json.loads(done.stdout)
    assert found["sent"] == rows
    return found


def workbook(path: Path, count: int) -> None:
    import openpyxl  # noqa: PLC0415 - the other case needs none

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("명단")
    sheet.append(HEADER)
    for number in range(count):
        sheet.append(row(number))
    book.save(path)


def share_texts(path: Path) -> None:
    """Write the texts apart from the cells, as spreadsheet programs do; here no two cells share one."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    texts: list[str] = []

    def shared(found: re.Match[str]) -> str:
        texts.append(f"<si><t>{found[2]}</t></si>")
        return f'<c r="{found[1]}" t="s"><v>{len(texts) - 1}</v></c>'

    sheet, relations = "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels"
    parts[sheet] = re.sub(r'<c r="(\w+)" t="inlineStr"><is><t[^>]*>([^<]*)</t></is></c>', shared, parts[sheet])
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    relation = f'<Relationship Id="rId99" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
    parts[relations] = parts[relations].replace("</Relationships>", relation)
    parts["xl/sharedStrings.xml"] = f"<sst>{''.join(texts)}</sst>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
