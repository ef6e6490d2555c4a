"""The spool: what it promises about order, repeats, its bound, its encryption, and the file it leaves."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from connectors.protocol import Full, Receipt
from connectors.spool import Spool
from hub.errors import Usage


def event(number: int, pad: int = 0) -> dict[str, Any]:
    return {
        "id": f"{number:032x}",
        "source": "//agency/lh/files",
        "data": {"name": "김민준", "n": number, "pad": "x" * pad},
    }


def receipt(number: int, status: str = "recorded") -> Receipt:
    return Receipt(f"{number:032x}", "//agency/lh/files", status, number)


@pytest.fixture
def spool(tmp_path: Path) -> Any:
    made = Spool(tmp_path / "spool")
    yield made
    made.close()


def numbers(spool: Spool) -> list[int]:
    return [w.event["data"]["n"] for w in spool.head(100)]


def test_events_leave_in_the_order_they_came(spool: Spool) -> None:
    spool.put([event(3), event(1)])
    spool.put([event(2)])
    assert numbers(spool) == [3, 1, 2]


def test_a_known_id_is_not_taken_twice_not_even_behind_its_receipt(spool: Spool) -> None:
    assert spool.put([event(1), event(1), event(2)]) == 2
    spool.receive([receipt(1)])
    assert spool.put([event(1)]) == 0
    assert numbers(spool) == [2]


def test_the_bookmark_moves_with_the_events_or_not_at_all(tmp_path: Path) -> None:
    spool = Spool(tmp_path, bound=2000)
    spool.put([event(1)], mark="row 1")
    with pytest.raises(Full):
        spool.put([event(2), event(3, 5000)], mark="row 3")
    assert (spool.mark(), numbers(spool)) == ("row 1", [1])
    assert spool.put([event(2)], mark="row 2") == 1
    spool.close()


def test_at_the_bound_what_is_known_is_still_answered(tmp_path: Path) -> None:
    spool = Spool(tmp_path, bound=400)
    spool.put([event(1)])
    with pytest.raises(Full, match="nothing more is taken"):
        spool.put([event(n) for n in range(2, 9)])
    assert spool.put([event(1)]) == 0
    spool.close()


def test_below_a_bound_that_was_lowered_what_is_known_is_still_answered(tmp_path: Path) -> None:
    first = Spool(tmp_path)
    first.put([event(n) for n in range(9)])
    first.close()
    again = Spool(tmp_path, bound=400)
    assert again.put([event(1)], mark="m") == 0
    with pytest.raises(Full):
        again.put([event(99)])
    assert (len(numbers(again)), again.mark()) == (9, "m")
    again.close()


def test_only_what_was_decided_and_told_is_ever_forgotten(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.spool.REMEMBERED", 1)
    spool.put([event(n) for n in range(6)])
    spool.receive([receipt(0, "pending"), receipt(1), receipt(2)])
    spool.told([receipt(1)])
    assert [r.id[-1] for r in spool.undecided(9)] == ["0"]
    assert [r.id[-1] for r in spool.untold(9)] == ["2"]
    assert numbers(spool) == [3, 4, 5]
    assert spool.put([event(n) for n in range(6)]) == 1, "the one that was told is new again"


def test_a_receipt_frees_its_place_and_is_told_once(spool: Spool) -> None:
    spool.put([event(1), event(2)], ["a.csv:2", "a.csv:3"])
    spool.receive([receipt(1, "pending"), receipt(2)])
    assert spool.figures().waiting == 0
    assert spool.figures().bytes == 0
    assert [r.id[-1] for r in spool.undecided(9)] == ["1"]
    assert [(r.id[-1], r.about) for r in spool.untold(9)] == [("2", "a.csv:3")]
    spool.told(spool.untold(9))
    spool.receive([receipt(1, "refused")])
    assert [(r.status, r.about) for r in spool.untold(9)] == [("refused", "a.csv:2")]


def test_what_was_put_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    first = Spool(tmp_path)
    first.put([event(1), event(2)], mark="m")
    first.receive([receipt(1)])
    first.close()
    again = Spool(tmp_path)
    assert (numbers(again), again.mark(), again.figures().waiting) == ([2], "m", 1)
    assert again.figures().bytes > 0
    assert again.put([event(1)]) == 0
    again.close()


def test_no_file_of_the_spool_shows_a_name_and_only_its_owner_reads_the_key(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.put([event(n) for n in range(50)], ["김민준.csv"] * 50)
    spool.receive([receipt(1, "refused")])
    held = b"".join(p.read_bytes() for p in (tmp_path / "s").iterdir())
    spool.close()
    for secret in ("김민준", "김민준".encode("cp949").hex()):
        assert secret.encode() not in held
    assert stat.S_IMODE((tmp_path / "s" / "spool.key").stat().st_mode) == 0o600


def test_a_row_that_was_changed_or_moved_does_not_open(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put([event(1), event(2)])
    spool._db.execute("UPDATE waiting SET id = ? WHERE seq = 1", (event(2)["id"],))
    with pytest.raises(InvalidTag):
        spool.head(1)
    spool.close()


def test_a_second_process_is_told_that_the_first_still_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Spool(tmp_path)
    first.put([event(1)])
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, timeout=0.1))
    with pytest.raises(Usage, match="running already"):
        Spool(tmp_path)
    first.close()


def test_a_full_disk_refuses_as_the_bound_does(spool: Spool) -> None:
    spool.put([event(1)])
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Full, match="disk of the spool is full"):
        spool.put([event(n, 4000) for n in range(2, 500)])
    assert numbers(spool)[0] == 1
    spool._db.execute("PRAGMA max_page_count = 1000000")
    assert spool.put([event(999)]) == 1
    assert numbers(spool)[-1] == 999


def test_a_bookmark_on_a_full_disk_is_refused_as_an_event_is(spool: Spool) -> None:
    spool.set_mark("outbox", "1")
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Full, match="disk of the spool is full"):
        spool.set_mark("outbox", "x" * 100_000)
    assert spool.mark("outbox") == "1"
    spool._db.execute("PRAGMA max_page_count = 1000000")
    spool.set_mark("outbox", "2")
    assert spool.mark("outbox") == "2"
