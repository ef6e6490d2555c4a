"""`hub bench`: every measurement in one run, as a table, JSON and a chart. Owns the command, no measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from hub.cli.output import Json, emit, examples, say

OUT: Final = Path("bench-out")


@examples("hub bench --quick", "hub bench --json > bench.json")
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Three minutes instead of twenty; wider spreads.")] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder of bench.json and the chart.")] = OUT,
    json: Json = False,
) -> None:
    """Measure the hub against the usual handler and this machine's ceiling, on servers of its own."""
    from hub.bench import run  # noqa: PLC0415 - slow to load, and `hub bench --help` needs none of it
    from hub.bench.report import show  # noqa: PLC0415

    report = run(quick=quick, out=out, say=say)
    if json:
        emit(report.as_json())
    else:
        show(report)
    say(f"written: bench.json, bench.png and bench.svg in {out}")
