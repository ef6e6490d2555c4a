"""XLS made to exhaust memory or to break a reader: each is read or refused with a reason, in a bounded room."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.reading import Broken, Sender, placed
from connectors.reading_workbook import PACKED_LIMIT
from tests.connectors import xls
from tests.connectors.mutating import cut, double, flip, insert, mutating, resident
from tests.connectors.test_reading import HEADER
from tests.connectors.test_reading_xls import GOOD, TITLES, VALUES

ROOT = Path(__file__).parents[2]
SENDER = Sender("lh", b"k" * 32, "2026-11-22T03:00:00Z")
GROWTH = 64 * 1024 * 1024
ROWS = range(1, 65_536)
PROGRAM = (
    "import sys; from pathlib import Path; from connectors.reading import Broken, Sender, placed; "
    "told = [isinstance(p.item, Broken) for p in placed(Path(sys.argv[1]), Sender('lh', b'k' * 32, ''))]; "
    "peak = Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]; "
    "print(told.count(False), told.count(True), peak)"
)


def peak(path: Path) -> tuple[int, int, int]:
    """Rows taken, places refused, kilobytes at most, of a process that reads nothing else."""
    assert path.stat().st_size <= PACKED_LIMIT
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    taken, refused, kilobytes = map(int, done.stdout.split())
    return taken, refused, kilobytes


def corners() -> bytes:
    return xls.stream({f"{n}": TITLES + xls.small(65_535, 255, 6) for n in range(20)}, HEADER)


def one_long_text() -> bytes:
    cells = b"".join(xls.shared(row, 4, 4) for row in ROWS)
    return xls.stream({"명부": TITLES + cells}, [*HEADER, "가" * 60_000])


def many_texts() -> bytes:
    head = struct.pack("<II", 10_000_000, 10_000_000) + xls.spelled("")
    further = xls.record(0x3C, xls.spelled("") * 2741) * 3800
    return xls.stream({"명부": TITLES}, table=xls.record(0xFC, head) + further)


def dense() -> bytes:
    titles = b"".join(xls.shared(0, column, column) for column in range(84))
    cells = b"".join(xls.many(row, 0, [6] * 84) for row in ROWS[:60_000])
    return xls.stream({"명부": titles + cells}, [f"제목 {n}가" for n in range(84)])


def backwards() -> bytes:
    return xls.stream({"명부": TITLES + b"".join(xls.small(row, 0, 6) for row in reversed(ROWS)) * 34}, HEADER)


def formats() -> bytes:
    return xls.stream({"명부": TITLES}, HEADER, xls.record(0x41E, struct.pack("<HHB", 164, 0, 0)) * 3_000_000)


def merges() -> bytes:
    each = (xls.merged(*((n + k, 65_535, k % 256, 0) for k in range(1000))) for n in range(3900))
    return xls.stream({"명부": TITLES + b"".join(each)}, HEADER)


@pytest.mark.slow
@pytest.mark.parametrize("made", [corners, one_long_text, many_texts, dense, backwards, formats, merges])
def test_no_workbook_fills_memory(tmp_path: Path, made: Callable[[], bytes]) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(xls.packed(made()))
    assert peak(path)[2] < 130_000, "kilobytes"


@pytest.mark.slow
def test_a_full_sheet_of_twenty_columns_is_read(tmp_path: Path) -> None:
    values = [f"제목 {n}가" for n in range(20)]
    cells = [xls.shared(0, n, n) for n in range(20)]
    for row in ROWS:
        cells += (xls.shared(row, n, len(values) + n) for n in range(8))
        cells += (xls.shared(row, n, row % 20) for n in range(8, 14))
        cells += (xls.number(row, n, row + n / 2) for n in range(14, 20))
        values += [f"박순자 {row}-{n}" for n in range(8)]
    path = tmp_path / "a.xls"
    path.write_bytes(xls.packed(xls.stream({"명부": b"".join(cells)}, values)))
    taken, refused, kilobytes = peak(path)
    assert (taken, refused) == (65_535, 0)
    assert kilobytes < 100_000


# ------------------------------------------------------------------ damaged by chance
def whole() -> bytes:
    """A workbook with every kind of cell, a text in two pieces and two sheets."""
    cells = (
        *(xls.number(1, 0, 1.5, 1), xls.small(1, 1, 7), xls.many(1, 2, [2, 6]), xls.truth(1, 4, 1)),
        *(xls.formula(2, 0, xls.calculated(0)), xls.saved("가"), xls.text(2, 1, "박"), xls.text(2, 2, "b", 0xD6)),
        *(
            xls.formula(3, 0, xls.calculated(2, 7)),
            xls.formula(3, 1, struct.pack("<d", 2)),
            xls.formula(4, 1, b"\0" * 8),
        ),
    )
    before = xls.record(0x42, b"\xb0\x04") + xls.record(0x41E, struct.pack("<H", 164) + xls.spelled("yyyy-mm-dd"))
    before += b"".join(xls.record(0xE0, struct.pack("<HH", 0, look).ljust(20, b"\0")) for look in (0, 164))
    sheet = TITLES + b"".join(cells) + GOOD + xls.merged((1, 4, 0, 0))
    return xls.stream({"명부": sheet, "다른": TITLES + GOOD}, table=xls.texts(VALUES, 24), before=before)


#: What breaks readers of records: their kinds, lengths that are none, ends of chains.
MARKS = (
    *(
        struct.pack("<HH", kind, size)
        for kind in (6, 0xFC, 0x3C, 0x809, 0x0A, 0xBD, 0xE5, 0x85)
        for size in (0, 8, 8224)
    ),
    *(b"\xff\xff\xff\xff", b"\xfe\xff\xff\xff", b"\0\0\0\0", b"\xff\xff", b"\0", b"\x7f" * 8),
)
damaged = mutating((flip, flip, cut, double, insert(MARKS)), 100_000)


def overwritten(dice: random.Random, octets: bytes) -> bytes:
    """The same length, so that what stands behind stays where it is said to be."""
    held = bytearray(octets)
    for _ in range(dice.randrange(1, 6)):
        mark = dice.choice(MARKS)
        at = dice.randrange(len(held) - len(mark))
        held[at : at + len(mark)] = mark
    return bytes(held)


def fuzz(folder: Path, count: int, seed: int) -> tuple[int, int]:
    """So many damaged workbooks: those that gave a row, those that gave none. A good one behind each hundred."""
    dice = random.Random(seed)  # noqa: S311 - the same files each time
    good, stream = xls.packed(whole()), whole()
    path, taken, start = folder / "a.xls", 0, 0
    path.write_bytes(good)
    expected = [p.item for p in placed(path, SENDER)]
    assert sum(isinstance(item, dict) for item in expected) >= 4
    for number in range(count):
        how = dice.choice((damaged, overwritten))
        packed = xls.packed(how(dice, stream)) if dice.random() < 0.7 else how(dice, good)
        path.write_bytes(good[:4] + packed[4:])  # what is no workbook at all is another test
        found = [p.item for p in placed(path, SENDER)]
        assert all(item.reason for item in found if isinstance(item, Broken))
        taken += any(isinstance(item, dict) for item in found)
        if number % 100 == 99:
            path.write_bytes(good)
            assert [p.item for p in placed(path, SENDER)] == expected
            start = start or resident()
    assert resident() - start < GROWTH
    return taken, count - taken


def test_three_hundred_damaged_workbooks_are_answered(tmp_path: Path) -> None:
    taken, refused = fuzz(tmp_path, 300, 1)
    assert taken > 30
    assert refused > 30


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_ten_thousand_damaged_workbooks_are_answered(tmp_path: Path) -> None:
    taken, refused = fuzz(tmp_path, 10_000, 2)
    assert taken + refused == 10_000
