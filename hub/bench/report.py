"""What a run came to: rates with their spread, ratios of medians, the machine they hold for. Owns the JSON's shape."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from statistics import median
from typing import Any, Final

import msgspec
import psutil
from rich.console import Console
from rich.table import Table

from hub.bench.backlog import Backlog
from hub.bench.intake import Drain, costs_us, under_lock_us
from hub.bench.latency import Latency
from hub.bench.memory import Memory

LIBRARIES: Final = ("faststream", "aiokafka", "psycopg", "sqlmodel", "pydantic", "orjson", "msgspec")
#: What `measures.md` asks for.
GOALS: Final = {
    "usual_handler": 100.0,
    "ceiling": 0.4,
    "p50_ms": 40.0,
    "p99_ms": 150.0,
    "mb": 300.0,
}


class Plan(msgspec.Struct, frozen=True):
    """How much a run does. seconds, most: how long a round should take, and its messages at most."""

    rounds: int
    seconds: float
    most: int
    windows: int
    window_s: float
    latency_s: int
    memory: int


class Spread(msgspec.Struct, frozen=True):
    """Messages a second over the rounds of a row."""

    median: float
    min: float
    max: float
    rounds: list[float]

    @classmethod
    def of(cls, rates: Sequence[float]) -> Spread:
        """The spread of some rounds."""
        rounded = [round(rate, 1) for rate in rates]
        return cls(median(rounded), min(rounded), max(rounded), rounded)


class Report(msgspec.Struct, frozen=True):
    """One run.

    rates: row → spread; `hub` and `ceiling` are those of the better number of processes. costs_us: microseconds a
    message, wall time of a worker's steps and processor time of processes. others_cores: what others took meanwhile.
    """

    quick: bool
    rates: dict[str, Spread]
    ratios: dict[str, float]
    workers: int
    ceiling_processes: int
    bytes_per_message: dict[str, float]
    under_lock_us: float
    costs_us: dict[str, dict[str, float]]
    others_cores: float
    latency: Latency
    memory: Memory
    machine: dict[str, Any]
    versions: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON object."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        spread = {row: round((s.max - s.min) / s.median, 2) for row, s in self.rates.items() if s.median}
        noise = {"spread_over_median": spread, "others_cores": built.pop("others_cores")}
        return {**built, "noise": noise, "goals": dict(GOALS)}


class Rows(msgspec.Struct, frozen=True):
    """What was measured: the hub's rounds by workers, the ceiling's rates by processes, and the rest."""

    hub: dict[int, list[Drain]]
    ceiling: dict[int, list[float]]
    usual: list[float]
    latency: Latency
    memory: Memory


def assemble(plan: Plan, backlog: Backlog, rows: Rows, row_bytes: int, before: dict[str, float]) -> Report:
    """Medians, ratios and everything beside them."""
    hub = {count: Spread.of([drain.rate for drain in drains]) for count, drains in rows.hub.items()}
    ceilings = {count: Spread.of(rates) for count, rates in rows.ceiling.items()}
    workers, processes = _better(hub), _better(ceilings)
    rates = {
        "hub": hub[workers],
        "usual_handler": Spread.of(rows.usual),
        "ceiling": ceilings[processes],
        **{f"hub_{n}": spread for n, spread in hub.items()},
        **{f"ceiling_{n}": spread for n, spread in ceilings.items()},
    }
    drains = [drain for some in rows.hub.values() for drain in some]
    return Report(
        quick=plan.memory == 0,
        rates=rates,
        ratios={row: round(rates["hub"].median / rates[row].median, 3) for row in ("usual_handler", "ceiling")},
        workers=workers,
        ceiling_processes=processes,
        bytes_per_message=_bytes(drains, backlog, row_bytes),
        under_lock_us=round(under_lock_us(rows.hub[workers]), 1),
        costs_us={f"{count}_workers": costs_us(some) for count, some in rows.hub.items()},
        others_cores=round(median(drain.others_cores for drain in drains), 2),
        latency=rows.latency,
        memory=rows.memory,
        machine=_machine() | before,
        versions={"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
    )


def _better(spreads: Mapping[int, Spread]) -> int:
    return max(spreads, key=lambda count: spreads[count].median)


def _bytes(drains: Sequence[Drain], backlog: Backlog, row_bytes: int) -> dict[str, float]:
    """Per message: as it came; what the hub's tables grew by without indexes (the ceiling's row); WAL; entries."""
    messages = sum(drain.messages for drain in drains)
    return {
        "raw": round(backlog.bytes / max(1, backlog.count)),
        "tables": row_bytes,
        "wal": round(sum(drain.wal_bytes for drain in drains) / messages),
        "entries": round(sum(drain.entries for drain in drains) / messages, 2),
    }


def _machine() -> dict[str, Any]:
    return {
        "cores": psutil.cpu_count(),
        "system": platform.system(),
        "architecture": platform.machine(),
    }


def show(report: Report) -> None:
    """The table for people, on stdout."""
    table = Table(title="Ieum Hub, measured" + (" (quick)" if report.quick else ""), title_justify="left")
    for name, right in (("what", False), ("median", True), ("min – max", True), ("hub is", True), ("goal", True)):
        table.add_column(name, justify="right" if right else "left")
    for row in _rows(report):
        table.add_row(*row)
    Console().print(table)


def _rows(report: Report) -> list[tuple[str, str, str, str, str]]:
    words = {
        "hub_1": "hub, 1 worker, messages/s",
        "hub_2": "hub, 2 workers, messages/s",
        "usual_handler": "usual handler, messages/s",
        "ceiling": f"ceiling ({report.ceiling_processes} process{'es' * (report.ceiling_processes > 1)}), messages/s",
    }
    rows = [
        (text, f"{s.median:,.0f}", f"{s.min:,.0f} – {s.max:,.0f}", _ratio(report, row), _goal(row))
        for row, text in words.items()
        for s in (report.rates[row],)
    ]
    wait, memory = report.latency, report.memory
    flat = "flat" if memory.flat else "grows"
    held = f"{memory.first_third_mb:.0f} → {memory.last_third_mb:.0f} MB"
    return [
        *rows,
        (f"latency at {wait.offered:,.0f}/s, p50", f"{wait.p50_ms:,.0f} ms", "", "", f"≤ {GOALS['p50_ms']:.0f} ms"),
        (f"latency at {wait.offered:,.0f}/s, p99", f"{wait.p99_ms:,.0f} ms", "", "", f"≤ {GOALS['p99_ms']:.0f} ms"),
        (f"memory of a worker ({flat})", f"{memory.max_mb:.0f} MB", held, "", f"≤ {GOALS['mb']:.0f} MB"),
        ("under the lock, a message", f"{report.under_lock_us:.0f} µs", "", "", ""),
        ("written, a message", f"{report.bytes_per_message['tables']:,.0f} B", "", "", ""),
    ]


def _ratio(report: Report, row: str) -> str:
    found = report.ratios.get(row)
    return f"{found:.1f} ×" if found and found >= 10 else f"{found:.2f} ×" if found else ""  # noqa: PLR2004 - digits


def _goal(row: str) -> str:
    return f"≥ {GOALS[row]:g} ×" if row in GOALS else ""
