"""A partner with an interface table: its own program writes rows and reads what became of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson
import psycopg
from psycopg import sql

from connectors.protocol import Event
from connectors.table import TableConnector
from connectors.testing import Answer, Partner

COLUMNS = ("접수번호", "이름", "생년월일", "연락처", "주소", "욕구", "특이사항", "체납액")
ANSWERS = {"id": "이음번호", "state": "진행상태", "receiver": "담당기관", "due": "회신기한"}
#: Long, so that a small spool is full soon.
NOTE = "혼자 사심. " * 200
CLERK = ("박순자", "010-2345-6789", "평거로")


def row(number: int) -> dict[str, Any]:
    """One request; fifty numbers come again and again."""
    who = {"이름": "박순자", "생년월일": "1948-03-02", "연락처": "010-2345-6789", "주소": "진주시 평거로 88"}
    return {
        "seq": number,
        "접수번호": f"T-{number % 50}",
        **who,
        "욕구": "밑반찬",
        "특이사항": NOTE,
        "체납액": str(number),
    }


def content(values: Mapping[str, Any]) -> bytes:
    return orjson.dumps(values)


class TablePartner(Partner):
    connector = TableConnector
    patience_s: ClassVar[float] = 1.5
    canaries = CLERK
    odd: ClassVar[Mapping[str, bytes]] = {
        "a cell too long": content({**row(-1), "주소": "박순자 " * 4000}),
        "nothing in it": content({"seq": -2}),
        "a formula": content({**row(-3), "이름": "=cmd|' /C calc'!A0"}),
        "a quotation": content({**row(-4), "이름": "'); DROP TABLE x; -- 박순자"}),
        "an impossible number": content({**row(-5), "체납액": "NaN"}),
    }
    malformed = frozenset({"a cell too long", "nothing in it"})
    #: Of the server that the session started.
    url: ClassVar[str] = ""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # A name that has to be quoted, as partners' names sometimes do.
        self.table = '연계 "표" ' + hashlib.sha256(str(folder).encode()).hexdigest()[:8]
        self._link: psycopg.AsyncConnection[Any] | None = None

    async def link(self) -> psycopg.AsyncConnection[Any]:
        if self._link is None:
            self._link = await psycopg.AsyncConnection.connect(self.url, autocommit=True)
        return self._link

    def on_table(self, text: str) -> sql.Composed:
        """A statement, {} in it the table."""
        return sql.SQL(text).format(sql.Identifier(self.table))  # type: ignore[arg-type]

    async def sql(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement on the table, {} in it."""
        cursor = await (await self.link()).execute(self.on_table(text), values or None)
        return await cursor.fetchall() if cursor.description else []

    async def open(self) -> None:
        texts = ", ".join(f'"{name}" text' for name in (*COLUMNS[:2], *COLUMNS[3:7], *ANSWERS.values()))
        await self.sql(
            f'CREATE TABLE IF NOT EXISTS {{}} (seq bigint PRIMARY KEY, {texts}, "생년월일" date, "체납액" numeric, '
            "전송상태 char(1) NOT NULL DEFAULT 'N', 오류내용 varchar(200))"
        )

    async def close(self) -> None:
        if self._link is not None:
            await self._link.close()
            self._link = None

    def config(self) -> dict[str, Any]:
        at = urlsplit(self.url)
        return {
            "host": at.hostname,
            "port": at.port,
            "database": at.path.lstrip("/"),
            "username": at.username,
            "password": at.password,
            "tls": "disable",
            "table": self.table,
            "key": "seq",
            "columns": COLUMNS,
            "answers": ANSWERS,
            "poll_s": 0.01,
            "status": "전송상태",
            "error": "오류내용",
        }

    def good(self, number: int) -> bytes:
        return content(row(number))

    def number(self, event: Event) -> int:
        told = str(event["data"]["cells"][-1])
        return int(told) if told.isdigit() else -1

    async def put(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows, as new ones."""
        names = ", ".join(f'"{name}"' for name in ("seq", *COLUMNS))
        again = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in COLUMNS)
        places = ", ".join(["%s"] * (len(COLUMNS) + 1))
        insert = f"INSERT INTO {{}} ({names}) VALUES ({places})"  # noqa: S608 - the test's own names
        statement = self.on_table(f"{insert} ON CONFLICT (seq) DO UPDATE SET {again}, 전송상태 = 'N'")
        async with (await self.link()).cursor() as cursor:
            await cursor.executemany(statement, [[held.get(n) for n in ("seq", *COLUMNS)] for held in rows])

    async def feed(self, content: bytes) -> Answer:
        values = orjson.loads(content)
        await self.put([values])
        return await self._answer(values["seq"])

    async def _answer(self, key: int) -> Answer:
        for _ in range(int(self.patience_s / 0.005)):
            ((status, error),) = await self.sql("SELECT 전송상태, 오류내용 FROM {} WHERE seq = %s", key)
            if status == "S":
                return Answer(taken=True)
            if status == "E":
                return Answer(taken=False, reasons=({"path": "column", "code": "unreadable", "text": error},))
            await asyncio.sleep(0.005)
        return Answer(taken=False)

    async def feed_many(self, numbers: Iterable[int]) -> Answer:
        wanted = list(numbers)
        await self.put(row(n) for n in wanted)
        for _ in range(60_000):
            ((left,),) = await self.sql("SELECT count(*) FROM {} WHERE 전송상태 = 'N'")
            if not left:
                return Answer(taken=True)
            await asyncio.sleep(0.01)
        return Answer(taken=False)

    async def shown(self) -> set[int] | None:
        rows = await self.sql("SELECT seq FROM {} WHERE 진행상태 <> '' OR 오류내용 <> ''")
        return {seq for (seq,) in rows}
