"""Rows that the hub refused are tried again when they are dropped again: once a drop, and no other row is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.protocol import Receipt
from connectors.reading import Sender
from tests.connectors.files.conftest import Desk
from tests.connectors.files.dropping import row

ROWS = [["LH-1", *row(1)[1:]], ["LH-2", *row(2)[1:]], ["LH-3", *row(3)[1:]]]
REFUSAL = {"path": "욕구", "code": "unknown_need", "text": "unknown"}
REFERRAL = {"id": "r-1", "number": "LH-1", "state": "offered", "receiver": "sangbong", "due": ""}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    held = Desk(tmp_path, retry_refused="always")
    yield held
    held.connector.outcomes.close()


async def dropped(desk: Desk, name: str = "a.csv") -> list[str]:
    """Drop the list, and tell the first cells of what was taken anew."""
    before = set(desk.taken)
    desk.put(name, ROWS)
    assert await desk.look()
    return [event["data"]["cells"][0] for id_, event in desk.taken.items() if id_ not in before]


async def refused(desk: Desk, cell: str = "LH-2") -> None:
    await desk.tell(cell, "refused", reasons=(REFUSAL,))


async def test_a_refused_row_is_tried_once_a_drop_and_no_other_row_is(desk: Desk) -> None:
    assert await dropped(desk) == ["LH-1", "LH-2", "LH-3"]
    await desk.tell("LH-1", referrals=(REFERRAL,))
    await refused(desk)
    first = desk.event("LH-2")
    assert await dropped(desk) == ["LH-2"]
    second = desk.event("LH-2")
    assert second == {**first, "id": second["id"]}, "the envelope says nothing new"
    assert await dropped(desk) == [], "the hub has not answered yet"
    await refused(desk)
    assert await dropped(desk) == ["LH-2"]
    third = desk.event("LH-2")
    assert len({first["id"], second["id"], third["id"]}) == 3
    await desk.tell("LH-2", referrals=({**REFERRAL, "id": "r-2"},))
    assert await dropped(desk) == [], "what is recorded stays so"
    assert await dropped(desk, "b.csv") == ["LH-1", "LH-2", "LH-3"], "another list"


async def test_each_refusal_is_followed_by_one_more_attempt(desk: Desk) -> None:
    ids = set()
    for _ in range(6):
        assert "LH-2" in await dropped(desk)
        assert await dropped(desk) == []
        ids.add(desk.event("LH-2")["id"])
        await refused(desk)
    assert len(ids) == 6
    assert len(desk.taken) == 6 + len(ROWS) - 1


@pytest.mark.parametrize("status", ["recorded", "seen", "pending", "taken"])
async def test_no_row_is_tried_again_that_was_not_refused(desk: Desk, status: str) -> None:
    await dropped(desk)
    await desk.tell("LH-2", status)
    assert await dropped(desk) == []
    await refused(desk)  # it was only pending
    assert await dropped(desk) == ["LH-2"]
    await desk.tell("LH-2", status)
    assert await dropped(desk) == []


async def test_the_report_shows_the_attempt_that_its_file_was(desk: Desk) -> None:
    await dropped(desk)
    await refused(desk)
    await dropped(desk)
    await desk.written()
    assert [line["상태"][:2] for line in desk.rows("a.report.csv")] == ["전송", "전송", "전송"]
    await desk.tell("LH-2", referrals=(REFERRAL,))
    assert [line["상태"] for line in desk.rows("a.report.csv")][1] == "수락 요청"
    assert [line["상태"][:2] for line in desk.rows("2026-11-22/a.report.csv")] == ["전송", "거절", "전송"]
    await desk.follow(7, "referral.changed", referral="r-1", to="accepted", **{"from": "offered"})
    assert [line["상태"] for line in desk.rows("a.report.csv")][1] == "수락"


async def test_a_report_that_is_dropped_as_it_is_tries_them_again(desk: Desk) -> None:
    await dropped(desk)
    await desk.tell("LH-1", referrals=(REFERRAL,))
    await refused(desk)
    before = set(desk.taken)
    report = (desk.drop / "reports/a.report.csv").read_bytes()
    desk.put("a.csv", ROWS)
    desk.put("a.report.csv", report)
    assert await desk.look()
    (new,) = desk.taken.keys() - before
    assert desk.taken[new]["data"]["cells"][0] == "LH-2"
    await desk.tell("LH-2", referrals=({**REFERRAL, "id": "r-2"},))
    assert [line["이음번호"] for line in desk.rows("a.report.csv")] == ["r-1", "r-2", ""]


async def test_messages_are_tried_again_too(desk: Desk) -> None:
    content = b'{"case_no": "V-1", "need": "x"}\n{"case_no": "V-2", "need": "x"}\n'
    desk.put("v.jsonl", content)
    await desk.look()
    held = list(desk.taken.values())
    await tell(desk, held[0], "refused")
    desk.put("v.jsonl", content)
    await desk.look()
    (again,) = list(desk.taken.values())[2:]
    await tell(desk, again, "recorded")
    assert [line["상태"] for line in desk.rows("v.jsonl.report.csv")] == ["접수", "전송 대기"]


async def tell(desk: Desk, event: dict[str, Any], status: str) -> None:
    await desk.connector.tell([Receipt(event["id"], event["source"], status)])
    await desk.written()


@pytest.mark.parametrize("step", ["hold", "moving", "move", "archived", "tidy"])
@pytest.mark.parametrize("answered", [False, True])
async def test_a_kill_on_the_way_tries_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str, *, answered: bool
) -> None:
    """Also where the hub has refused the new attempt before the file is begun again."""
    await dropped(desk)
    await refused(desk)
    before = set(desk.taken)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    owners = {"move": desk.connector.place, "tidy": desk.connector.drop}
    desk.put("a.csv", ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(owners.get(step, desk.connector.outcomes), step, killed)
        with pytest.raises(KeyboardInterrupt):
            await desk.look()
    if answered and step != "hold":
        await refused(desk)
    desk.connector.outcomes.close()
    desk.again()
    await desk.connector._recover()
    await desk.look()
    (new,) = desk.taken.keys() - before
    assert desk.taken[new]["data"]["cells"][0] == "LH-2"
    if not answered or step == "hold":
        await refused(desk)
    await desk.written()
    assert desk.files("archive") == ["2026-11-22/2/a.csv", "2026-11-22/a.csv"]
    assert [line["상태"][:2] for line in desk.rows("a.report.csv")] == ["전송", "거절", "전송"]
    assert await dropped(desk) == ["LH-2"]


async def test_a_file_that_is_read_again_as_it_grew_tries_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await dropped(desk)
    await refused(desk)
    before = set(desk.taken)

    async def grown(_: object) -> bool:
        monkeypatch.undo()
        await refused(desk)
        return False

    monkeypatch.setattr(desk.connector.drop, "is_same", grown)
    desk.put("a.csv", ROWS)
    assert not await desk.look()
    assert await desk.look()
    assert len(desk.taken.keys() - before) == 1


async def test_what_is_forgotten_is_taken_under_its_first_id(desk: Desk) -> None:
    """The hub knows that id, and says what it said of it."""
    await dropped(desk)
    first = desk.event("LH-2")["id"]
    await refused(desk)
    await dropped(desk)
    await refused(desk)
    desk.connector.outcomes.prune("2026-11-23")
    assert desk.connector.outcomes._db.execute("SELECT count(*) FROM attempts").fetchone() == (0,)
    assert await dropped(desk) == []
    assert desk.connector.outcomes.attempts([first]) == {}


async def test_an_older_drop_that_is_forgotten_takes_no_later_attempt_with_it(desk: Desk) -> None:
    await dropped(desk)
    await refused(desk)
    await dropped(desk)
    await refused(desk)
    desk.connector.outcomes.forget(1)
    assert await dropped(desk) == ["LH-2"]
    assert len([e for e in desk.taken.values() if e["data"]["cells"][0] == "LH-2"]) == 3


async def test_older_files_are_sent_again_as_they_stand_and_try_nothing(desk: Desk) -> None:
    """What an archived file says may have been mended since; its report still tells how the row stands."""
    await dropped(desk)
    await refused(desk)
    assert await desk.connector.backfill("2026-01-01", desk.take) == 0
    await dropped(desk)
    assert await desk.connector.backfill("2026-01-01", desk.take) == 0
    await refused(desk)
    assert await desk.connector.backfill("2026-01-01", desk.take) == 0
    last = desk.event("LH-2")["id"]
    desk.taken.clear()
    assert await desk.connector.backfill("2026-01-01", desk.take) == 3
    assert last in desk.taken
    await desk.written()
    assert [line["상태"][:2] for line in desk.rows("a.report.csv")] == ["전송", "거절", "전송"]


async def test_unless_told_otherwise_only_a_report_tries_them_again(tmp_path: Path) -> None:
    """A program that drops its whole list every night would have its agency paused for what stays refused."""
    desk = Desk(tmp_path)
    await dropped(desk)
    await refused(desk)
    assert await dropped(desk) == []
    desk.put("a.report (1).csv", (desk.drop / "reports/a.report.csv").read_bytes())
    before = set(desk.taken)
    assert await desk.look()
    (new,) = desk.taken.keys() - before
    assert desk.taken[new]["data"]["cells"][0] == "LH-2"
    desk.connector.outcomes.close()


async def test_it_can_be_switched_off(tmp_path: Path) -> None:
    desk = Desk(tmp_path, retry_refused="never")
    await dropped(desk)
    await refused(desk)
    desk.put("a.report.csv", (desk.drop / "reports/a.report.csv").read_bytes())
    before = set(desk.taken)
    assert await desk.look()
    assert not desk.taken.keys() - before
    desk.connector.outcomes.close()


async def test_a_state_of_an_older_release_goes_on(desk: Desk) -> None:
    await dropped(desk)
    await refused(desk)
    desk.connector.outcomes._db.execute("DROP TABLE attempts")
    desk.connector.outcomes.close()
    desk.again()
    assert await dropped(desk) == ["LH-2"]


def test_a_later_id_follows_from_the_one_before_under_the_agencys_key() -> None:
    one, other = (Sender("lh", key * 32, "2026-11-22T03:00:00Z") for key in (b"k", b"j"))
    ids = [one.behind("0" * 32), one.behind("1" * 32), other.behind("0" * 32)]
    assert len(set(ids)) == 3
    assert all(len(bytes.fromhex(id_)) == 16 for id_ in ids)
    assert one.behind("0" * 32) == ids[0]
