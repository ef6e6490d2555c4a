"""What a file is, told in one place; and a workbook's cover sheet, named where it holds no rows."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from connectors.files.report import report_name
from connectors.reading import Broken, Sender, placed
from connectors.reading_kind import kind
from tests.connectors.files.conftest import Desk
from tests.connectors.files.dropping import HEADER, row

KINDS = {
    b"": "empty",
    b"\xef\xbb\xbf \r\n": "empty",
    b"PK\x03\x04": "book",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "book",
    b"\r\nMSH|^~": "hl7",
    b"\x0bFHS|": "hl7",
    b"BHS|": "hl7",
    b'\xef\xbb\xbf {"a": 1}': "json",
    b"[]": "json",
    b"a,b,c": "table",
    b" PK\x03\x04": "table",
    b"\x00": "table",
}


@pytest.mark.parametrize(("content", "told"), KINDS.items())
def test_a_kind_is_told_by_the_first_bytes(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    assert kind(path) == told


def test_a_report_is_named_by_the_kind() -> None:
    held = {k: report_name("a.x", k, "same") for k in ("book", "hl7", "json", "table", "empty")}  # type: ignore[arg-type]
    assert held == {
        "book": "a.report.xlsx",
        "hl7": "a.x.report.csv",
        "json": "a.x.report.csv",
        "table": "a.report.csv",
        "empty": "a.report.csv",
    }


async def test_a_cover_sheet_without_a_header_is_named(desk: Desk) -> None:
    book = openpyxl.Workbook()
    cover = book.active
    assert cover is not None
    cover.title = "표지"
    cover.append(["2026년 대장"])
    list_ = book.create_sheet("명단")
    for line in (HEADER, row(1)):
        list_.append(line)
    book.save(desk.drop / "a.part")
    (desk.drop / "a.part").rename(desk.drop / "a.xlsx")
    found = [p.item for p in placed(desk.drop / "a.xlsx", Sender("lh", b"k" * 32, ""))]
    assert [item.reason for item in found if isinstance(item, Broken)] == [
        "no header among the first 30 rows of the sheet 표지"
    ]
    assert await desk.look()
    await desk.written()
    unread, one = desk.rows("a.report.xlsx")
    assert unread["오류(칸·사유)"] == "제목 줄을 찾지 못했습니다 [no header among the first 30 rows of the sheet 표지]"
    assert one["상태"] == "전송 대기"
