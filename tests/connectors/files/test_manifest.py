"""Manifests: what they promise, and that a name is the same whichever way its syllables are written."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path
from typing import Any, Literal

import orjson
import pytest

from connectors.files.ready import promised, promises
from tests.connectors.files.conftest import Desk
from tests.connectors.files.dropping import row, table

ROWS = [["LH-1", *row(1)[1:]], ["LH-2", *row(2)[1:]]]


@pytest.mark.parametrize("ending", ["json", "csv"])
async def test_a_manifest_makes_files_complete_once_their_bytes_match(tmp_path: Path, ending: str) -> None:
    desk = Desk(tmp_path, ready="manifest", quiet_s=0)
    content = table(ROWS)
    digest = hashlib.sha256(content).hexdigest()
    desk.put("a.csv", content)
    desk.put("b.csv", content + b"x")
    desk.put("c.csv", content.replace(b"LH-1", b"LH-7"))  # as long as it was promised, and another one
    desk.put("stray.csv", content)
    told: list[dict[str, Any]] = [
        {"name": n, "bytes": len(content), "sha256": digest} for n in ("a.csv", "b.csv", "c.csv")
    ]
    lines = [",".join(told[0]), *(",".join(map(str, t.values())) for t in told)]
    manifest = orjson.dumps({"files": told}) if ending == "json" else "\n".join(lines).encode()
    desk.put(f"manifest.{ending}", manifest)
    assert await desk.look()
    assert desk.files() == [
        "archive/2026-11-22/a.csv",
        f"archive/manifests/manifest.{ending}",
        "rejected/2026-11-22/b.csv",
        "rejected/2026-11-22/b.csv.reason.txt",
        "rejected/2026-11-22/c.csv",
        "rejected/2026-11-22/c.csv.reason.txt",
        "stray.csv",
    ]
    assert "manifest" in (desk.drop / "rejected/2026-11-22/b.csv.reason.txt").read_text("utf-8-sig")


@pytest.mark.parametrize("raw", [b"[1]", b'[{"name":"a"}]', b"name;x\na;1", b"{", b"\xff\xfe"])
def test_what_is_no_manifest_promises_nothing(raw: bytes) -> None:
    try:
        assert promises(raw) == {}
    except ValueError:
        return


@pytest.mark.parametrize("of_file", ["NFC", "NFD"])
@pytest.mark.parametrize("told", ["NFC", "NFD"])
@pytest.mark.parametrize("content", [table(ROWS), b"another one"])
async def test_a_name_is_the_same_however_its_syllables_are_written(
    tmp_path: Path, of_file: Literal["NFC", "NFD"], told: Literal["NFC", "NFD"], content: bytes
) -> None:
    desk = Desk(tmp_path, ready="manifest", quiet_s=0)
    name = unicodedata.normalize(of_file, "주거 명단.csv")
    desk.put(name, content)
    digest = hashlib.sha256(table(ROWS)).hexdigest()
    line = {"name": unicodedata.normalize(told, name), "bytes": len(table(ROWS)), "sha256": digest}
    desk.put("manifest.json", orjson.dumps({"files": [line]}))
    assert await desk.look()
    room = "archive" if content == table(ROWS) else "rejected"
    assert desk.files(room)[0] == f"2026-11-22/{name}"
    assert desk.files("archive")[-1] == "manifests/manifest.json"


async def test_a_manifest_stays_while_a_file_of_it_waits_under_its_other_name(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ready="manifest", quiet_s=3600)
    digest = hashlib.sha256(table(ROWS)).hexdigest()
    names = ["가.csv", "나.csv"]
    desk.put(unicodedata.normalize("NFD", names[0]), table(ROWS))
    desk.put(unicodedata.normalize("NFD", names[1]), b"still growing")
    lines: list[dict[str, Any]] = [{"name": n, "bytes": len(table(ROWS)), "sha256": digest} for n in names]
    desk.put("manifest.json", orjson.dumps(lines))
    assert await desk.look()
    assert "manifest.json" in desk.files()
    desk.put(unicodedata.normalize("NFD", names[1]), table(ROWS))
    assert await desk.look()
    assert "manifest.json" not in desk.files()


def test_two_files_whose_names_differ_in_their_form_alone_keep_what_was_promised_of_each() -> None:
    names = [unicodedata.normalize(form, "가.csv") for form in ("NFC", "NFD")]  # type: ignore[arg-type]
    told = promises(orjson.dumps([{"name": n, "bytes": place, "sha256": ""} for place, n in enumerate(names)]))
    found = [promised(told, name) for name in names]
    assert [one.bytes for one in found if one] == [0, 1]
    assert promised(told, "나.csv") is None
