"""A file is read in parts that are small to hold, however large its rows are."""

from __future__ import annotations

from pathlib import Path

from connectors.files.slices import BYTES, ROWS, slices
from connectors.reading import Broken, Placed, Sender, placed
from connectors.spool import HEAD_BYTES, Spool
from hub.schemas.envelope import RAW_LIMIT
from tests.connectors.files.dropping import row, table

LARGE = 60


def large(path: Path) -> list[Placed]:
    """Rows whose messages are just below what the hub takes."""
    header = [f"칸{number}" for number in range(100)]
    rows = [[f"LH-{number}", *["x" * 10_000] * 99] for number in range(LARGE)]
    path.write_bytes(b"\n".join(",".join(line).encode() for line in (header, *rows)))
    found = list(placed(path, Sender("lh", b"k" * 32, "2026-11-22T03:00:00Z")))
    assert all(0.9 * RAW_LIMIT < one.size <= RAW_LIMIT for one in found)
    return found


def test_large_rows_are_few_in_a_part_and_all_of_them_come(tmp_path: Path) -> None:
    found = large(tmp_path / "a.csv")
    parts = list(slices(found))
    assert [one for part in parts for one in part] == found
    assert {len(part) for part in parts} == {BYTES // RAW_LIMIT + 1}
    assert max(sum(one.size for one in part) for part in parts) < BYTES + RAW_LIMIT


def test_small_rows_are_five_hundred_and_the_unreadable_count(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(table([["only one"] if number % 2 else row(number) for number in range(2 * ROWS + 3)]))
    parts = list(slices(placed(path, Sender("lh", b"k" * 32, ""))))
    assert [len(part) for part in parts] == [ROWS, ROWS, 3]
    assert sum(isinstance(one.item, Broken) for part in parts for one in part) == ROWS + 1
    assert list(slices([])) == []


def test_what_goes_up_at_once_is_bounded_too(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    events = [one.item for one in large(tmp_path / "a.csv") if not isinstance(one.item, Broken)]
    spool.put(events)
    waiting = spool.head(500)
    assert [one.event for one in waiting] == events[: len(waiting)]
    assert len(waiting) == HEAD_BYTES // RAW_LIMIT + 1
    spool.close()
