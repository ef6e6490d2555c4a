"""Change events as Debezium 3.7 writes them, with the schema that tells a time without a zone from one in UTC."""

from __future__ import annotations

from typing import Any

import orjson


def change(op: str = "c", *, lsn: int = 100, handled: int = 1, schema: bool = True, **row: Any) -> bytes:
    """A record's value: the row after (before, if it was deleted), where it stood, when Debezium handled it."""
    place = {"version": "3.7.0.Final", "schema": "public", "table": "referral", "lsn": lsn, "txId": 7}
    source = {**place, "connector": "postgresql", "snapshot": "false", "ts_ms": 1}
    gone = op == "d"
    payload = {
        "before": row if gone else None,
        "after": None if gone else row,
        "source": source,
        "transaction": None,
        "op": op,
        "ts_ms": handled,
    }
    local = [
        {"field": name, "type": "string", "name": "io.debezium.time.IsoTimestamp"} for name in row if name == "접수일자"
    ]
    described = {"type": "struct", "fields": [{"field": "after", "type": "struct", "fields": local}]}
    return orjson.dumps({"schema": described, "payload": payload} if schema else payload)


def person(number: int = 1, **more: Any) -> dict[str, Any]:
    """A row of a register."""
    who = {"성명": "박순자", "생년월일": "1948-03-02Z", "성별": "여", "전화번호": "010-2345-6789"}
    what = {"주소": "진주시 봉산로 12", "욕구": "밑반찬", "접수일자": "2026-11-20T09:30:00.123456Z", "동의": "서면"}
    return {"id": number, "의뢰번호": f"D-{number}", **who, **what, **more}
