"""Damaged rows in a database that checks no charset: each is sent or marked with a reason, and the next one passes."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from pathlib import Path

import orjson
import psycopg
import pytest
from psycopg import sql

from connectors.table import TableConnector
from connectors.testing.stage import AGENCY
from hub.schemas.envelope import Envelope, parse
from tests.connectors.mutating import mutant, resident
from tests.connectors.table.polling import TablePartner, row
from tests.connectors.table.trying import Taken, connector, once, stop

TOWN = Path(__file__).parents[2] / "samples" / "jinju"
COLUMNS = ("number", "name", "phone", "address", "remark")
#: Octets as they are: the server checks none, and the driver would encode text.
INSERT = b"INSERT INTO fuzzed VALUES (%s" + b", convert_from(%s, 'SQL_ASCII')" * len(COLUMNS) + b")"
#: Damaged rows of one look, each with a good one behind it.
TOGETHER = 50
GROWTH = 48 * 1024 * 1024


def seeds() -> list[bytes]:
    """Cells as registers hold them, and what spreadsheets and databases stumble over."""
    register = (TOWN / "housing-arrears.csv").read_bytes()
    text = register.decode("utf-8-sig" if register.startswith(b"\xef") else "cp949")
    cells = {cell for line in csv.reader(io.StringIO(text)) for cell in line}
    odd = ("=1+1", "'); DROP TABLE fuzzed; --", "NaN", "\u202e박순자", "뷁", "\r\n", "a\u0301", "😀", "N", "{}")
    return [
        *(c.encode() for c in sorted(cells)),
        *(c.encode("cp949", "ignore") for c in sorted(cells)),
        *map(str.encode, odd),
    ]


def cell(dice: random.Random, held: list[bytes]) -> bytes | None:
    """One cell: as it is, damaged, or nothing. PostgreSQL holds every octet but 0."""
    found = dice.choice(held)
    if dice.random() < 0.1:
        return None
    return mutant(dice, found).replace(b"\0", b"") if dice.random() < 0.7 else found


class Old:
    """A table of a database without a charset, as old programs have it. Cells go in and come out as bytes."""

    def __init__(self, partner: TablePartner) -> None:
        self._partner = partner
        self.name = f"fuzz_{abs(hash(partner.table))}"

    async def make(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._partner.url, autocommit=True) as link:
            charset = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
            await link.execute(sql.SQL("CREATE DATABASE {} " + charset).format(sql.Identifier(self.name)))  # type: ignore[arg-type]
        columns = ", ".join(f"{name} text" for name in COLUMNS)
        await self.execute(f"CREATE TABLE fuzzed (seq int PRIMARY KEY, {columns}, st text DEFAULT 'N', err text)")

    async def execute(self, text: str) -> list[tuple[int, bytes, bytes | None]]:
        base, _, _ = self._partner.url.rpartition("/")
        async with await psycopg.AsyncConnection.connect(f"{base}/{self.name}", autocommit=True) as link:
            cursor = await link.execute(text.encode())
            return await cursor.fetchall() if cursor.description else []

    async def put(self, rows: dict[int, list[bytes | None]]) -> None:
        base, _, _ = self._partner.url.rpartition("/")
        there = psycopg.AsyncConnection.connect(f"{base}/{self.name}", autocommit=True)
        async with await there as link, link.cursor() as cursor:
            await cursor.executemany(INSERT, [[key, *cells] for key, cells in rows.items()])

    def connector(self) -> TableConnector:
        return connector(
            self._partner,
            database=self.name,
            table="fuzzed",
            columns=list(COLUMNS),
            answers=None,
            status="st",
            error="err",
            number="number",
            batch=2 * TOGETHER,
        )


def good(number: int) -> list[bytes | None]:
    held = row(number)
    return [f"GOOD-{number}".encode(), *(str(held[name]).encode() for name in ("이름", "연락처", "주소", "욕구"))]


async def fuzzed(partner: TablePartner, seed: int, count: int) -> Counter[str]:
    """Write so many damaged rows, a good one behind each. How many were sent, and which reasons the others have."""
    dice, held, take, codes = random.Random(seed), seeds(), Taken(), Counter[str]()  # noqa: S311 - mutations, no secret
    old = Old(partner)
    await old.make()
    one, start = old.connector(), 0
    for first in range(0, count, TOGETHER):
        rows: dict[int, list[bytes | None]] = {}
        for n in range(first, first + TOGETHER):
            nothing = dice.random() < 0.02
            rows[2 * n] = [None if nothing else cell(dice, held) for _ in COLUMNS]
            rows[2 * n + 1] = good(n)
        await old.put(rows)
        assert await once(one, take) == 2 * TOGETHER
        told = await old.execute("SELECT seq, st, err FROM fuzzed ORDER BY seq")
        _judged(told, take, codes)
        assert {e["data"]["cells"][0] for e in take.events.values()} >= {
            f"GOOD-{n}" for n in range(first, first + TOGETHER)
        }
        take.events.clear()
        take.about.clear()
        await old.execute("TRUNCATE fuzzed")
        start = start or (resident() if first >= 4 * TOGETHER else 0)
    await stop(one)
    assert resident() - (start or resident()) < GROWTH
    return codes


def _judged(told: list[tuple[int, bytes, bytes | None]], take: Taken, codes: Counter[str]) -> None:
    sent = {int(about) for about in take.about}
    for seq, status, error in told:
        reason = (error or b"").decode()
        assert (status, seq in sent) in {(b"S", True), (b"E", False)}
        assert seq % 2 == 0 or status == b"S", "a good row"
        assert (status == b"S") == (not reason)
        assert status == b"S" or "column" in reason, reason
        codes[reason.partition(": ")[2] or reason or "sent"] += seq % 2 == 0
    # What was sent is what the hub's door takes.
    assert all(isinstance(parse(orjson.dumps(e), AGENCY), Envelope) for e in take.events.values())


async def test_three_hundred_damaged_rows(partner: TablePartner) -> None:
    codes = await fuzzed(partner, 31, 300)
    assert codes.total() == 300
    assert {"sent", "bytes that are neither UTF-8 nor CP949"} <= codes.keys()


@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_ten_thousand_damaged_rows(partner: TablePartner) -> None:
    codes = await fuzzed(partner, 32, 10_000)
    assert codes.total() == 10_000
    wanted = {"sent", "bytes that are neither UTF-8 nor CP949", "longer than 10000 characters", "every column is empty"}
    assert wanted <= codes.keys()
