"""The table connector on a real PostgreSQL: cells, answers, late rows, rights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.protocol import Change, Check, Event, Full, Receipt
from connectors.table import TableConnector
from connectors.testing.stage import made
from hub.errors import Usage
from tests.connectors.table.polling import COLUMNS, TablePartner, row

ID = "0f2d6f6a-6d3e-4a44-9f43-%012d"


class Taken:
    """A spool that only remembers; full on demand."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.about: list[str] = []
        self.mark = ""
        self.full = False

    async def __call__(self, events: Sequence[Event], *, about: Sequence[str] = (), mark: str | None = None) -> int:
        if self.full:
            raise Full("full")
        new = [e for e in events if e["id"] not in self.events]
        self.events |= {e["id"]: e for e in events}
        self.about += about
        self.mark = mark or self.mark
        return len(new)

    def cells(self) -> list[list[str]]:
        return [e["data"]["cells"] for e in self.events.values()]


@pytest.fixture
async def partner(tmp_path: Path) -> AsyncIterator[TablePartner]:
    found = TablePartner(tmp_path)
    await found.open()
    yield found
    await found.close()


def connector(partner: TablePartner, mark: str = "", **changed: Any) -> TableConnector:
    config = {**partner.config(), **changed}
    found = made(TableConnector, {k: v for k, v in config.items() if v is not None}, mark)
    assert isinstance(found, TableConnector)
    return found


def by_id(partner: TablePartner, mark: str = "", **changed: Any) -> TableConnector:
    """It only reads: no status, nothing written back."""
    bare = {"mode": "id", "status": None, "error": None, "answers": None}
    return connector(partner, mark, **{**bare, **changed})


@asynccontextmanager
async def running(one: TableConnector, take: Taken) -> AsyncIterator[None]:
    task = asyncio.create_task(one.run(take))
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def once(one: TableConnector, take: Taken) -> int:
    round_ = one._by_status if one.config.mode == "status" else one._by_id
    return await round_(take)


async def stop(*some: TableConnector) -> None:
    for one in some:
        await one._rows.close()
        await one._told.close()


# ------------------------------------------------------------------ cells
async def test_cells_are_text_as_people_write_it(partner: TablePartner) -> None:
    await partner.sql(
        "ALTER TABLE {} ADD b boolean, ADD n numeric(12,2), ADD d date, ADD t timestamp, ADD z timestamptz, "
        "ADD c char(5), ADD x int, ADD far date, ADD j jsonb, ADD a text[]"
    )
    await partner.put([row(1)])
    await partner.sql(
        "UPDATE {} SET b = true, n = 12000.5, d = '2026-11-02', t = '2026-11-02 09:05', "
        "z = '2026-11-02 09:05+09', c = 'ab', far = 'infinity', j = '{{\"k\": 1}}', a = '{{가,나}}'"
    )
    take, names = Taken(), ("접수번호", "b", "n", "d", "t", "z", "c", "x", "far", "j", "a")
    one = connector(partner, columns=names)
    await once(one, take)
    await stop(one)
    (cells,) = take.cells()
    assert cells[:6] == ["T-1", "Y", "12000.50", "2026-11-02", "2026-11-02 09:05:00", "2026-11-02T00:05:00Z"]
    assert cells[6:] == ["ab", "", "infinity", '{"k": 1}', "{가,나}"]


async def test_a_database_without_a_charset_is_read_as_cp949(partner: TablePartner) -> None:
    base, _, _ = partner.url.rpartition("/")
    async with await psycopg.AsyncConnection.connect(partner.url, autocommit=True) as link:
        await link.execute(
            "CREATE DATABASE old ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc "
            "TEMPLATE template0"
        )
    async with await psycopg.AsyncConnection.connect(f"{base}/old", autocommit=True) as link:
        await link.execute("CREATE TABLE r (seq int PRIMARY KEY, no text, name text, st text, err text)")
        for seq, name in enumerate(("김뷁".encode("cp949"), "김뷁".encode(), b"\xff\xff\xfe"), 1):
            await link.execute(b"INSERT INTO r VALUES (%d, 'A-1', '%s', 'N')" % (seq, name))
        one = connector(
            partner, database="old", table="r", columns=["no", "name"], answers=None, status="st", error="err"
        )
        take = Taken()
        await once(one, take)
        await stop(one)
        told = await (await link.execute("SELECT seq, st, err FROM r ORDER BY seq")).fetchall()
    assert take.cells() == [["A-1", "김뷁"], ["A-1", "김뷁"]]
    assert [(k, s) for k, s, _ in told] == [(1, b"S"), (2, b"S"), (3, b"E")]
    assert b"column name" in told[2][2]


