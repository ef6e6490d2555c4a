"""`hub directory`: what a worker reads of a listing, and that paging ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import pytest
from typer.testing import CliRunner

from hub.cli import directory

SAMPLES = Path(__file__).parents[1] / "samples" / "hsds"
ROW = {"name": "복지관", "agency": "sangbong", "services": 1, "locations": 1, "dongs": ["평거동"], "modified": ""}


class Told:
    """The API: three listings, two a page."""

    def __init__(self, *_: object) -> None:
        self.rows = [ROW | {"listing": f"l-{n}", "position": n, "flags": ["goes_back"] * (n == 2)} for n in (1, 2, 3)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, path: str, after: int = 0, limit: int = 0) -> dict[str, Any]:
        if path != "/v1/directory":
            organization = json.loads((SAMPLES / "organization-full.json").read_text("utf-8"))
            return self.rows[0] | {"organization": organization}
        assert limit
        found = [row for row in self.rows if row["position"] > after][:2]
        return {"listings": found, "next": found[-1]["position"] if found else after}


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "Asking", Told)


def typed(*words: str) -> str:
    done = CliRunner().invoke(directory.group, list(words))
    assert done.exit_code == 0, done.output
    return done.output


def test_every_page_is_listed_and_filters_hold() -> None:
    assert [row["listing"] for row in json.loads(typed("list", "--json"))] == ["l-1", "l-2", "l-3"]
    assert [row["listing"] for row in json.loads(typed("list", "--flagged", "--json"))] == ["l-2"]
    assert json.loads(typed("list", "--dong", "상봉동", "--json")) == []
    assert len(json.loads(typed("list", "--limit", "2", "--json"))) == 2
    assert "평거동" in typed("list")


def test_a_worker_reads_whom_it_is_for_how_much_is_free_when_and_where() -> None:
    shown = typed("show", "l-1")
    for words in (
        "밑반찬 배달",
        "65세 이상",
        "(65-120)",
        "4 of 40 가구",
        "평거동, 신안동",
        "MO,TU",
        "평거로 88",
        "055-741-0001",
    ):
        assert words in shown
    assert "한가람" not in shown
