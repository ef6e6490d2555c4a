"""The way back (receipts and changes as RRI), and what a person asks before running: check, discover, backfill."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.hl7v2 import Hl7v2Connector
from connectors.hl7v2 import partner as sending
from connectors.hl7v2.config import Hl7v2Config
from connectors.hl7v2.connector import news_of
from connectors.hl7v2.messages import Heard, hear
from connectors.hl7v2.mllp import Frame
from connectors.protocol import Broken, Change, Receipt
from connectors.testing import free_port
from connectors.upstream import Backoff
from hub.errors import Usage
from tests.connectors.hl7v2.hospital import ORIGIN, Receiver, ref, segments
from tests.connectors.hl7v2.test_listener import Taken

ONE, TWO = "4be0643f-1d98-8573-97cd-ca98a65347dd", "aaaa643f-1d98-8573-97cd-ca98a65347dd"
AT = "2026-11-23T01:00:00.000Z"


def about(number: int) -> str:
    octets = ref(number)
    found = hear(Frame(octets, len(octets)), 65_536, "UNICODE UTF-8")
    assert isinstance(found, Heard)
    return found.about()


def receipt(number: int, referral: str, state: str = "offered") -> Receipt:
    held = {"id": referral, "state": state, "receiver": "lh", "due": "2026-11-24T09:00:00.000Z"}
    return Receipt(f"id{number}", "//agency/jeil/hl7v2", "recorded", number, referrals=(held,), about=about(number))


def changed(position: int, referral: str, to: str) -> Change:
    facts = {"referral": referral, "by": "lh", "from": "offered", "to": to, "reason": "", "change": "x"}
    return Change(position, "referral.changed", AT, facts)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver(free_port())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    async def short(_: float) -> None:
        await asyncio.sleep(0.01)

    monkeypatch.setattr(sending, "Backoff", lambda _: Backoff(short))


@pytest.fixture
async def connector(receiver: Receiver, tmp_path: Path) -> AsyncIterator[Hl7v2Connector]:
    made = again(receiver, tmp_path)
    yield made
    await hang_up(made)


def again(receiver: Receiver, folder: Path) -> Hl7v2Connector:
    """A connector as it is after a restart."""
    memory = folder / "memory.sqlite"
    config = Hl7v2Config(partner_host="127.0.0.1", partner_port=receiver.port, memory_file=memory, answer_s=2)
    return Hl7v2Connector(config, ORIGIN)


async def hang_up(connector: Hl7v2Connector) -> None:
    if connector._partner:
        await connector._partner.close()
    if connector._memory:
        connector._memory.close()


def states(receiver: Receiver) -> list[tuple[str, str]]:
    return [(told["ZIU"][1], told["ZIU"][2]) for told in map(segments, receiver.heard)]


async def test_a_receipt_and_what_follows_reach_the_hospital_in_order(
    connector: Hl7v2Connector, receiver: Receiver
) -> None:
    await connector.tell([receipt(1, ONE)])
    await connector.follow([changed(7, ONE, "accepted"), changed(8, TWO, "accepted"), changed(9, ONE, "in_service")])
    assert states(receiver) == [(ONE, "offered"), (ONE, "accepted"), (ONE, "in_service")]
    assert segments(receiver.heard[2])["RF1"][6] == "JI-26-1^JEIL"


async def test_changes_before_the_receipt_wait_for_it(connector: Hl7v2Connector, receiver: Receiver) -> None:
    await connector.follow([changed(7, ONE, "accepted"), changed(8, ONE, "in_service"), changed(9, TWO, "accepted")])
    assert states(receiver) == []
    await connector.tell([receipt(1, ONE)])
    assert states(receiver) == [(ONE, "offered"), (ONE, "accepted"), (ONE, "in_service")]


async def test_a_restart_forgets_nothing(connector: Hl7v2Connector, receiver: Receiver, tmp_path: Path) -> None:
    await connector.tell([receipt(1, ONE)])
    await connector.follow([changed(5, TWO, "accepted")])
    await hang_up(connector)
    later = again(receiver, tmp_path)
    await later.follow([changed(7, ONE, "accepted")])
    await later.tell([receipt(2, TWO)])
    await hang_up(later)
    assert states(receiver) == [(ONE, "offered"), (ONE, "accepted"), (TWO, "offered"), (TWO, "accepted")]
    assert b"JI-26-1" not in (tmp_path / "memory.sqlite").read_bytes()


@pytest.mark.parametrize("code", ["AE", "AR", "CR", "hang up"])
async def test_only_the_partners_acknowledgment_ends_the_telling(
    connector: Hl7v2Connector, receiver: Receiver, code: str
) -> None:
    receiver.codes = [code, code]
    await connector.tell([receipt(1, ONE), receipt(2, TWO)])
    told = [segments(octets)["MSH"][10] for octets in receiver.heard]
    assert len(set(told)) == 2, "the same news has the same control id"
    assert told == sorted(told, key=told.index), "nothing overtook what was not told yet"
    assert len(told) == (2 if code == "hang up" else 4)


async def test_an_absent_partner_is_waited_for(connector: Hl7v2Connector, receiver: Receiver) -> None:
    await receiver.stop()
    telling = asyncio.create_task(connector.tell([receipt(1, ONE)]))
    await asyncio.sleep(0.2)
    assert not telling.done()
    await receiver.start()
    await asyncio.wait_for(telling, 5)
    assert states(receiver) == [(ONE, "offered")]


async def test_a_refusal_is_told_with_its_reasons(connector: Hl7v2Connector, receiver: Receiver) -> None:
    reasons = ({"path": "PID-5", "code": "missing", "text": "No name and no way to reach anyone."},)
    await connector.tell([Receipt("id", "s", "refused", 4, reasons, about=about(1))])
    told = segments(receiver.heard[0])
    assert told["RF1"][1].startswith("R^")
    assert told["ERR"][2:4] == ["PID^1^5", "101^Required field missing^HL70357"]


def test_what_the_outbox_says_becomes_news() -> None:
    facts = {"referral": ONE, "to": "lh", "due": AT, "rank": 1, "reason": "", "urgency": "routine"}
    offered = news_of(Change(3, "referral.offered", AT, facts))
    assert offered
    assert (offered.state, offered.receiver, offered.due, offered.trigger) == ("offered", "lh", AT, "I13")
    unplaced = news_of(Change(3, "referral.unplaced", AT, {"referral": ONE, "owner": "dong", "reason": "nobody_left"}))
    assert unplaced
    assert (unplaced.state, unplaced.receiver) == ("unplaced", "dong")
    expired = news_of(Change(3, "offer.expired", AT, facts))
    assert expired
    assert expired.state == "expired"
    assert news_of(changed(3, ONE, "withdrawn")).trigger == "I14"  # type: ignore[union-attr]
    assert news_of(Change(3, "review.opened", AT, {"review": ONE})) is None


# ------------------------------------------------------------------ before running
async def test_check_names_what_is_wrong_and_the_fix(tmp_path: Path) -> None:
    server = Receiver(free_port())
    await server.start()
    config = Hl7v2Config(
        port=server.port,
        certificate_file=tmp_path / "none.pem",
        key_file=tmp_path / "none.key",
        charset="KOREAN",
        partner_host="127.0.0.1",
        partner_port=free_port(),
        memory_file=tmp_path / "memory.sqlite",
        folder=tmp_path / "none",
    )
    found = {check.name: check for check in await Hl7v2Connector(config, ORIGIN).check()}
    await server.stop()
    assert [name for name, check in found.items() if not check.ok] == [
        "listen",
        "certificate",
        "charset",
        "partner",
        "folder",
    ]
    assert all(check.fix for check in found.values() if not check.ok)


async def test_check_is_content_with_what_works(receiver: Receiver, tmp_path: Path) -> None:
    config = Hl7v2Config(
        port=free_port(),
        partner_host="127.0.0.1",
        partner_port=receiver.port,
        memory_file=tmp_path / "m",
        folder=tmp_path,
    )
    assert [check.name for check in await Hl7v2Connector(config, ORIGIN).check() if not check.ok] == []
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == [], "check leaves nothing behind"


def test_answers_need_a_memory() -> None:
    with pytest.raises(ValidationError, match="memory_file"):
        Hl7v2Config(partner_host="10.0.0.1")


async def test_discover_shows_the_folders_messages_and_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.hl7").write_bytes(ref(1) + ref(2))
    (tmp_path / "b.hl7").write_bytes(ref(3).replace(b"KS X 1001", b"BIG5"))
    (tmp_path / "c.hl7").write_bytes(b"no message")
    connector = Hl7v2Connector(Hl7v2Config(folder=tmp_path), ORIGIN)
    found = await connector.discover(10)
    assert [isinstance(one, Broken) for one in found] == [False, False, True, True]
    assert found[2] == Broken("b.hl7", 1, "MSH-18: This charset is not known.")
    assert len(await connector.discover(1)) == 1


async def test_backfill_takes_what_is_not_older(tmp_path: Path) -> None:
    (tmp_path / "a.hl7").write_bytes(ref(1) + ref(2).replace(b"20261117091500||REF", b"20261001091500||REF"))
    taken = Taken()
    assert await Hl7v2Connector(Hl7v2Config(folder=tmp_path), ORIGIN).backfill("2026-11-01", taken) == 1
    with pytest.raises(Usage, match="No folder"):
        await Hl7v2Connector(Hl7v2Config(), ORIGIN).backfill("2026-11-01", taken)
