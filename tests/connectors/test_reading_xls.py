"""XLS as programs write it: cell by cell what another reader finds, and nothing held that is not in the file."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from connectors.reading import Broken, Placed, Sender, placed
from connectors.reading_rows import text_of
from connectors.reading_workbook import Unusable, sheets
from connectors.reading_xls import SHEETS
from tests.connectors import xls
from tests.connectors.test_reading import HEADER, ROW, broken

VALUES = [*HEADER, *ROW]
TITLES = b"".join(xls.shared(0, column, column) for column in range(4))
GOOD = b"".join(xls.shared(5, column, 4 + column) for column in range(4))
UNUSABLE = "not a readable workbook: save it as XLSX, without a password"
#: A text, a day and a row of the same kind, as the second row; its second column is what a test is about.
ASIDE = xls.shared(1, 2, 6) + xls.shared(1, 3, 7)


def saved(path: Path, *, sheet: bytes, before: bytes = b"", values: Sequence[str] = VALUES) -> Path:
    path.write_bytes(xls.packed(xls.stream({"명부": sheet}, values, before)))
    return path


def rows(path: Path) -> dict[int, list[str]]:
    return {row.number: row.cells for _, held in sheets(path) for row in held}


def found(path: Path) -> list[Placed]:
    return list(placed(path, Sender("lh", b"k" * 32, "2026-11-22T03:00:00Z")))


def second(path: Path, cell: bytes) -> list[Placed]:
    """What is found where this is the second column of the second row, and a good row comes behind it."""
    return found(saved(path, sheet=TITLES + xls.shared(1, 0, 4) + cell + ASIDE + GOOD))


# ------------------------------------------------------------------ cells
def test_cells_are_what_another_reader_finds(tmp_path: Path) -> None:
    draw = random.Random(7)  # noqa: S311 - the same cells each time
    codes = ["yyyy-mm-dd", 'yyyy"년" m"월"', '#,##0"d"', "0.00"]
    before = b"".join(xls.record(0x41E, struct.pack("<H", 164 + n) + xls.spelled(c)) for n, c in enumerate(codes))
    looks = [0, 14, 22, 164, 165, 166, 167]
    before += b"".join(xls.record(0xE0, struct.pack("<HH", 0, look).ljust(20, b"\0")) for look in looks)
    values = ["".join(draw.choices("가나다 abé€\n", k=draw.randrange(1, 3000))) for _ in range(60)]
    cells = b""
    for row in range(400):
        cells += xls.shared(row, 0, draw.randrange(60))
        cells += xls.number(row, 1, draw.choice([0, 7, -3, 0.1, 1e-9, 123456789012, -0.5]))
        cells += xls.small(row, 2, draw.choice([0x3FF00000, 0x3FF00001, 2, 0xFFFFFFFE, 0x80000002, 0x7FFFFFFF, 11]))
        cells += xls.many(row, 3, [draw.randrange(0, 1 << 20) << 2 | 2 for _ in range(3)], draw.choice([0, 6]))
        cells += xls.number(row, 6, 61 + draw.randrange(50_000 * 8) / 8, draw.randrange(1, 6))
        cells += xls.truth(row, 7, draw.randrange(2))
        cells += xls.text(row, 8, draw.choice(["박순자", "plain", ""]), draw.choice([0x204, 0xD6]))
        cells += xls.formula(row, 9, struct.pack("<d", row / 4))
    path = saved(tmp_path / "a.xls", sheet=cells, before=before, values=values)
    ours = rows(path)
    theirs = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)
    assert len(theirs) == 400
    for number, one in enumerate(theirs, 1):
        assert ours[number] == [text_of(cell) for cell in one], number


def test_a_day_is_a_day_and_its_hour_is_told(tmp_path: Path) -> None:
    before = b"".join(xls.record(0xE0, struct.pack("<HH", 0, look).ljust(20, b"\0")) for look in (0, 14, 22))
    at = datetime(2026, 11, 18) - datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook knows no zone
    cells = xls.number(1, 0, at.days, 1) + xls.number(1, 1, (at + timedelta(hours=6)) / timedelta(days=1), 2)
    assert rows(saved(tmp_path / "a.xls", sheet=cells, before=before))[2] == ["2026-11-18", "2026-11-18 06:00:00"]
    before = xls.record(0x22, b"\1\0") + before
    assert rows(saved(tmp_path / "a.xls", sheet=cells, before=before))[2][0] == "2030-11-19", "counted from 1904"


@pytest.mark.parametrize("room", [12, 13, 40, 8224])
def test_texts_go_on_in_further_records(tmp_path: Path, room: int) -> None:
    values = ["의뢰번호가 길다", "plain and long enough", "", "é" * 50, "가" * 50, "끝"]
    cells = b"".join(xls.shared(0, n, n) for n in range(6))
    (tmp_path / "a.xls").write_bytes(xls.packed(xls.stream({"명부": cells}, table=xls.texts(values, room))))
    assert rows(tmp_path / "a.xls") == {1: values}


def test_what_is_said_of_a_texts_looks_and_sound_is_not_the_text(tmp_path: Path) -> None:
    said = struct.pack("<HBHI", 2, 13, 1, 6) + "이음".encode("utf-16-le") + b"\xff" * 10
    table = xls.record(0xFC, struct.pack("<II", 2, 2) + said[:15]) + xls.record(0x3C, said[15:] + xls.spelled("b"))
    cells = xls.shared(0, 0, 0) + xls.shared(0, 1, 1)
    (tmp_path / "a.xls").write_bytes(xls.packed(xls.stream({"명부": cells}, table=table)))
    assert rows(tmp_path / "a.xls") == {1: ["이음", "b"]}


def test_a_cell_that_is_merged_over_rows_stands_in_each(tmp_path: Path) -> None:
    cells = xls.shared(0, 0, 5) + xls.shared(0, 1, 6) + xls.shared(2, 1, 7) + xls.merged((0, 2, 0, 0), (0, 0, 1, 3))
    path = saved(tmp_path / "a.xls", sheet=cells)
    assert rows(path) == {1: ["박순자", "식품"], 2: ["박순자"], 3: ["박순자", "2026-11-18"]}


def test_rows_come_in_order_though_formulas_were_written_behind_the_others(tmp_path: Path) -> None:
    late = [xls.formula(row, 1, xls.calculated(0)) + xls.saved(f"saved {row}") for row in (0, 1, 2)]
    cells = b"".join(xls.number(row, 0, row) for row in (0, 1, 2)) + b"".join(late)
    assert rows(saved(tmp_path / "a.xls", sheet=cells)) == {n + 1: [str(n), f"saved {n}"] for n in range(3)}


def test_the_numbers_of_a_chart_on_the_sheet_are_no_cells(tmp_path: Path) -> None:
    chart = xls.record(0x809, struct.pack("<HHHHII", 0x600, 0x20, 0, 0, 0, 6)) + xls.number(0, 0, 99) + xls.ENDS
    path = saved(tmp_path / "a.xls", sheet=xls.shared(0, 0, 5) + chart + xls.merged((0, 1, 0, 0)) + xls.number(1, 1, 1))
    assert rows(path) == {1: ["박순자"], 2: ["박순자", "1"]}


@pytest.mark.parametrize(("state", "kind"), [(1, 0), (2, 0), (0, 2)], ids=["hidden", "well hidden", "a chart"])
def test_what_is_no_visible_worksheet_is_not_read(tmp_path: Path, state: int, kind: int) -> None:
    octets = bytearray(xls.stream({"명부": TITLES + GOOD, "다른": TITLES + GOOD}, VALUES))
    at = octets.index("다른".encode("utf-16-le")) - 4
    octets[at : at + 2] = bytes([state, kind])
    (tmp_path / "a.xls").write_bytes(xls.packed(bytes(octets)))
    assert [name for name, _ in sheets(tmp_path / "a.xls")] == ["명부"]


def test_an_old_workbook_is_read_in_its_charset(tmp_path: Path) -> None:
    def old(kind: int, head: bytes, text: str) -> bytes:
        octets = text.encode("cp949")
        return xls.record(kind, head + struct.pack("<H", len(octets)) + octets)

    cells = [old(0x204, struct.pack("<HHH", row, n, 0), text) for row, n, text in
             [(0, n, t) for n, t in enumerate(HEADER)] + [(1, n, t) for n, t in enumerate(ROW)]]  # fmt: skip
    begins = xls.record(0x809, struct.pack("<HHHH", 0x500, 5, 0, 0)) + xls.record(0x42, struct.pack("<H", 949))
    name = "명부".encode("cp949")
    at = len(begins) + 4 + 7 + len(name) + 4
    place = xls.record(0x85, struct.pack("<IBBB", at, 0, 0, len(name)) + name)
    sheet = xls.record(0x809, struct.pack("<HHHH", 0x500, 0x10, 0, 0)) + b"".join(cells) + xls.ENDS
    (tmp_path / "a.xls").write_bytes(xls.packed(begins + place + xls.ENDS + sheet, "Book"))
    (one,) = found(tmp_path / "a.xls")
    assert isinstance(one.item, dict)
    assert (one.sheet, one.item["data"]["header"], one.item["data"]["cells"]) == ("명부", HEADER, ROW)


def test_a_workbook_too_short_for_sectors_of_its_own_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(xls.short(xls.stream({"명부": TITLES + GOOD}, VALUES)))
    assert rows(tmp_path / "a.xls") == {1: HEADER, 6: ROW}


# ------------------------------------------------------------------ formulas, and cells without a value
@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (xls.formula(1, 1, xls.calculated(0)) + xls.saved("박순자"), "박순자"),
        (xls.formula(1, 1, xls.calculated(0)) + xls.record(0x4BC, b"\0" * 10) + xls.saved("가"), "가"),
        (xls.formula(1, 1, struct.pack("<d", 2)), "2"),
        (xls.formula(1, 1, struct.pack("<d", 2), 0x406), "2"),
        (xls.formula(1, 1, xls.calculated(1, 1)), "Y"),
        (xls.formula(1, 1, xls.calculated(3)), ""),
    ],
)
def test_a_formula_counts_as_its_saved_value_and_is_told(tmp_path: Path, cell: bytes, text: str) -> None:
    one, two = second(tmp_path / "a.xls", cell)
    assert isinstance(one.item, dict)
    assert one.item["data"]["cells"][1] == text
    assert one.notes == ("a formula in column B, read as the value saved with it",)
    assert two.notes == ()


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (xls.formula(1, 1, xls.calculated(0)), "a formula without a saved value in column B"),
        (xls.formula(1, 1, xls.calculated(2, 0x17)), "an error instead of a value in column B"),
        (xls.truth(1, 1, 0x2A, is_error=True), "an error instead of a value in column B"),
        (xls.truth(1, 1, 9), "a value that cannot be read in column B"),
        (xls.number(1, 1, float("nan")), "a value that cannot be read in column B"),
        (xls.shared(1, 1, 8), "a value that cannot be read in column B"),
        (xls.shared(1, 1, 0xFFFFFFFF), "a value that cannot be read in column B"),
        (xls.record(0x204, struct.pack("<HHHHBH", 1, 1, 0, 1, 1, 0xD800)), "a value that cannot be read in column B"),
        (xls.record(0x204, struct.pack("<HHHHB", 1, 1, 0, 99, 0)), "a value that cannot be read in column B"),
    ],
)
def test_a_cell_without_a_value_refuses_its_row_alone(tmp_path: Path, cell: bytes, reason: str) -> None:
    one, two = second(tmp_path / "a.xls", cell)
    assert isinstance(one.item, Broken)
    assert (one.item.row, one.item.reason) == (2, reason)
    assert isinstance(two.item, dict)


# ------------------------------------------------------------------ what is not read
def refused(path: Path) -> str:
    (one,) = broken(path)
    return one.reason


@pytest.mark.parametrize(
    "sheet",
    [TITLES + b"\x03\x02\xff\xff", xls.record(0xFD, b"\0" * 4), xls.record(0x809, b"\0" * 16)],
    ids=["a record without an end", "a cell that is cut", "a part without an end"],
)
def test_a_damaged_sheet_is_refused_before_any_row_of_it(tmp_path: Path, sheet: bytes) -> None:
    assert refused(saved(tmp_path / "a.xls", sheet=TITLES + GOOD + sheet)) == UNUSABLE


def test_a_workbook_with_a_password_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.xls", sheet=TITLES + GOOD, before=xls.record(0x2F, b"\1\0"))
    assert refused(path) == UNUSABLE


@pytest.mark.parametrize(
    ("at", "value"),
    [(512 + 9 * 512 + 4 * 3, 1), (512 + 9 * 512 + 4 * 8, 8), (512 + 9 * 512 + 4 * 3, 1 << 30), (48, 7), (48, 1 << 31)],
    ids=["the stream goes round", "the directory goes round", "a sector that is not there", "no directory", "far away"],
)
def test_a_chain_that_leads_nowhere_is_refused(tmp_path: Path, at: int, value: int) -> None:
    octets = bytearray(xls.packed(xls.stream({"명부": TITLES + GOOD}, VALUES)))
    struct.pack_into("<I", octets, at, value)
    (tmp_path / "a.xls").write_bytes(octets)
    assert refused(tmp_path / "a.xls") == UNUSABLE


def test_sheets_that_lie_in_one_another_are_refused(tmp_path: Path) -> None:
    octets = bytearray(xls.stream({"명부": TITLES + GOOD, "다른": TITLES + GOOD}, VALUES))
    first, other = (octets.index(name.encode("utf-16-le")) - 8 for name in ("명부", "다른"))
    octets[other : other + 4] = octets[first : first + 4]
    (tmp_path / "a.xls").write_bytes(xls.packed(bytes(octets)))
    assert refused(tmp_path / "a.xls") == UNUSABLE


def test_more_sheets_than_programs_write_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(xls.packed(xls.stream({f"{n}": b"" for n in range(SHEETS + 1)})))
    assert refused(tmp_path / "a.xls") == UNUSABLE


def test_too_many_merged_cells_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.reading_workbook.MERGED_LIMIT", 2)
    path = saved(tmp_path / "a.xls", sheet=TITLES + xls.merged(*((n, n + 1, 0, 0) for n in (3, 5, 7))))
    with pytest.raises(Unusable, match="more than 2 merged"):
        rows(path)
