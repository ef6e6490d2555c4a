"""`hub bench --quick --json`: one run gives every row, in one JSON value. Never looks at a time: machines differ."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]
ROWS = ("hub", "hub_1", "hub_2", "usual_handler", "ceiling", "ceiling_1", "ceiling_2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    program = str(Path(sys.executable).with_name("hub"))
    run = subprocess.run(
        [program, "bench", "--quick", "--json", "--out", str(folder)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_a_rate_with_its_spread(report: dict[str, Any], row: str) -> None:
    rate = report["rates"][row]
    assert 0 < rate["min"] <= rate["median"] <= rate["max"]
    assert len(rate["rounds"]) >= 3


def test_ratios_are_those_of_the_medians(report: dict[str, Any]) -> None:
    hub = report["rates"]["hub"]["median"]
    for row in ("usual_handler", "ceiling"):
        assert report["ratios"][row] == pytest.approx(hub / report["rates"][row]["median"], abs=0.001)


def test_the_hub_is_the_better_of_one_and_two_workers(report: dict[str, Any]) -> None:
    medians = {n: report["rates"][f"hub_{n}"]["median"] for n in (1, 2)}
    assert report["rates"]["hub"]["median"] == max(medians.values()) == medians[report["workers"]]


def test_latency_was_measured_for_nearly_every_message_offered(report: dict[str, Any]) -> None:
    latency = report["latency"]
    assert 0 < latency["p50_ms"] <= latency["p90_ms"] <= latency["p99_ms"] <= latency["max_ms"]
    assert latency["messages"] > 9_000  # ten thousand were offered; repeats have no entries of their own


def test_memory_was_sampled_over_the_whole_run(report: dict[str, Any]) -> None:
    memory = report["memory"]
    assert memory["messages"] > 1_000
    assert 0 < memory["first_third_mb"] <= memory["max_mb"]


def test_what_the_ceiling_writes_is_what_the_hub_wrote(report: dict[str, Any]) -> None:
    each = report["bytes_per_message"]
    assert each["tables"] > each["raw"] > 0
    assert each["wal"] > 0


@pytest.mark.parametrize("field", ["under_lock_us", "costs_us", "machine", "versions", "noise", "goals"])
def test_what_a_reader_needs_to_judge_the_figures_is_there(report: dict[str, Any], field: str) -> None:
    assert report[field]


@pytest.mark.parametrize("name", ["bench.json", "bench.png", "bench.svg"])
def test_the_report_and_its_picture_are_written(report: dict[str, Any], folder: Path, name: str) -> None:
    assert report
    assert (folder / name).stat().st_size > 1_000
