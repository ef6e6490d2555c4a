"""The drop: which files are complete, where they go, and what a hostile or broken one comes to."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from pathlib import Path

import pytest

from connectors.files.place import Away, Found
from connectors.files.ready import Quiet
from connectors.protocol import Broken
from hub.errors import Usage
from tests.connectors.files.conftest import Desk
from tests.connectors.files.dropping import row, table

ROWS = [["LH-1", *row(1)[1:]], ["LH-2", *row(2)[1:]]]


def test_a_file_is_quiet_when_it_did_not_change_for_long_enough() -> None:
    quiet = Quiet(10)
    one = Found("a.csv", 5, 1.0)
    assert quiet.look([one], 0) == []
    assert quiet.look([Found("a.csv", 6, 1.0)], 9) == []
    assert quiet.look([Found("a.csv", 6, 1.0)], 18) == []
    assert quiet.look([Found("a.csv", 6, 1.0)], 19) == [Found("a.csv", 6, 1.0)]


@pytest.mark.parametrize("name", ["a.csv.tmp", "a.part", ".a.csv", "~$a.xlsx", "a.csv.done", "manifest.json"])
async def test_what_is_still_written_or_no_file_of_the_partner_stays(desk: Desk, name: str) -> None:
    desk.put(name, ROWS)
    assert not await desk.look()
    assert desk.files() == [name]


async def test_a_marker_makes_a_file_complete_and_goes_with_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ready="done")
    desk.put("a.csv", ROWS)
    assert not await desk.look()
    desk.put("a.csv.done", b"")
    assert await desk.look()
    assert desk.files() == ["archive/2026-11-22/a.csv"]


@pytest.mark.parametrize("step", ["remove", "archived"])
async def test_a_marker_never_outlives_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Or the next file of that name would be taken while it is still being written."""
    desk = Desk(tmp_path, ready="done")
    desk.put("a.csv", ROWS)
    desk.put("a.csv.done", b"")

    def lost(*_: object) -> None:
        raise Away("the connection was lost")

    with monkeypatch.context() as patch:
        patch.setattr(desk.connector.place if step == "remove" else desk.connector.outcomes, step, lost)
        with pytest.raises(Away):
            await desk.look()
    await desk.connector._recover()
    assert desk.files() == ["archive/2026-11-22/a.csv"]


async def test_a_marker_we_may_not_remove_holds_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, ready="done")
    desk.put("a.csv", ROWS)
    desk.put("a.csv.done", b"")

    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(desk.connector.place, "remove", forbidden)
    assert await desk.look()
    await desk.written()
    assert desk.files() == ["a.csv.done", "archive/2026-11-22/a.csv", "reports/a.report.csv"]


async def test_the_marker_of_the_next_file_of_that_name_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, ready="done")
    desk.put("a.csv", ROWS)
    desk.put("a.csv.done", b"")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(desk.connector.drop, "tidy", killed)
        with pytest.raises(KeyboardInterrupt):
            await desk.look()
    desk.put("a.csv", [["LH-3", *row(3)[1:]]])
    await desk.connector._recover()
    assert await desk.look()
    assert desk.files() == ["archive/2026-11-22/2/a.csv", "archive/2026-11-22/a.csv"]


async def test_files_of_one_name_lie_beside_each_other_in_the_archive(desk: Desk) -> None:
    for _ in range(3):
        desk.put("a.csv", ROWS)
        assert await desk.look()
    assert desk.files("archive") == ["2026-11-22/2/a.csv", "2026-11-22/3/a.csv", "2026-11-22/a.csv"]
    assert len(desk.taken) == 2


async def test_what_cannot_be_read_goes_aside_with_its_reason_and_the_next_passes(desk: Desk) -> None:
    desk.put("0.xlsx", b"PK\x03\x04nothing")
    desk.put("1.csv", ROWS)
    assert await desk.look()
    assert desk.files("rejected") == ["2026-11-22/0.xlsx", "2026-11-22/0.xlsx.reason.txt"]
    told = (desk.drop / "rejected/2026-11-22/0.xlsx.reason.txt").read_text("utf-8-sig")
    assert "열 수 없는 엑셀 파일" in told
    assert len(desk.taken) == 2


