"""Measurements: every row of `hub bench`, all in one run on one machine, so that their ratios mean something.

What a row is: `intake`, `usual`, `ceiling`, `latency`, `memory`; their order: `whole`; how they are shown: `report`,
`chart`. Times of different machines or runs are never compared. Nothing of the hub imports this room.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from hub.bench.report import Report


def run(*, quick: bool, out: Path, say: Callable[[str], None] = print) -> Report:
    """Measure every row, then write bench.json, bench.png and bench.svg into `out`. `say` hears what is being done."""
    # Here, because the workers that are measured are started from this package: they must not load what measures them.
    from hub.bench.chart import draw  # noqa: PLC0415
    from hub.bench.whole import measure  # noqa: PLC0415

    out.mkdir(parents=True, exist_ok=True)
    report = measure(say, quick=quick)
    written = orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (out / "bench.json").write_bytes(written)
    draw(report, out)
    return report
