"""What a clerk reads in a report: Korean words for statuses, reasons and unreadable rows. Owns wording, never meaning.

A code that is not here is shown with the hub's own text, so a new rule of the hub needs no new connector.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from connectors.protocol import PENDING, RECORDED, REFUSED, SEEN, TAKEN, Broken

KST: Final = timezone(timedelta(hours=9))
WAITING: Final = "전송 대기"
UNREADABLE: Final = "읽지 못함: 고쳐서 다시 넣어 주세요"
MESSAGE: Final = "번호"
STATUSES: Final = {
    RECORDED: "접수",
    SEEN: "접수(이미 받은 건)",
    "no-op": "접수(바뀐 것 없음)",
    REFUSED: "거절: 고쳐서 다시 넣어 주세요",
    PENDING: "판정 대기",
    TAKEN: "시에 전달됨",
}
REASONS: Final = {
    "name_missing": "이름이 없고 연락할 전화·주소도 없습니다",
    "date_impossible": "없는 날짜이거나 읽을 수 없는 날짜입니다",
    "amount_not_a_number": "금액이 숫자가 아닙니다",
    "count_not_a_number": "횟수가 숫자가 아닙니다",
    "unknown_need": "욕구가 대응표에 없습니다(시에 알려 주세요)",
    "need_missing": "욕구가 비어 있습니다",
    "number_missing": "의뢰번호가 비어 있습니다",
    "column_missing": "이 칸이 제목 줄에 없습니다",
    "cells_misaligned": "제목 줄보다 칸이 많습니다(칸이 밀렸는지 보세요)",
    "too_many_needs": "한 의뢰에 욕구가 너무 많습니다",
    "id_conflict": "같은 번호로 다른 내용이 먼저 왔습니다",
    "agency_unknown": "등록되지 않은 기관입니다",
    "agency_suspended": "정지된 기관입니다(시에 문의하세요)",
    "not_allowed": "허용되지 않습니다",
    "too_large": "너무 큽니다",
}
#: The beginning of each reason the readers give → the same in Korean.
UNREAD: Final = {
    "from here on the bytes": "여기서부터 파일의 문자 집합이 아닌 바이트입니다",
    "no row below": "제목 줄 아래에 내용이 없습니다",
    "no CSV here": "따옴표가 닫히지 않았거나 칸이 너무 깁니다",
    "the line is longer": "줄이 너무 깁니다",
    "bytes that are neither": "UTF-8도 CP949도 아닌 글자가 있습니다",
    "not a readable workbook": "열 수 없는 엑셀 파일입니다(암호가 걸렸거나 손상됨)",
    "no header among": "제목 줄을 찾지 못했습니다",
    "more than 100 columns": "칸이 100개를 넘습니다",
    "a cell is longer": "칸 하나가 너무 깁니다",
    "only one cell is filled": "한 칸만 채워져 있어 의뢰로 보지 않았습니다",
    "larger than": "파일이 너무 큽니다",
    "unpacks to more": "풀면 너무 큰 엑셀 파일입니다(CSV로 저장하거나 나누어 주세요)",
    "more than 50000 merged": "세로로 병합한 칸이 너무 많습니다(CSV로 저장하거나 나누어 주세요)",
    "no XLSX workbook": "엑셀 통합 문서(XLSX)가 아닙니다(XLSX나 CSV로 저장해 주세요)",
    "from here on the workbook": "여기서부터 엑셀 파일이 손상되어 읽을 수 없습니다",
    "a formula without": "계산식만 있고 저장된 값이 없습니다(엑셀에서 열어 다시 저장해 주세요)",
    "an error instead": "값 대신 오류(#N/A, #REF! 등)가 든 칸이 있습니다",
    "a value that cannot": "읽을 수 없는 값이 든 칸이 있습니다",
    "the file is empty": "빈 파일입니다",
    "cannot be opened": "파일을 열 수 없습니다",
    "a message is larger": "한 건이 너무 큽니다",
    "no JSON object": "JSON 객체가 아닙니다",
    "no known form": "아는 양식이 아닙니다(case_no, device, referral, id 가운데 하나가 있어야 합니다)",
    "no HL7 message begins": "HL7 메시지(MSH)가 없습니다",
    "it differs from its manifest": "manifest의 크기·sha256과 다릅니다",
    "its name is too long": "파일 이름이 너무 깁니다",
}
#: The beginning of each note on a row that is taken all the same → the same in Korean, before the column.
NOTES: Final = {
    "a formula in": "계산식의 저장된 값을 읽음",
    "text like a formula": "계산식처럼 보이는 글자를 글자로 읽음",
}
_COLUMN: Final = re.compile(r" in column ([A-Z]{1,3})\b")
_SHOWN: Final = 20


def unread(broken: Broken) -> str:
    """Why something could not be read."""
    found = next((korean for english, korean in UNREAD.items() if broken.reason.startswith(english)), "")
    return f"{found} [{broken.reason}]" if found else broken.reason


def note(text: str) -> str:
    """What is to be known of a row: column and what was done."""
    found = next((korean for english, korean in NOTES.items() if text.startswith(english)), "")
    column = _COLUMN.search(text)
    return f"{column[1]}열: {found}" if found and column else text


def reason(told: Mapping[str, Any]) -> str:
    """One reason: column (or place) and why."""
    text = REASONS.get(str(told.get("code", "")), "") or str(told.get("text") or told.get("code") or "")
    path = str(told.get("path", ""))
    return f"{path}: {text}" if path else text


def reasons(told: Sequence[Mapping[str, Any]]) -> str:
    """All of them, in one cell."""
    return "; ".join(reason(one) for one in told[:_SHOWN])


def instant(at: str) -> str:
    """A time as a clerk in Korea reads it; what is no time stays as it is."""
    try:
        return datetime.fromisoformat(at).astimezone(KST).strftime("%Y-%m-%d %H:%M") if at else ""
    except ValueError:
        return at


def day(now: str) -> str:
    """The day in Korea, of an RFC 3339 time."""
    return datetime.fromisoformat(now).astimezone(KST).date().isoformat()
