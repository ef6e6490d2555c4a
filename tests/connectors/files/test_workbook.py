"""A report's workbook: sheets by the names a spreadsheet takes, and nothing left behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import openpyxl
import pytest

from connectors.files.workbook import Book

NAMES = ("명부: 1/2", "명부? 1*2", "'가'", "x" * 40, "X" * 40, "")


def test_sheets_whose_names_become_one_are_kept_apart(tmp_path: Path) -> None:
    with Book(tmp_path / "a.xlsx") as book:
        for name in NAMES:
            book.add(name, ["성명", "상태"], ["박순자"], [name], bad=False, mend=frozenset())
        book.save()
    read = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert len(set(read.sheetnames)) == len(NAMES)
    assert [sheet["B2"].value or "" for sheet in read.worksheets] == list(NAMES)


def begun(target: Path, *, fails: bool) -> None:
    with Book(target) as book:
        for number in range(1000):
            book.add("a", ["성명"], [f"{number}"], [], bad=False, mend=frozenset())
        if fails:
            raise OSError("full")
        book.save()


def test_a_workbook_that_is_not_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(OSError, match="full"):
        begun(tmp_path / "a.xlsx", fails=True)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told_as_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        begun(tmp_path / "nowhere" / "a.xlsx", fails=False)
