"""The page for hospitals' developers against the tables of the code."""

from __future__ import annotations

import re
from pathlib import Path

from hub.web.fhir.tasks import ASKS, TABLE

PAGE = (Path(__file__).parents[3] / "docs" / "fhir.md").read_text(encoding="utf-8")


def rows(first: str) -> list[list[str]]:
    """The cells below the header that begins so."""
    behind = PAGE.split(f"| {first}", 1)[1].splitlines()[2:]
    found = []
    for line in behind:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def test_the_page_tells_each_state_as_the_code_does() -> None:
    told = [(state.strip("`"), *rest) for state, *rest in rows("state (")]
    assert told == [(row.state, row.source, row.receiver, row.text) for row in TABLE.values()]


def test_the_page_tells_each_change_as_the_code_does() -> None:
    assert dict(rows("Task.status | change")) == ASKS


def test_the_statuses_the_page_tells_are_those_of_the_code() -> None:
    told = {int(n) for cell, _ in rows("status | when") for n in re.findall(r"\d+", cell)}
    assert told == {400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 429, 503}
