"""What the hub says, as it stands in the partner's own rows."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.protocol import Change, Origin, Receipt
from connectors.table import TableConnector
from connectors.table.answers import _side_by_side
from connectors.table.config import TableConfig
from connectors.table.rows import read
from connectors.table.statements import Shape
from tests.connectors.table.polling import TablePartner, row
from tests.connectors.table.trying import Taken, connector, once, stop

ORIGIN = Origin("partner", "table", b"k" * 32, lambda: "2026-11-22T03:00:00Z")  # type: ignore[arg-type]
ID = "0f2d6f6a-6d3e-4a44-9f43-%012d"


def receipt(key: int, status: str = "recorded", *referrals: dict[str, str], **more: Any) -> Receipt:
    return Receipt(f"{key:032}", "//agency/partner/table", status, 1, about=str(key), referrals=referrals, **more)


def referral(number: int, state: str = "offered", receiver: str = "sangbong", due: str = "") -> dict[str, str]:
    return {"id": ID % number, "number": "T-1", "need": "meal", "state": state, "receiver": receiver, "due": due}


def test_answers_that_do_not_fit_the_ids_beside_them_are_given_to_none() -> None:
    """A column that was cut, or emptied by hand: no state may stand at another referral's place."""
    stands = {"b": {"state": "accepted"}}
    assert _side_by_side(["a", "b"], {"state": "offered; offered"}, stands) == {"state": "offered; accepted"}
    assert _side_by_side(["a", "b", "c"], {"state": "offered; offered"}, stands) == {"state": "; accepted; "}
    assert _side_by_side(["b"], {"state": "a; b"}, {}) == {"state": "a; b"}


@pytest.mark.parametrize(
    ("key", "number"), [("1", 1), ("10000000", 10_000_000), ("10000001", 1), ("20261122000001", 1)]
)
def test_a_key_that_is_no_row_number_is_none(key: str, number: int) -> None:
    """The hub takes rows up to ten million; a key that bears the date is larger."""
    config = TableConnector.Config.model_validate(TableConnector.EXAMPLE)
    assert isinstance(config, TableConfig)
    found = read((key, *["x"] * len(config.columns)), config, Shape({}, {}, config.columns), ORIGIN)
    assert isinstance(found.item, dict)
    assert (found.key, found.item["data"]["row"]) == (key, number)


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


async def test_a_change_that_comes_before_its_receipt_is_in_it(partner: TablePartner) -> None:
    one = await sent(partner, 1)
    await one.follow([Change(7, "referral.changed", "", {"referral": ID % 1, "to": "delivered"})])
    await one.tell([receipt(1, "recorded", referral(1, "delivered"))])
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
