"""CSV as programs and people write it: no row is lost without a word, and each keeps its number."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from connectors.reading import Broken
from tests.connectors.test_reading import HEADER, events, good

FIRST, LAST = "SB-1,박순자,식품,2026-11-18", "SB-9,이말순,식품,2026-11-18"
BETWEEN = [f"SB-{number},김영희,식품,2026-11-18" for number in range(3, 9)]


def told(folder: Path, text: str | bytes) -> list[tuple[int, str]]:
    """What a file comes to: row and the first cell, or row and why not."""
    path = folder / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [
        (e.row, e.reason) if isinstance(e, Broken) else (e["data"]["row"], e["data"]["cells"][0]) for e in events(path)
    ]


def lines(*rows: str) -> str:
    return "\r\n".join([",".join(HEADER), *rows, ""])


@pytest.mark.parametrize(
    "ends",
    [
        pytest.param([], id="at the end of the file"),
        pytest.param(['SB-10,"박, 순자",식품,2026-11-18'], id="at the next quotation mark"),
    ],
)
def test_a_quotation_mark_that_is_never_closed_costs_its_own_row_alone(tmp_path: Path, ends: list[str]) -> None:
    """Or a remark would hold other people, and nobody would miss them."""
    found = told(tmp_path, lines(FIRST, 'SB-2,"김철수,식품,2026-11-18', *BETWEEN, LAST, *ends))
    assert [(row, cell[:10]) for row, cell in found] == [
        (2, "SB-1"),
        (3, "no CSV here"[:10]),
        *((number, f"SB-{number - 1}") for number in range(4, 11)),
        *[(11, "SB-10")] * len(ends),
    ]


def test_a_quotation_mark_in_the_middle_is_a_letter(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(lines('SB-1,"행복"요양원,식품,2026-11-18', 'SB-2,김"철"수,식품,2026-11-18'))
    assert [event["data"]["cells"][1] for event in good(path)] == ["행복요양원", '김"철"수']


def test_a_row_is_counted_once_however_many_lines_its_cells_have(tmp_path: Path) -> None:
    """As the spreadsheet shows it that the clerk has open."""
    assert told(tmp_path, lines('SB-1,"박\r\n순\r\n자",식품,2026-11-18', "", LAST)) == [(2, "SB-1"), (4, "SB-9")]


def test_a_line_that_is_too_long_is_told_inside_quotation_marks_too(tmp_path: Path) -> None:
    found = told(tmp_path, lines('SB-1,"박\r\n' + "x" * 3_000_000 + '\r\n자",식품,2026-11-18', LAST))
    assert [row for row, _ in found] == [2, 3]
    assert "longer than" in found[0][1]


def test_rows_that_each_swallow_the_rest_end_soon(tmp_path: Path) -> None:
    began = time.process_time()
    found = told(tmp_path, lines(FIRST, *['a","c'] * 200_000))
    assert time.process_time() - began < 10
    assert found[-1][1].startswith("no CSV here from this row on")


@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_a_title_without_columns_says_nothing_of_how_cells_are_separated(tmp_path: Path, mark: str) -> None:
    rows = [",".join(HEADER), FIRST]
    text = "\n".join(["의뢰대장; 2026년, 11월\t", "", *(row.replace(",", mark) for row in rows)])
    assert told(tmp_path, text) == [(4, "SB-1")]


def test_a_damaged_byte_in_a_file_marked_as_utf_8_costs_its_row_alone(tmp_path: Path) -> None:
    raw = b"\xef\xbb\xbf" + lines(FIRST, "SB-2,박순자,식품,2026-11-18", LAST).encode()
    found = told(tmp_path, raw.replace("SB-2,박".encode(), b"SB-2,\xeb\xb0"))
    assert [(row, cell[:5]) for row, cell in found] == [(2, "SB-1"), (3, "bytes"), (4, "SB-9")]


def test_two_columns_of_one_title_are_a_header(tmp_path: Path) -> None:
    """Or the first row without a number in it would be taken for one, and lost."""
    header = "의뢰번호,성명,전화번호,전화번호,욕구"
    found = told(tmp_path, f"의뢰,의뢰,의뢰,인적,인적\n{header}\nSB-1,박순자,010-1234-5678,,식품\nSB-2,김철수,,,식품\n")
    assert found == [(3, "SB-1"), (4, "SB-2")]


def test_a_header_alone_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, lines()) == [(0, "no row below the header")]