# ------------------------------------------------------------------ status
async def test_at_the_bound_rows_stay_new(partner: TablePartner) -> None:
    await partner.put([row(1)])
    take, one = Taken(), connector(partner)
    take.full = True
    async with running(one, take):
        await asyncio.sleep(0.2)
        assert await partner.sql("SELECT 전송상태 FROM {}") == [("N",)]
        take.full = False
        assert (await partner._answer(1)).taken
    assert len(take.events) == 1


async def test_a_row_that_the_partner_holds_is_passed_over(partner: TablePartner) -> None:
    await partner.put([row(1), row(2)])
    take, one = Taken(), connector(partner)
    async with await psycopg.AsyncConnection.connect(partner.url) as other:
        await other.execute(partner.on_table("SELECT 1 FROM {} WHERE seq = 1 FOR UPDATE"))
        assert await once(one, take) == 1
    assert await once(one, take) == 1
    await stop(one)
    assert take.about == ["2", "1"]


async def test_it_goes_on_when_the_database_comes_back(partner: TablePartner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.table.database.FIRST_S", 0.01)
    take, one = Taken(), connector(partner)
    async with running(one, take):
        await partner.feed(partner.good(1))
        await partner.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'ieum%%'")
        assert (await partner.feed(partner.good(2))).taken
    assert len(take.events) == 2


async def test_a_table_that_lacks_a_column_ends_it_with_a_remedy(partner: TablePartner) -> None:
    one = connector(partner, status="nowhere")
    with pytest.raises(Usage, match="nowhere"):
        await one.run(Taken())


# ------------------------------------------------------------------ answers
def receipt(key: int, status: str = "recorded", *referrals: dict[str, str], **more: Any) -> Receipt:
    return Receipt(f"{key:032}", "//agency/partner/table", status, 1, about=str(key), referrals=referrals, **more)


def referral(number: int, state: str = "offered", receiver: str = "sangbong", due: str = "") -> dict[str, str]:
    return {"id": ID % number, "number": "T-1", "need": "meal", "state": state, "receiver": receiver, "due": due}


async def shown(partner: TablePartner, key: int = 1) -> tuple[Any, ...]:
    text = "SELECT 이음번호, 진행상태, 담당기관, 회신기한, 전송상태, 오류내용 FROM {} WHERE seq = %s"
    return (await partner.sql(text, key))[0]


async def sent(partner: TablePartner, *numbers: int) -> TableConnector:
    await partner.put([row(n) for n in numbers])
    one = connector(partner)
    await once(one, Taken())
    return one


async def test_a_receipt_stands_in_its_row(partner: TablePartner) -> None:
    one = await sent(partner, 1, 2)
    reason = {"path": "욕구", "code": "unknown_need", "text": "This need is not in the mapping."}
    due = "2026-11-25T00:00:00Z"
    await one.tell([receipt(1, "recorded", referral(1, due=due)), receipt(2, "refused", reasons=(reason,))])
    await stop(one)
    assert await shown(partner) == (ID % 1, "offered", "sangbong", due, "S", "")
    assert (await shown(partner, 2))[4:] == ("E", "욕구: This need is not in the mapping.")


async def test_what_happens_since_stands_in_the_row_and_an_old_receipt_does_not_undo_it(partner: TablePartner) -> None:
    one = await sent(partner, 1)
    told = receipt(1, "recorded", referral(1), referral(2, receiver="lh"))
    await one.tell([told])
    facts = {"referral": ID % 2, "to": "accepted"}
    await one.follow([Change(7, "referral.changed", "2026-11-22T00:00:00Z", facts)])
    await one.tell([told])
    await stop(one)
    assert await shown(partner) == (f"{ID % 1} {ID % 2}", "offered; accepted", "sangbong; lh", "; ", "S", "")


async def test_a_change_that_comes_before_its_receipt_is_kept(partner: TablePartner) -> None:
    one = await sent(partner, 1)
    await one.follow([Change(7, "referral.changed", "", {"referral": ID % 1, "to": "delivered"})])
    await one.tell([receipt(1, "recorded", referral(1))])
    await stop(one)
    assert (await shown(partner))[1] == "delivered"


async def test_a_row_that_was_made_new_again_keeps_its_status(partner: TablePartner) -> None:
    one = await sent(partner, 1)
    await partner.put([row(1)])
    await one.tell([receipt(1, "refused", reasons=({"path": "", "code": "x", "text": "no"},))])
    await stop(one)
    assert (await shown(partner))[4:] == ("N", None)


async def test_an_answer_wider_than_its_column_is_cut(partner: TablePartner) -> None:
    one = await sent(partner, 1)
    reasons = tuple({"path": "주소", "code": "x", "text": "long " * 20} for _ in range(20))
    await one.tell([receipt(1, "refused", reasons=reasons)])
    await stop(one)
    assert len((await shown(partner))[5]) == 200


# ------------------------------------------------------------------ id
async def test_by_id_a_smaller_key_that_commits_later_is_not_missed(partner: TablePartner) -> None:
    take, one = Taken(), by_id(partner, lookback=0)
    async with await psycopg.AsyncConnection.connect(partner.url) as slow:
        await slow.execute(partner.on_table("INSERT INTO {} (seq, 접수번호) VALUES (1, 'T-1')"))
        await partner.put([row(2)])
        assert await once(one, take) == 0  # 2 is there, and waits for who may still bring 1
        await slow.commit()
    assert await once(one, take) == 2
    await stop(one)
    assert take.about == ["1", "2"]
    assert take.mark == "2"


async def test_by_id_a_number_drawn_long_ago_is_found_within_the_window(partner: TablePartner) -> None:
    take, one = Taken(), by_id(partner)
    await partner.put([row(2)])
    await once(one, take)
    await partner.put([row(1)])
    await once(one, take)
    assert await once(one, take) == 0
    again = by_id(partner, mark=take.mark)
    assert await once(again, take) == 2  # read again after a restart; the spool knows them
    await stop(one, again)
    assert len(take.events) == 2


async def test_by_id_the_session_can_only_read(partner: TablePartner) -> None:
    one = by_id(partner)
    async with one._rows.transaction() as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("CREATE TABLE x ()")
    await stop(one)


async def test_older_rows_are_taken_by_their_date(partner: TablePartner) -> None:
    await partner.sql("ALTER TABLE {} ADD 등록일 date DEFAULT '2026-01-05'")
    await partner.put([row(n) for n in range(1, 8)])
    await partner.sql("UPDATE {} SET 등록일 = '2026-10-01', 전송상태 = 'S' WHERE seq > 2")
    take, one = Taken(), connector(partner, since="등록일", batch=2)
    assert await one.backfill("2026-09-01", take) == 5
    assert await one.backfill("2026-09-01", take) == 0
    await stop(one)


async def test_discover_shows_rows_and_changes_nothing(partner: TablePartner) -> None:
    await partner.put([row(1), row(2)])
    (found,) = await connector(partner).discover(1)
    assert isinstance(found, dict)
    assert found["data"]["header"] == list(COLUMNS)
    assert await partner.sql("SELECT DISTINCT 전송상태 FROM {}") == [("N",)]


# ------------------------------------------------------------------ check
def wrong(checks: Sequence[Check]) -> dict[str, str]:
    return {c.name: c.fix for c in checks if not c.ok}


async def test_check_finds_nothing_wrong_where_nothing_is(partner: TablePartner) -> None:
    assert wrong(await connector(partner).check()) == {}
    assert wrong(await by_id(partner).check()) == {}


async def test_check_names_the_rights_that_lack(partner: TablePartner) -> None:
    user = f"u{abs(hash(partner.table))}"
    await partner.sql(f"CREATE ROLE {user} LOGIN PASSWORD 'pw'")
    await partner.sql(f"GRANT SELECT (seq, 접수번호) ON {{}} TO {user}")
    found = wrong(await connector(partner, username=user, password="pw").check())
    assert found.keys() == {"reading", "writing"}
    assert "GRANT SELECT" in found["reading"]
    assert "GRANT UPDATE (전송상태, 오류내용, 이음번호" in found["writing"]
    await partner.sql(
        f"GRANT SELECT, UPDATE (전송상태, 오류내용, 이음번호, 진행상태, 담당기관, 회신기한) ON {{}} TO {user}"
    )
    one = connector(partner, username=user, password="pw")
    assert wrong(await one.check()) == {}
    await partner.put([row(1)])
    assert await once(one, Taken()) == 1
    await stop(one)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"password": "wrong"}, "connection"),
        ({"port": 1}, "connection"),
        ({"table": "nowhere"}, "columns"),
        ({"status": "nowhere"}, "columns"),
        ({"answers": {"id": "오류내용"}, "error": "진행상태"}, ""),
        ({"key": "체납액"}, "key"),
    ],
)
async def test_check_names_what_is_wrong(partner: TablePartner, changed: dict[str, Any], name: str) -> None:
    columns = [c for c in COLUMNS if c != changed.get("key")]
    found = wrong(await connector(partner, **{"columns": columns, **changed}).check())
    assert list(found) == ([name] if name else [])
    assert all(found.values())
