"""`check` on a real PostgreSQL: what is wrong is named, with how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.protocol import Check
from tests.connectors.table.polling import COLUMNS, TablePartner, row
from tests.connectors.table.trying import Taken, by_id, connector, once, stop


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
