"""Versions are kept, added to and never broken: by hand and by `hub schemas`."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from hub.cli import FAILED, HOLDS, USAGE, main, schema_history
from hub.cli.schema_history import Break, breaks, promised, unkept, versions
from hub.cli.schemas import FOLDER
from hub.schemas import upcast
from hub.web.schema_documents import documents

ROW = "native-housing-row-v1"


@pytest.fixture
def changed() -> dict[str, Any]:
    """Documents to change."""
    return copy.deepcopy(documents())


@pytest.fixture(scope="module")
def first() -> dict[str, dict[int, Any]]:
    """A history of one version each: today's."""
    return {name: {1: schema} for name, schema in promised(documents()).items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert main(["schemas", "build", "--folder", str(tmp_path)]) == HOLDS
    return tmp_path


def test_what_is_committed_fits_every_older_version() -> None:
    assert breaks(documents(), versions(FOLDER)) == []


def test_everything_promised_has_a_history_and_nothing_else() -> None:
    assert promised(documents()).keys() <= versions(FOLDER).keys()
    assert {"canonical", "asyncapi", "openapi"} & versions(FOLDER).keys() == set()


def test_a_member_more_is_one_version_more(changed: dict[str, Any], first: dict[str, Any]) -> None:
    changed[ROW]["properties"]["sheet"] = {"type": "string"}
    assert breaks(changed, first) == []
    assert unkept(changed, first) == {f"history/{ROW}/2.json": promised(changed)[ROW]}


def test_other_words_are_no_version(changed: dict[str, Any], first: dict[str, Any]) -> None:
    changed[ROW]["description"] = "said better"
    assert unkept(changed, first) == {}


def test_every_version_counts_and_not_the_last_alone(changed: dict[str, Any], first: dict[str, Any]) -> None:
    wider = copy.deepcopy(first[ROW][1])
    wider["properties"]["row"]["maximum"] *= 10
    kept = first | {ROW: {1: wider, 2: first[ROW][1]}}
    assert [(one.version, one.pointer, one.rule) for one in breaks(changed, kept)] == [
        (1, "/properties/row/maximum", "maximum")
    ]


@pytest.mark.parametrize(
    ("name", "change", "direction", "pointer", "rule"),
    [
        (ROW, {"required": ["header", "cells", "row", "register"]}, "backward", "/required", "required"),
        ("envelope", {"additionalProperties": False}, "backward", "/additionalProperties", "additionalProperties"),
        ("system-clock-ticked", {"maxProperties": 1}, "backward", "/maxProperties", "maxProperties"),
    ],
)
def test_what_a_sender_could_not_live_with_is_refused(
    changed: dict[str, Any],
    first: dict[str, Any],
    name: str,
    change: dict[str, Any],
    direction: str,
    pointer: str,
    rule: str,
) -> None:
    changed[name] |= change
    found = breaks(changed, first)
    assert [(one.schema, one.direction, one.pointer, one.rule) for one in found] == [(name, direction, pointer, rule)]
    assert ":v2" in found[0].remedy


def fact(document: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    shape = next(s for s in document["oneOf"] if s["properties"]["type"]["const"] == f"kr.ieum.{kind}.v1")
    return dict[str, Any](shape["properties"]["data"]["properties"]["facts"]["properties"])[name]


def test_a_reader_of_the_feed_lives_with_more_facts_and_kinds_and_not_with_other_values(
    changed: dict[str, Any], first: dict[str, Any]
) -> None:
    feed = changed["feed"]
    shape = copy.deepcopy(feed["oneOf"][0])
    shape["properties"]["type"] = {"const": "kr.ieum.person.forgotten.v1"}
    feed["oneOf"].append(shape)
    feed["oneOf"][0]["properties"]["data"]["properties"]["facts"]["properties"]["more"] = {"type": "string"}
    assert breaks(changed, first) == []
    fact(feed, "referral.recorded", "urgency")["enum"].append("critical")
    (found,) = breaks(changed, first)
    assert (found.schema, found.direction, found.rule) == ("feed", "forward", "enum")
    assert "critical" in found.text


def test_an_entry_must_fit_both_ways(changed: dict[str, Any], first: dict[str, Any]) -> None:
    facts = changed["entry"]["$defs"]["OfferExpiredFacts"]
    facts["properties"]["late"] = {"type": "boolean"}
    assert breaks(changed, first) == []
    facts["required"].append("late")
    assert {one.direction for one in breaks(changed, first)} == {"backward"}
    facts["required"] = ["audience", "due", "referral"]
    assert {one.direction for one in breaks(changed, first)} == {"forward"}


def test_a_format_that_is_gone_is_a_break(changed: dict[str, Any], first: dict[str, Any]) -> None:
    del changed[ROW]
    assert breaks(changed, first) == [
        Break(ROW, 1, "backward", "", "gone", "nothing describes this format any more", schema_history.GONE)
    ]


def test_entries_of_a_new_version_need_a_step_from_the_old_one(
    first: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upcast, "CURRENT", 2)
    assert [(one.schema, one.rule) for one in breaks(documents(), first)] == [("entry-v1", "gone")]
    monkeypatch.setitem(upcast.STEPS, 1, lambda entry: entry | {"v": 2})
    assert breaks(documents(), first) == []
    assert list(unkept(documents(), first)) == ["history/entry-v2/1.json"]


# ------------------------------------------------------------------ the command
def test_a_build_keeps_the_first_version_and_a_second_one_adds_nothing(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.json")}
    assert main(["schemas", "build", "--folder", str(folder)]) == HOLDS
    assert main(["schemas", "check", "--folder", str(folder)]) == HOLDS
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == before


def test_a_build_that_would_break_somebody_writes_nothing_and_says_why(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = folder / f"history/{ROW}/1.json"
    wider = json.loads(kept.read_text("utf-8"))
    del wider["properties"]["header"]["maxItems"]
    kept.write_text(json.dumps(wider), encoding="utf-8")
    (folder / "feed.json").unlink()
    capsys.readouterr()
    assert main(["schemas", "build", "--folder", str(folder)]) == FAILED
    said = capsys.readouterr().out
    assert f"{ROW} no longer fits its version 1 (backward)" in said
    assert "/properties/header/maxItems: maxItems" in said
    assert "remedy: " in said
    assert not (folder / "feed.json").exists()
    assert main(["schemas", "check", "--folder", str(folder), "--json"]) == FAILED
    told = json.loads(capsys.readouterr().out)
    assert told["holds"] is False
    assert [one["pointer"] for one in told["breaks"]] == ["/properties/header/maxItems"]


def test_a_version_that_is_missing_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / f"history/{ROW}/1.json").rename(folder / f"history/{ROW}/3.json")
    assert main(["schemas", "check", "--folder", str(folder)]) == USAGE
    assert f"history/{ROW}/1.json, history/{ROW}/2.json is missing" in capsys.readouterr().err
