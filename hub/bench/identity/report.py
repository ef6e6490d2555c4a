"""What a run of `hub identity bench` came to: its JSON, its goals and the table for people. Owns no measurement."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import msgspec
import psutil
from rich.console import Console
from rich.table import Table

from hub.bench.identity.beside_splink import SURE, Beside
from hub.bench.identity.speed import Speed

LIBRARIES: Final = ("psycopg", "rapidfuzz", "msgspec", "cryptography", "splink", "duckdb", "recordlinkage")
#: What identity.md and measures.md ask for: at least this, but of `human_review` and `order_changes` at most.
GOALS: Final[Mapping[str, Mapping[str, float]]] = {
    "febrl4_no_ssn": {"f1": 0.993, "order_changes": 0},
    "febrl3_no_ssn": {"f1": 0.984, "order_changes": 0},
    "korean_town": {"precision": 0.9999, "auto_recall": 0.95, "human_review": 0.01, "order_changes": 0},
    "speed": {"500": 10_000, "2000": 15_000},
    "splink": {"times": 10},
}
WIDTH: Final = 118
#: Splink and the hub are asked side by side in batches of this size.
BESIDE: Final = 500
AT_MOST: Final = frozenset({"human_review", "order_changes"})
#: Columns of a row about quality, in the order people read them.
QUALITY: Final = ("f1", "precision", "recall", "auto_recall", "review", "human_review", "order_changes")


class Side(msgspec.Struct, frozen=True):
    """The hub on the mentions that Splink was asked about, in batches of the same size."""

    f1: float
    precision: float
    recall: float
    records_per_second: float


class Report(msgspec.Struct):
    """One run. rows: as measured, one for each set of data; hub_beside: None where Splink was not asked."""

    people: int
    quick: bool
    machine: dict[str, Any]
    rows: list[dict[str, Any]] = []
    curve: list[dict[str, float]] = []
    speed: list[Speed] = []
    splink: list[Beside] = []
    hub_beside: Side | None = None

    @property
    def times(self) -> float | None:
        """How many times Splink's rate the hub's is, on the same mentions in the same run."""
        asked = next((beside for beside in self.splink if beside.how == "predict_between"), None)
        if asked is None or self.hub_beside is None:
            return None
        return round(self.hub_beside.records_per_second / asked.records_per_second, 1)

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON object."""
        return {
            "people": self.people,
            "quick": self.quick,
            "rows": self.rows,
            "curve": self.curve,
            "speed": {str(one.batch): msgspec.to_builtins(one) for one in self.speed},
            "splink": {beside.data: self._beside(beside) for beside in self.splink},
            "goals": msgspec.to_builtins(GOALS),
            "machine": self.machine,
        }

    def _beside(self, beside: Beside) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(beside)
        if beside.how != "predict_between":
            return found
        return found | {"hub": msgspec.to_builtins(self.hub_beside), "times": self.times}


def machine() -> dict[str, Any]:
    """What the figures hold for."""
    return {
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.system(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "load_before": round(psutil.getloadavg()[0], 2),
        "versions": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def show(report: Report) -> None:
    """The tables for people, on stdout."""
    console = Console()
    console.width = max(console.width, WIDTH)  # a file has no width, and a broken figure is none
    if report.rows:
        console.print(_quality(report))
        for row in report.rows:
            for judged in _judged(row):
                console.print(f"{row['data']}: {judged}", highlight=False)
    if report.speed:
        console.print(_speed(report))
    if report.splink:
        console.print(_splink(report))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _quality(report: Report) -> Table:
    title = "Identity, measured" + (" (quick)" if report.quick else "")
    table = _table(title, "data", *(name.replace("_", " ") for name in QUALITY), "records/s")
    for row in report.rows:
        cells = (f"{row[name]:,}" if name == "order_changes" else f"{row[name]:.5f}" for name in QUALITY)
        table.add_row(row["data"], *cells, f"{row['records_per_second']:,.0f}")
    return table


def _judged(row: Mapping[str, Any]) -> Iterator[str]:
    """Each goal of a row, and whether it was met."""
    for name, goal in GOALS.get(row["data"], {}).items():
        met = row[name] <= goal if name in AT_MOST else row[name] >= goal
        yield f"{name.replace('_', ' ')} {'≤' if name in AT_MOST else '≥'} {goal:g} {'met' if met else 'MISSED'}"


def _speed(report: Report) -> Table:
    columns = (
        "batch",
        "records/s",
        "min – max",
        "with everything",
        "reading µs",
        "deciding µs",
        "others' cores",
        "goal",
    )
    table = _table(f"Matcher with PostgreSQL candidates, register of {report.people:,} people", *columns)
    for one in report.speed:
        goal = GOALS["speed"].get(str(one.batch), 0.0)
        table.add_row(
            f"{one.batch:,}",
            f"{one.rate.median:,.0f}",
            f"{one.rate.min:,.0f} – {one.rate.max:,.0f}",
            f"{one.whole.median:,.0f}",
            f"{one.reading_us:.0f}",
            f"{one.deciding_us:.0f}",
            f"{one.others_cores:.1f}",
            f"≥ {goal:,.0f} {'met' if one.rate.median >= goal else 'MISSED'}",
        )
    return table


def _splink(report: Report) -> Table:
    table = _table(
        "Splink 5 on the same data, at the threshold that suits it best",
        "data",
        "f1",
        f"recall at precision ≥ {SURE}",
        "records/s",
        "hub is",
    )
    for beside in report.splink:
        times = f"{report.times} ×" if beside.how == "predict_between" else ""
        cells = (f"{beside.f1:.5f}", f"{beside.sure_recall:.5f}", f"{beside.records_per_second:,.0f}")
        table.add_row(f"{beside.data} ({beside.how})", *cells, times)
    if report.hub_beside is not None:
        side = report.hub_beside
        recall = f"{side.recall:.5f}" if side.precision >= SURE else f"{side.recall:.5f} at {side.precision:.5f}"
        table.add_row("the hub, same mentions", f"{side.f1:.5f}", recall, f"{side.records_per_second:,.0f}", "")
    return table
