"""Results on stdout, progress on stderr; columns are aligned where Hangul takes two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.cli import main
from hub.cli.output import Progress, table, width


def test_hangul_takes_two_columns() -> None:
    assert [width(t) for t in ("abc", "서류", "가a")] == [3, 4, 3]


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    lines = table([("서류", "x"), ("a", "y")], ("h", "i")).splitlines()
    assert lines == ["h     i", "서류  x", "a     y"]


def test_a_table_of_nothing_is_nothing() -> None:
    assert table([]) == ""


def test_progress_ends_with_one_plain_line_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("sent", 10) as progress:
        progress.advance(4)
        progress.advance(6)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("sent: 10 of 10, ")
    assert printed.err.count("\n") == 1
    assert "\r" not in printed.err


def test_json_is_one_object_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, truth = tmp_path / "town.jsonl", tmp_path / "truth.csv"
    words = ["simulate", "--people", "100", "--referrals", "30", "--out", str(out), "--truth", str(truth), "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["messages"] == 30
    assert len(out.read_text(encoding="utf-8").splitlines()) == 30
    assert len(truth.read_text(encoding="utf-8").splitlines()) == 31


def test_the_same_seed_writes_the_same_messages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = []
    for name in ("a", "b"):
        main(["simulate", "--people", "100", "--referrals", "20", "--seed", "5", "--out", str(tmp_path / name)])
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    capsys.readouterr()


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "town.jsonl"
    assert main(["simulate", "--referrals", "10", "--out", str(out), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["messages"] == 10
    assert not out.exists()
