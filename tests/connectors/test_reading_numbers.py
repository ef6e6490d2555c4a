"""A number is read as its cell shows it: registers keep numbers and telephones with leading zeros in formats."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from connectors.reading_tables import xlsx_lines
from connectors.reading_xlsx_numbers import kind_of, padded


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        ("7", "0000", "0007"),
        ("12345", "0000", "12345"),
        ("1034567001", "000-0000-0000", "010-3456-7001"),
        ("1034567001", "000\\-0000\\-0000", "010-3456-7001"),
        ("1034567001", '000"-"0000"-"0000', "010-3456-7001"),
        ("101034567001", "000-0000-0000", "1010-3456-7001"),
        ("42", '"PA-"000', "PA-042"),
        ("4200", '"PA-"000', "PA-4200"),
        ("-7", "0000", "-7"),
        ("7.5", "0000", "7.5"),
        ("내일", "0000", "내일"),
    ],
)
def test_zeros_of_a_format_are_digits(value: str, code: str, shown: str) -> None:
    assert kind_of(code) == code
    assert padded(value, code) == shown


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("0", ""), ("0.00", ""), ("#,##0", ""), ("0.00E+00", ""), ("00%", ""), ("#000", ""), ("General", ""),
        ("[<=9999999]###-####;(0##) ###-####", ""), ("0000-00-00 hh", "date"), ("yyyy-mm-dd", "date"),
        ("[h]:mm", "span"), ("0000;-0000", "0000"), ('0"년"', ""), ('00"년"', '00"년"'),
    ],
)  # fmt: skip
def test_only_zeros_with_what_stands_between_them_are_such_a_format(code: str, kind: str) -> None:
    assert kind_of(code) == kind


def test_a_register_keeps_its_numbers(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["의뢰번호", "성명", "전화번호"])
    sheet.append([7, "김하늘", 1034567001])
    sheet["A2"].number_format, sheet["C2"].number_format = "0000", "000-0000-0000"
    book.save(tmp_path / "a.xlsx")
    [line] = xlsx_lines(tmp_path / "a.xlsx")
    assert line.cells == ["0007", "김하늘", "010-3456-7001"]
