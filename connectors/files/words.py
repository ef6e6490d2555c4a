"""What a clerk reads in a report: Korean words for states, reasons and unreadable rows. Owns wording, never meaning.

A code that is not here is shown with the hub's own text, so a new rule of the hub needs no new connector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from connectors.protocol import PENDING, RECORDED, REFUSED, SEEN, TAKEN, Broken

KST: Final = timezone(timedelta(hours=9))
WAITING: Final = "전송 대기"
UNREADABLE: Final = "읽지 못함 – 고쳐서 다시 넣어 주세요"
MESSAGE: Final = "번호"
STATUSES: Final = {
    RECORDED: "접수",
    SEEN: "접수(이미 받은 건)",
    "no-op": "접수(바뀐 것 없음)",
    REFUSED: "거절 – 고쳐서 다시 넣어 주세요",
    PENDING: "판정 대기",
    TAKEN: "시에 전달됨",
}
STATES: Final = {
    "received": "접수",
    "offered": "수락 요청",
    "accepted": "수락",
    "declined": "거절됨(다음 기관에 요청)",
    "in_service": "지원 중",
    "on_hold": "보류",
    "delivered": "지원 완료",
    "failed": "지원 실패(다음 기관에 요청)",
    "closed": "종결",
    "withdrawn": "철회",
    "duplicate": "중복(먼저 접수된 의뢰 있음)",
    "unplaced": "미연계(담당 지정)",
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
    "no CSV here": "따옴표가 닫히지 않았거나 칸이 너무 깁니다",
    "the line is longer": "줄이 너무 깁니다",
    "bytes that are neither": "UTF-8도 CP949도 아닌 글자가 있습니다",
    "not a readable workbook": "열 수 없는 엑셀 파일입니다(암호가 걸렸거나 손상됨)",
    "no header among": "제목 줄을 찾지 못했습니다",
    "more than 100 columns": "칸이 100개를 넘습니다",
    "a cell is longer": "칸 하나가 너무 깁니다",
    "only one cell is filled": "한 칸만 채워져 있어 의뢰로 보지 않았습니다",
    "larger than": "파일이 너무 큽니다",
    "unpacks to more": "풀면 너무 큰 엑셀 파일입니다",
    "a sheet spans more": "시트가 너무 넓습니다(빈 칸 끝에 남은 값을 지우세요)",
    "the file is empty": "빈 파일입니다",
    "cannot be opened": "파일을 열 수 없습니다",
    "a message is larger": "한 건이 너무 큽니다",
    "no JSON object": "JSON 객체가 아닙니다",
    "no known form": "아는 양식이 아닙니다(case_no, device, referral, id 가운데 하나가 있어야 합니다)",
    "no HL7 message begins": "HL7 메시지(MSH)가 없습니다",
    "it differs from its manifest": "manifest의 크기·sha256과 다릅니다",
    "its name is too long": "파일 이름이 너무 깁니다",
}
_SHOWN: Final = 20


def unread(broken: Broken) -> str:
    """Why something could not be read."""
    found = next((korean for english, korean in UNREAD.items() if broken.reason.startswith(english)), "")
    return f"{found} [{broken.reason}]" if found else broken.reason


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
