"""The closed union of entries, and reading older versions of them."""

from __future__ import annotations

from typing import Any, get_args

import orjson
import pytest
from pydantic import ValidationError

from hub.core.apply import APPLY
from hub.core.feedview import OUTBOX_FACTS
from hub.schemas.entries import Entry, parse
from hub.schemas.upcast import CURRENT, STEPS, upcast
from tests.core.decide.world import World


@pytest.fixture(scope="module")
def entry() -> dict[str, Any]:
    world = World()
    world.refer()
    return next(e for e in map(orjson.loads, world.entries) if e["kind"] == "referral.recorded")


def kinds() -> set[str]:
    return {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(get_args(Entry)[0])}


def test_the_union_the_core_and_the_views_know_the_same_kinds() -> None:
    assert kinds() == set(APPLY) == set(OUTBOX_FACTS)


def test_an_entry_reads_back_as_itself(entry: dict[str, Any]) -> None:
    model = parse(orjson.dumps(entry))
    assert orjson.loads(model.model_dump_json(by_alias=True, exclude_unset=True)) == entry


@pytest.mark.parametrize("where", ["", "facts", "cause"])
def test_a_field_nobody_knows_is_refused(entry: dict[str, Any], where: str) -> None:
    changed = orjson.loads(orjson.dumps(entry))
    (changed[where] if where else changed)["name"] = "박순자"
    with pytest.raises(ValidationError):
        parse(orjson.dumps(changed))


def test_an_unknown_kind_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parse(orjson.dumps(entry | {"kind": "person.guessed"}))


def test_the_current_version_is_read_as_it_is(entry: dict[str, Any]) -> None:
    assert upcast(entry) is entry
    assert entry["v"] == CURRENT


def test_older_versions_are_read_through_every_step_between() -> None:
    steps = {1: lambda e: e | {"v": 2, "two": True}, 2: lambda e: e | {"v": 3, "three": True}}
    assert upcast({"v": 1}, steps, 3) == {"v": 3, "two": True, "three": True}


def test_a_step_that_leads_nowhere_is_no_endless_way() -> None:
    with pytest.raises(ValueError, match="does not lead to the next"):
        upcast({"v": 1}, {1: lambda e: e | {"v": 1}}, 2)


def of_version_0(entry: dict[str, Any]) -> dict[str, Any]:
    """As if there had been a version 0 without purpose, and with another word for who may know."""
    facts = {name: held for name, held in entry["facts"].items() if name != "audience"}
    kept = {name: held for name, held in entry.items() if name != "purpose"}
    return kept | {"v": 0, "facts": facts | {"readers": entry["facts"]["audience"]}}


def from_0_to_1(entry: dict[str, Any]) -> dict[str, Any]:
    facts = {name: held for name, held in entry["facts"].items() if name != "readers"}
    return entry | {"v": 1, "purpose": "", "facts": facts | {"audience": entry["facts"]["readers"]}}


def test_an_entry_of_a_version_before_the_first_is_read_once_there_is_a_step(
    entry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = orjson.dumps(of_version_0(entry))
    with pytest.raises(ValueError, match="no entry of version 0"):
        parse(old)
    monkeypatch.setitem(STEPS, 0, from_0_to_1)
    assert parse(old) == parse(orjson.dumps(entry | {"purpose": ""}))
    monkeypatch.setitem(STEPS, -1, lambda e: e | {"v": 0})
    assert parse(orjson.dumps(of_version_0(entry) | {"v": -1})) == parse(old)


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_a_version_nobody_knows_is_refused(entry: dict[str, Any], version: object) -> None:
    with pytest.raises(ValueError, match="no entry of version"):
        parse(orjson.dumps(entry | {"v": version}))
