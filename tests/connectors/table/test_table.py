"""The table connector on a real PostgreSQL: cells, what is new, late rows."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from hub.errors import Usage
from tests.connectors.table.polling import COLUMNS, TablePartner, row
from tests.connectors.table.trying import Taken, by_id, connector, once, running, stop


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


async def test_what_follows_a_held_row_under_the_same_number_waits_with_it(partner: TablePartner) -> None:
    """Else the correction would be there first, and what it corrects would count as the correction."""
    await partner.put([row(1), row(2), row(51), row(52)])  # 1 and 51 are of one number, as are 2 and 52
    take, one = Taken(), connector(partner)
    async with await psycopg.AsyncConnection.connect(partner.url) as other:
        await other.execute(partner.on_table("SELECT 1 FROM {} WHERE seq = 1 FOR UPDATE"))
        assert await once(one, take) == 2
        assert await once(one, take) == 0
    assert await once(one, take) == 2
    await stop(one)
    assert take.about == ["2", "52", "1", "51"]


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
