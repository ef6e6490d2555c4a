"""A report that is dropped again: it is the list it reports on, and a row that did not change is known."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.reading_report import COLUMNS, ReportColumns, harmless, list_name
from tests.connectors.files.conftest import Desk
from tests.connectors.files.dropping import HEADER, table
from tests.connectors.files.test_reports import REFERRAL, REFUSAL, ROWS, TOWN


def test_a_row_number_that_is_none_is_not_believed() -> None:
    columns = ReportColumns.among([*HEADER, *COLUMNS])
    assert columns is not None
    line = [*ROWS[0], "", "", "", "", ""]
    for told, row_number in (
        ("7", 7),
        (" 7 ", 7),
        ("9999999", 9_999_999),
        ("99999999", 3),
        ("x", 3),
        ("²", 3),
        ("", 3),
    ):
        assert columns.restored(3, [*line, told]) == (row_number, ROWS[0])


async def test_a_mended_report_sends_the_mended_rows_alone(desk: Desk) -> None:
    desk.put("arrears.csv", ROWS)
    await desk.look()
    await desk.tell("LH-1", referrals=(REFERRAL,))
    await desk.tell("LH-2", "refused", reasons=(REFUSAL,))
    before = set(desk.taken)
    report = desk.drop / "reports/arrears.report.csv"
    lines = list(csv.reader(io.StringIO(report.read_text("utf-8-sig"))))
    lines[2][7] = "2026-11-18"
    text = io.StringIO()
    csv.writer(text).writerows([lines[0], *reversed(lines[1:])])
    desk.put("arrears.report.csv", text.getvalue().encode("utf-8-sig"))
    assert await desk.look()
    (new,) = desk.taken.keys() - before
    assert desk.taken[new]["data"] == {
        "header": HEADER,
        "cells": [*ROWS[1][:7], "2026-11-18"],
        "row": 3,
        "register": "arrears",
    }
    assert desk.taken[new]["partitionkey"] == next(
        desk.taken[i]["partitionkey"] for i in before if desk.taken[i]["data"]["cells"][0] == "LH-2"
    )
    await desk.tell("LH-2", referrals=({**REFERRAL, "id": "r-2"},))
    three, two, one = desk.rows("arrears.report.csv")
    assert [line["이음번호"] for line in (one, two, three)] == ["r-1", "r-2", ""]
    older = desk.rows("2026-11-22/arrears.report.csv")
    assert [line["상태"][:2] for line in older] == ["수락", "거절", "전송"]


@pytest.mark.parametrize("charset", ["cp949", "utf-8-sig", "utf-8", "utf-16"])
async def test_a_csv_is_answered_in_its_charset(desk: Desk, charset: str) -> None:
    desk.put("a.csv", table(ROWS, charset))
    await desk.look()
    await desk.written()
    raw = (desk.drop / "reports/a.report.csv").read_bytes()
    assert raw.decode({"utf-8": "utf-8-sig"}.get(charset, charset)).startswith("접수번호")
    before = set(desk.taken)
    desk.put("a.report.csv", raw)
    await desk.look()
    assert set(desk.taken) == before


@pytest.mark.parametrize("choice", ["same", "xlsx"])
@pytest.mark.parametrize("name", ["housing-arrears.csv", "welfare-center-register.xlsx"])
async def test_a_report_dropped_as_it_is_changes_nothing(tmp_path: Path, name: str, choice: str) -> None:
    desk = Desk(tmp_path, report=choice)
    desk.put(name, (TOWN / name).read_bytes())
    await desk.look()
    await desk.written()
    (report,) = desk.files("reports")
    before = set(desk.taken)
    assert before
    desk.put(report.replace(".report.", ".report (1)."), (desk.drop / "reports" / report).read_bytes())
    assert await desk.look()
    assert set(desk.taken) == before


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
async def test_no_cell_of_a_report_is_calculated(tmp_path: Path, ending: str) -> None:
    desk = Desk(tmp_path, report="same" if ending == "csv" else "xlsx")
    evil = ["=1+1", "+82-10-2345-6789", "-5", "@SUM(A1)", "'=2", "＝1", "#N/A", "2026-11-17"]
    desk.put("a.csv", [evil, ROWS[0]])
    await desk.look()
    await desk.written()
    shown = [desk.rows(f"a.report.{ending}")[0][title] for title in HEADER]
    assert shown == ["'=1+1", "'+82-10-2345-6789", "'-5", "'@SUM(A1)", "''=2", "'＝1", "#N/A", "2026-11-17"]
    before = set(desk.taken)
    desk.put(f"a.report.{ending}", (desk.drop / f"reports/a.report.{ending}").read_bytes())
    await desk.look()
    assert set(desk.taken) == before


@settings(max_examples=200)
@given(st.text(max_size=6))
def test_what_is_made_harmless_comes_back_as_it_was(cell: str) -> None:
    ours = ReportColumns.among([*HEADER, *COLUMNS])
    assert ours is not None
    line = [harmless(cell), *[""] * 7, "n", "s", "h", "d", "e", "12"]
    assert ours.restored(99, line) == (12, [cell, *[""] * 7])


async def test_a_clerks_own_column_of_the_same_name_stays_the_clerks(desk: Desk) -> None:
    text = "접수번호,세대주,상태,체납액\r\nLH-1,박순자,독거,3\r\n"
    desk.put("a.csv", text.encode("utf-8-sig"))
    await desk.look()
    await desk.written()
    (line,) = desk.rows("a.report.csv")
    assert (line["상태"], line["상태 (이음)"]) == ("독거", "전송 대기")
    before = set(desk.taken)
    desk.put("a.report.csv", (desk.drop / "reports/a.report.csv").read_bytes())
    await desk.look()
    assert set(desk.taken) == before


async def test_a_row_wider_than_its_header_keeps_its_cells_apart_from_ours(desk: Desk) -> None:
    desk.put("a.csv", [[*ROWS[0], "extra"], ROWS[1]])
    await desk.look()
    await desk.tell("LH-1", referrals=(REFERRAL,))
    before = set(desk.taken)
    desk.put("a.report.csv", (desk.drop / "reports/a.report.csv").read_bytes())
    await desk.look()
    assert set(desk.taken) == before
    assert desk.event("LH-1")["data"]["cells"][-1] == "extra"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["a.csv", "a.report.csv", "a.report (2).csv", "a.report - 복사본.csv"]))
def test_a_copy_of_a_report_belongs_to_the_same_list(name: str) -> None:
    assert list_name(name) == "a"
