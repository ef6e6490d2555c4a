"""Workbooks as spreadsheet programs write them: streamed, and cell by cell what another reader finds."""

from __future__ import annotations

import random
import subprocess
import sys
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from connectors.reading import Broken, Placed, Sender, placed
from connectors.reading_rows import is_like_a_formula, letters, text_of
from connectors.reading_workbook import Unusable, sheets
from tests.connectors.test_reading import HEADER, ROW, book, broken, events

SHEET = "xl/worksheets/sheet1.xml"
ROOT = Path(__file__).parents[2]


def rows(path: Path) -> dict[int, list[str]]:
    """Rows by their number, of every sheet."""
    return {row.number: row.cells for _, held in sheets(path) for row in held}


def rewritten(path: Path, part: str, *changes: tuple[str, str]) -> Path:
    """The same workbook with other text in a part."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    text = held[part].decode()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (held | {part: text.encode()}).items():
            archive.writestr(name, content)
    return path


def found(path: Path) -> list[Placed]:
    return list(placed(path, Sender("lh", b"k" * 32, "2026-11-22T03:00:00Z")))


# ------------------------------------------------------------------ cells
def test_cells_are_what_another_reader_finds(tmp_path: Path) -> None:
    draw = random.Random(5)  # noqa: S311 - the same cells each time
    formats = ["General", "0.00", "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "[h]:mm", 'yyyy"년" m"월"', '#,##0"d"', "hh:mm"]
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for number in range(1, 400):
        for column in range(1, 7):
            kind = draw.randrange(6)
            value: Any = None
            if kind == 0:
                value = "".join(draw.choices("가나다 ab&<>\"'\n_x000D_1", k=draw.randrange(1, 30)))
            elif kind == 1:
                value = draw.choice([0, 7, -3, 0.1, 1e-9, 123456789012, -0.5])
            elif kind == 2:
                value = datetime(1950, 1, 1) + timedelta(seconds=draw.randrange(3_000_000_000))  # noqa: DTZ001
            elif kind == 3:
                value = draw.choice([True, False])
            elif kind == 4:
                value = 61 + draw.random() * 50_000
            cell = sheet.cell(number, column, value)
            if kind == 4:
                cell.number_format = draw.choice(formats)
    sheet.merge_cells("B30:C34")
    path = tmp_path / "a.xlsx"
    workbook.save(path)
    ours = rows(path)
    theirs = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)
    merged = {31, 32, 33, 34}
    for number, cells in enumerate(theirs, 1):
        told = [text_of(cell).strip() for cell in cells]
        mine = [cell.strip() for cell in [*ours.get(number, []), *[""] * 6][:6]]
        assert mine == told or (number in merged and mine[0] == told[0] and mine[3:] == told[3:]), number


def test_texts_that_cells_share_are_read(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, ["0", "1", "2", "x"]])
    cells = [
        (f'<c r="{c}2" t="inlineStr"><is><t>{n}</t></is></c>', f'<c r="{c}2" t="s"><v>{n}</v></c>')
        for c, n in zip("ABC", "012", strict=True)
    ]
    rewritten(path, SHEET, *cells)
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    relation = f'<Relationship Id="rId99" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
    rewritten(path, "xl/_rels/workbook.xml.rels", ("</Relationships>", relation))
    texts = "<si><t>SB-1</t></si><si><r><t>박</t></r><r><t>순자</t></r><rPh sb='0' eb='1'><t>パク</t></rPh></si>"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(
            "xl/sharedStrings.xml",
            f'<x:sst xmlns:x="urn:x">{texts.replace("<", "<x:").replace("<x:/", "</x:")}</x:sst>',
        )
    (one,) = found(path)
    assert isinstance(one.item, Broken)
    assert one.item.reason == "a value that cannot be read in column C"
    rewritten(path, SHEET, ('<c r="C2" t="s"><v>2</v></c>', '<c r="C2" t="s"><v>1</v></c>'))
    assert rows(path)[2] == ["SB-1", "박순자", "박순자", "x"]


@pytest.mark.parametrize("number", [14, 31, 57])
def test_the_dates_of_korean_spreadsheets_are_days(tmp_path: Path, number: int) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, [*ROW[:3], datetime(2026, 11, 18)]])  # noqa: DTZ001
    with zipfile.ZipFile(path) as archive:
        styles = archive.read("xl/styles.xml").decode()
    code = styles.partition('numFmtId="')[2].partition('"')[0]
    rewritten(path, "xl/styles.xml", (f'<xf numFmtId="{code}"', f'<xf numFmtId="{number}"'))
    assert rows(path)[2][3] == "2026-11-18"


def test_a_workbook_that_counts_from_1904(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, [*ROW[:3], datetime(2026, 11, 18)]])  # noqa: DTZ001
    rewritten(path, "xl/workbook.xml", ("<workbookPr ", '<workbookPr date1904="1" '))
    assert rows(path)[2][3] == "2030-11-19"


# ------------------------------------------------------------------ formulas
def formulas(path: Path, cell: str, attributes: str = "") -> list[Placed]:
    """What is found where the second column of the second row holds this."""
    book(path, [HEADER, ["SB-1", "=A1", "식품", "2026-11-18"], ROW])
    return found(rewritten(path, SHEET, ('<c r="B2"><f>A1</f><v /></c>', f'<c r="B2"{attributes}>{cell}</c>')))


@pytest.mark.parametrize(
    ("cell", "attributes", "text"),
    [
        ("<f>C2&amp;D2</f><v>박순자</v>", ' t="str"', "박순자"),
        ("<f>1+1</f><v>2</v>", "", "2"),
        ('<f t="shared" si="0"/><v>1</v>', ' t="b"', "Y"),
        ('<f>IF(A2="","","")</f><v></v>', ' t="str"', ""),
    ],
)
def test_a_formula_counts_as_its_saved_value_and_is_told(tmp_path: Path, cell: str, attributes: str, text: str) -> None:
    one, two = formulas(tmp_path / "a.xlsx", cell, attributes)
    assert isinstance(one.item, dict)
    assert one.item["data"]["cells"][1] == text
    assert one.notes == ("a formula in column B, read as the value saved with it",)
    assert two.notes == ()


@pytest.mark.parametrize(
    ("cell", "attributes", "reason"),
    [
        ("<f>A1</f><v/>", "", "a formula without a saved value in column B"),
        ("<f>A1</f>", "", "a formula without a saved value in column B"),
        ("<f>A1</f><v>#REF!</v>", ' t="e"', "an error instead of a value in column B"),
        ("<v>#N/A</v>", ' t="e"', "an error instead of a value in column B"),
        ("<v>9</v>", ' t="b"', "a value that cannot be read in column B"),
    ],
)
def test_a_cell_without_a_value_refuses_its_row_alone(tmp_path: Path, cell: str, attributes: str, reason: str) -> None:
    one, two = formulas(tmp_path / "a.xlsx", cell, attributes)
    assert isinstance(one.item, Broken)
    assert (one.item.row, one.item.reason) == (2, reason)
    assert isinstance(two.item, dict)


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)", "＝A1", "+SUM(A1:A9)", "-2+3+cmd|' /C calc'!A0", "+A1", "-B2*3", "@x"],
)
def test_text_like_a_formula_is_taken_as_text_and_told(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "a.csv"
    quoted = cell.replace('"', '""')
    path.write_text(",".join(HEADER) + f'\nSB-1,"{quoted}",식품,2026-11-18\n', "utf-8-sig")
    (one,) = found(path)
    assert isinstance(one.item, dict)
    assert one.item["data"]["cells"][1] == cell
    assert one.notes == ("text like a formula in column B, taken as text",)


@pytest.mark.parametrize(
    "cell",
    [
        "+82-10-2345-6789",
        "-5",
        "-1,200.50",
        "+",
        "-",
        "--",
        "=",
        "- 없음",
        "-해당 없음(자녀 거부)",
        "+82 (0)10",
        "- 010-2345-6789",
        "a=b",
        "kim@example.org",
        "",
    ],
)
def test_numbers_telephones_and_remarks_with_a_sign_are_none(cell: str) -> None:
    assert not (cell and is_like_a_formula(cell))


def test_columns_have_their_letters() -> None:
    assert [letters(place) for place in (0, 25, 26, 701, 702, 16_383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


# ------------------------------------------------------------------ what is not read, or not to its end
def test_what_is_damaged_in_the_middle_is_told_from_there_on(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, ROW, ["SB-2", *ROW[1:]]])
    rewritten(path, SHEET, ('<row r="3">', '<row r="x">'))
    one, two = found(path)
    assert isinstance(one.item, dict)
    assert isinstance(two.item, Broken)
    assert two.item.reason == "from here on the workbook cannot be read, behind row 2"


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/styles.xml"])
def test_a_document_type_is_not_read(tmp_path: Path, part: str) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, ROW])
    with zipfile.ZipFile(path) as archive:
        head = archive.read(part).decode()[:12]
    grows = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
    rewritten(path, part, (head, f"{grows}{head}"))
    assert [item.reason.partition(",")[0] for item in broken(path)] in (
        ["not a readable workbook"],
        ["from here on the workbook cannot be read"],
    )


def test_another_kind_of_workbook_is_told_to_be_saved_as_one_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office:document-content/>")
    assert [item.reason for item in broken(path)] == ["no XLSX workbook: save it as XLSX or CSV"]


def test_sheets_that_are_one_part_are_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, ROW])
    with zipfile.ZipFile(path) as archive:
        sheet = "<sheet " + archive.read("xl/workbook.xml").decode().partition("<sheet ")[2].partition("/>")[0] + "/>"
    rewritten(path, "xl/workbook.xml", (sheet, sheet * 1000))
    assert [item.reason for item in broken(path)] == ["not a readable workbook"]


def test_too_many_merged_cells_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.reading_workbook.MERGED_LIMIT", 2)
    path = book(tmp_path / "a.xlsx", [HEADER, ROW])
    merged = "".join(f'<mergeCell ref="A{n}:A{n + 1}"/>' for n in (3, 5, 7))
    rewritten(path, SHEET, ("</sheetData>", f"</sheetData><mergeCells>{merged}</mergeCells>"))
    with pytest.raises(Unusable, match="more than 2 merged"):
        rows(path)


#: Workbooks made to fill memory, each by what fills it.
HOSTILE = {
    "a tag": '<row r="3"><c r="A3" x="' + "y" * 100_000_000 + '"/></row>',
    "a text": '<row r="3"><c r="A3" t="inlineStr"><is><t>' + "y" * 100_000_000 + "</t></is></c></row>",
    "cells of a row": '<row r="3">' + "<c/>" * 20_000_000 + "</row>",
    "rows": '<row><c t="inlineStr"><is><t>y</t></is></c></row>' * 300_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_no_workbook_fills_memory(tmp_path: Path, name: str) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, ROW])
    rewritten(path, SHEET, ("</sheetData>", HOSTILE[name] + "</sheetData>"))
    program = (
        "import sys; from pathlib import Path; from connectors.reading import Sender, placed; "
        "n = sum(1 for _ in placed(Path(sys.argv[1]), Sender('lh', b'k' * 32, ''))); "
        "print(n, Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    count, peak = map(int, done.stdout.split())
    assert count >= 2, "the row before it, and what became of it"
    assert peak < 100_000, "kilobytes"


def test_a_cell_in_the_far_corner_costs_nothing(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, ROW])
    rewritten(path, SHEET, ("</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'))
    assert [item.reason for item in events(path) if isinstance(item, Broken)] == ["more than 100 columns"]