async def test_links_are_not_followed(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_bytes(table(ROWS))
    (desk.drop / "a.csv").symlink_to(secret)
    os.mkfifo(desk.drop / "b.csv")
    assert not await desk.look()
    assert desk.taken == {}
    (links,) = [c for c in await desk.connector.check() if c.name == "links"]
    assert (links.ok, links.found) == (False, "2 links or pipes, passed over")


async def test_a_link_that_takes_a_files_place_after_it_was_listed_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_bytes(table(ROWS))
    await desk.connector.place.open()
    (desk.drop / "a.csv").symlink_to(secret)
    with pytest.raises(OSError, match="symbolic"):
        await desk.connector.place.fetch("a.csv")


@pytest.mark.parametrize(
    "name",
    [
        "두\n줄.csv",
        "이름|2026|3.csv",
        "가" * 60 + ".csv",
        "é😀.csv",
        "한글.csv",
        "..csv.csv"[1:],
        "-rf.csv",
        "%2e%2e.csv",
    ],
)
async def test_any_name_is_taken(desk: Desk, name: str) -> None:
    desk.put(name, ROWS)
    assert await desk.look() == (not name.startswith("."))
    if not name.startswith("."):
        await desk.tell("LH-1", referrals=({"id": "r-1", "state": "offered"},))
        (report,) = (desk.drop / "reports").iterdir()
        assert desk.rows(report.name)[0]["이음번호"] == "r-1"
        assert "\n" not in desk.event("LH-1")["data"]["register"]


async def test_a_name_of_macos_is_the_same_list(desk: Desk) -> None:
    """It writes each syllable as its letters; a report that comes back from Windows is named otherwise."""
    name = "주거 명단.csv"
    desk.put(unicodedata.normalize("NFD", name), ROWS)
    assert await desk.look()
    await desk.written()
    before = set(desk.taken)
    assert desk.files("reports") == ["주거 명단.report.csv"]
    for form in ("NFD", "NFC"):
        back = unicodedata.normalize(form, "주거 명단.report - 복사본.csv")  # type: ignore[arg-type]
        desk.put(back, (desk.drop / "reports/주거 명단.report.csv").read_bytes())
        assert await desk.look()
    assert set(desk.taken) == before


async def test_a_name_in_cp949_is_read(desk: Desk) -> None:
    raw = "의뢰.csv".encode("cp949")
    desk.put(os.fsdecode(raw), ROWS)
    assert await desk.look()
    assert desk.event("LH-1")["data"]["register"] == "의뢰"
    await desk.written()
    assert desk.files("reports") == ["의뢰.report.csv"]


async def test_a_name_that_leaves_no_room_for_a_reports_is_refused(desk: Desk) -> None:
    desk.put("가" * 80 + ".csv", ROWS)
    assert await desk.look()
    assert desk.taken == {}
    assert len(desk.files("rejected")) == 2


async def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    desk = Desk(tmp_path, max_bytes=1 << 30)
    with (desk.drop / "a.csv").open("wb") as handle:
        handle.truncate(2 << 30)
    assert await desk.look()
    assert desk.files("rejected") == ["2026-11-22/a.csv", "2026-11-22/a.csv.reason.txt"]


async def test_a_line_of_100_mb_is_told_and_the_next_row_passes(desk: Desk) -> None:
    content = table([ROWS[0]])
    with (desk.drop / "a.csv").open("wb") as handle:
        handle.write(content)
        for _ in range(100):
            handle.write(b"x" * 1_048_576)
        handle.write(b"\r\n" + content.splitlines()[1].replace(b"LH-1", b"LH-9") + b"\r\n")
    assert await desk.look()
    assert {e["data"]["cells"][0] for e in desk.taken.values()} == {"LH-1", "LH-9"}


async def test_discover_shows_the_first_rows_and_moves_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ready="quiet")
    desk.put("a.csv", table([ROWS[0], ["remark"], ROWS[1]]))
    found = await desk.connector.discover(2)
    assert [type(item) for item in found] == [dict, Broken]
    assert desk.files() == ["a.csv"]
    assert not (desk.drop / ".ieum").exists()


async def test_backfill_reads_the_archive_from_a_day_on(desk: Desk) -> None:
    desk.put("a.csv", ROWS)
    await desk.look()
    old = desk.drop / "archive/2026-10-01"
    old.mkdir()
    (old / "b.csv").write_bytes(table([["LH-9", *row(9)[1:]]]))
    desk.taken.clear()
    assert await desk.connector.backfill("2026-11-01", desk.take) == 2
    assert await desk.connector.backfill("2026-01-01", desk.take) == 1
    assert await desk.connector.backfill("2026-01-01", desk.take) == 0
    with pytest.raises(Usage):
        await desk.connector.backfill("yesterday", desk.take)


async def test_backfill_reads_files_alone_in_the_order_they_came_in(tmp_path: Path) -> None:
    """A manifest is no list of referrals, and what corrects another comes behind it."""
    desk = Desk(tmp_path, ready="manifest", quiet_s=0)
    content = table(ROWS)
    told = f"name,bytes,sha256\na.csv,{len(content)},{hashlib.sha256(content).hexdigest()}\n"
    desk.put("a.csv", content)
    desk.put("manifest.csv", told.encode())
    assert await desk.look()
    assert desk.files("archive/manifests") == ["manifest.csv"]
    desk.taken.clear()
    for number in range(2, 12):
        folder = desk.drop / f"archive/2026-11-22/{number}"
        folder.mkdir()
        (folder / "a.csv").write_bytes(table([[f"day-{number}", *row(number)[1:]]]))
    for name, when in (("c.csv", 2), ("b.csv", 3), ("d.csv", 1)):
        path = desk.drop / "archive/2026-11-22/11" / name
        path.write_bytes(table([[name, *row(when)[1:]]]))
        os.utime(path, (when, when))
    await desk.connector.backfill("2026-11-22", desk.take)
    found = [e["data"]["cells"][0] for e in desk.taken.values()]
    assert found == ["LH-1", "LH-2", *(f"day-{n}" for n in range(2, 11)), "d.csv", "c.csv", "b.csv", "day-11"]


async def test_check_says_what_is_wrong_and_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    for config in ({"folder": str(tmp_path / "absent")}, {"folder": str(tmp_path / "plain")}):
        desk = Desk(tmp_path, state=str(tmp_path / "state"))
        desk.settings |= config
        desk.again()
        bad = [c for c in await desk.connector.check() if not c.ok]
        assert [c.name for c in bad] == ["folder"]
        assert bad[0].fix
    well = Desk(tmp_path)
    assert all(c.ok for c in await well.connector.check())


async def test_old_reports_are_forgotten(desk: Desk) -> None:
    desk.put("a.csv", ROWS)
    await desk.look()
    await desk.tell("LH-1", referrals=({"id": "r-1"},))
    desk.connector.outcomes.prune("2026-11-23")
    counts = [
        desk.connector.outcomes._db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]  # noqa: S608
        for t in ("files", "rows", "outcomes", "came_of", "referrals")
    ]
    assert counts == [0, 0, 0, 0, 0]
