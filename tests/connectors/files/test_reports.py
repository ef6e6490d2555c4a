"""Reports: what the clerk reads beside each row, and when."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path

import openpyxl
import pytest

from connectors.files import words
from connectors.protocol import Receipt
from connectors.reading_report import COLUMNS
from connectors.standing import KOREAN
from tests.connectors.files.conftest import Desk
from tests.connectors.files.dropping import HEADER, row, table

TOWN = Path(__file__).parents[2] / "samples" / "jinju"
ROWS = [["LH-1", *row(1)[1:]], ["LH-2", *row(2)[1:]], ["LH-3", *row(3)[1:]]]
REFUSAL = {"path": "의뢰일", "code": "date_impossible", "text": "This date does not exist or cannot be read."}
REFERRAL = {
    "id": "r-1",
    "number": "LH-1",
    "state": "offered",
    "receiver": "sangbong",
    "due": "2026-11-23T09:00:00.000Z",
}


async def test_a_clerk_reads_number_state_holder_deadline_and_what_to_mend(desk: Desk) -> None:
    desk.put("arrears.csv", ROWS)
    assert await desk.look()
    await desk.tell("LH-1", referrals=(REFERRAL,))
    await desk.tell("LH-2", "refused", reasons=(REFUSAL,))
    one, two, three = desk.rows("arrears.report.csv")
    assert list(one) == [*HEADER, *COLUMNS]
    assert [one[column] for column in COLUMNS] == ["r-1", "수락 요청", "sangbong", "2026-11-23 18:00", "", "2"]
    assert (two["상태"], two["오류(칸·사유)"]) == (
        "거절: 고쳐서 다시 넣어 주세요",
        "의뢰일: 없는 날짜이거나 읽을 수 없는 날짜입니다",
    )
    assert three["상태"] == "전송 대기"
    assert [[line[title] for title in HEADER] for line in (one, two, three)] == ROWS


async def test_referrals_of_one_row_stand_beside_each_other_and_nothing_is_no_list(desk: Desk) -> None:
    desk.put("arrears.csv", ROWS)
    await desk.look()
    unplaced = {"id": "r-1", "state": "unplaced", "receiver": "", "due": ""}
    await desk.tell("LH-1", referrals=(unplaced, {**unplaced, "id": "r-2"}))
    await desk.tell("LH-2", referrals=(REFERRAL, unplaced))
    told = [[line[c] for c in COLUMNS[:4]] for line in desk.rows("arrears.report.csv")[:2]]
    assert told == [
        ["r-1 / r-2", "미연계(담당 지정) / 미연계(담당 지정)", "", ""],
        ["r-1 / r-1", "수락 요청 / 미연계(담당 지정)", "sangbong / ", "2026-11-23 18:00 / "],
    ]


async def test_reports_take_a_tenth_of_the_time_at_most(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def slowly(target: Path, *_: object) -> None:
        written.append(target.name)
        target.write_bytes(b"")
        time.sleep(0.2)

    monkeypatch.setattr("connectors.files.reports.write", slowly)
    desk.put("a.csv", ROWS)
    await desk.look()
    await desk.connector.reports.write_due()
    event = desk.event("LH-1")
    await desk.connector.tell([Receipt(event["id"], event["source"], "recorded")])
    assert len(written) == 1, "what is told right behind a report waits"
    await desk.written()
    assert len(written) == 2


async def test_what_happens_later_is_shown_even_when_it_was_heard_before_the_receipt(desk: Desk) -> None:
    desk.put("arrears.csv", ROWS)
    await desk.look()
    await desk.follow(7, "referral.changed", referral="r-1", to="accepted", **{"from": "offered"})
    await desk.tell("LH-1", referrals=(REFERRAL,))
    assert [desk.rows("arrears.report.csv")[0][c] for c in ("상태", "담당기관", "다음기한")] == ["수락", "sangbong", ""]
    await desk.follow(9, "referral.unplaced", referral="r-1", owner="city")
    await desk.follow(8, "referral.offered", referral="r-1", to="jeil", due="2026-11-24T00:00:00.000Z")
    assert [desk.rows("arrears.report.csv")[0][c] for c in ("상태", "담당기관")] == ["미연계(담당 지정)", "city"]


async def test_formulas_are_told_beside_their_row(desk: Desk) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in (HEADER, *ROWS):
        sheet.append(line)
    sheet["B3"] = "=1+1"  # never calculated
    sheet["E4"] = "+SUM(A1:A9)"
    sheet["E4"].data_type = "s"
    path = desk.drop / "a.part"
    book.save(path)
    path.rename(desk.drop / "a.xlsx")
    await desk.look()
    await desk.tell("LH-3", "refused", reasons=(REFUSAL,))
    told = [line["오류(칸·사유)"] for line in desk.rows("a.report.xlsx")]
    assert told[0] == ""
    assert told[1].startswith("계산식만 있고 저장된 값이 없습니다")
    assert "column B" in told[1]
    assert told[2].endswith("; E열: 계산식처럼 보이는 글자를 글자로 읽음")
    assert len(desk.taken) == 2


def test_what_a_clerk_reads_can_be_written_in_every_charset() -> None:
    """Or a report in CP949 would show a question mark."""
    tables = (words.STATUSES, words.REASONS, words.UNREAD, words.NOTES, KOREAN)
    more = (words.WAITING, words.UNREADABLE, words.MESSAGE, *COLUMNS)
    for text in (*more, *(text for held in tables for text in held.values())):
        assert text.encode("cp949").decode("cp949") == text


async def test_a_workbook_colors_what_to_mend_and_keeps_text_as_typed(desk: Desk) -> None:
    desk.put("reg.xlsx", (TOWN / "welfare-center-register.xlsx").read_bytes())
    await desk.look()
    await desk.tell("SB-2611-01", "refused", reasons=({**REFUSAL, "path": "접수일자"},))
    sheet = openpyxl.load_workbook(desk.drop / "reports/reg.report.xlsx").active
    assert sheet is not None
    titles = [cell.value for cell in sheet[1]]
    bad = sheet[2]
    assert [cell.fill.start_color.rgb for cell in bad].count("FFFF9C9C") == 1
    assert bad[titles.index("접수일자")].fill.start_color.rgb == "FFFF9C9C"
    assert {cell.number_format for cell in bad} == {"@"}
    assert {cell.data_type for line in sheet.iter_rows() for cell in line if cell.value is not None} == {"s"}


async def test_a_report_is_as_wide_as_its_widest_row(desk: Desk) -> None:
    desk.put("a.csv", [[*ROWS[0], "one", "two"], [*ROWS[1], "one"]])
    await desk.look()
    await desk.written()
    lines = list(csv.reader(io.StringIO((desk.drop / "reports/a.report.csv").read_text("utf-8-sig"))))
    assert {len(line) for line in lines} == {len(HEADER) + 2 + len(COLUMNS)}
    assert [line[-1] for line in lines] == [COLUMNS[-1], "2", "3"]


async def test_a_row_that_cannot_be_read_is_in_the_report_with_its_reason(desk: Desk) -> None:
    desk.put("a.csv", table([ROWS[0], ["비고: 끝"], ROWS[1]]))
    await desk.look()
    await desk.written()
    one, remark, two = desk.rows("a.report.csv")
    assert (remark["상태"], remark["원본행"]) == ("읽지 못함: 고쳐서 다시 넣어 주세요", "3")
    assert "한 칸만" in remark["오류(칸·사유)"]
    assert (one["원본행"], two["원본행"]) == ("2", "4")


async def test_messages_are_reported_line_by_line(desk: Desk) -> None:
    desk.put("v.jsonl", (TOWN / "prosecutors-victim-support.jsonl").read_bytes() + b'\n{"a":1}\n')
    await desk.look()
    event = next(iter(desk.taken.values()))
    await desk.connector.tell([Receipt(event["id"], event["source"], "recorded", referrals=(REFERRAL, REFERRAL))])
    await desk.written()
    one, two, three = desk.rows("v.jsonl.report.csv")
    assert (one["번호"], one["이음번호"], one["상태"]) == ("1", "r-1 / r-1", "수락 요청 / 수락 요청")
    assert (two["상태"], three["상태"][:4]) == ("전송 대기", "읽지 못")
    assert "이도윤" not in (desk.drop / "reports/v.jsonl.report.csv").read_text("utf-8-sig")


async def test_what_was_told_survives_a_restart(desk: Desk) -> None:
    desk.put("a.csv", ROWS)
    await desk.look()
    await desk.tell("LH-1", referrals=(REFERRAL,))
    (desk.drop / "reports/a.report.csv").unlink()
    desk.connector.outcomes.close()
    desk.again()
    await desk.tell("LH-2", "refused", reasons=(REFUSAL,))
    assert [line["상태"][:2] for line in desk.rows("a.report.csv")] == ["수락", "거절", "전송"]


async def test_the_state_holds_nothing_personal(desk: Desk) -> None:
    desk.put("박순자.csv", ROWS)
    await desk.look()
    await desk.tell("LH-1", "refused", reasons=({**REFUSAL, "text": "박순자"},))
    desk.connector.outcomes.close()
    raw = b"".join(p.read_bytes() for p in (desk.drop / ".ieum").iterdir())
    assert raw
    assert not any(word.encode() in raw for word in ("박순자", "LH-1", "의뢰일", "2345-6789"))
    desk.again()


async def test_a_report_that_cannot_be_written_is_written_later(desk: Desk) -> None:
    desk.put("a.csv", ROWS)
    await desk.look()
    blocked = desk.drop / "reports/a.report.csv"
    blocked.mkdir()
    await desk.tell("LH-1", referrals=(REFERRAL,))
    blocked.rmdir()
    await desk.written()
    assert desk.rows("a.report.csv")[0]["이음번호"] == "r-1"
    assert desk.files("reports") == ["a.report.csv"]
