"""A published directory: what is new is recorded once, who may know of it, and no person in what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from hub.core.decide import Outcome
from hub.core.privacy import may_know
from hub.schemas.topics import RULES, Formats, Types
from tests.core.decide.world import World

SAMPLES = Path(__file__).parents[2] / "samples" / "hsds"
PERSON = ("한가람", "010-4321-8765", "garam@example.kr")


def published(name: str = "organization-full.json") -> dict[str, Any]:
    return dict(json.loads((SAMPLES / name).read_text("utf-8")))


def publish(world: World, organization: dict[str, Any], agency: str = "sangbong", id_: str = "") -> Outcome:
    return world.send(agency, Types.DIRECTORY, Formats.HSDS, organization, id_)


def listed(outcome: Outcome) -> dict[str, Any]:
    (entry,) = outcome.entries
    assert entry["kind"] == "directory.listed"
    return dict(entry["facts"])


def test_an_organization_is_recorded_with_its_counts_and_dongs() -> None:
    facts = listed(publish(World(), published()))
    assert (facts["change"], facts["services"], facts["locations"], facts["contacts"]) == ("new", 1, 1, 1)
    assert facts["dongs"] == ["신안동", "평거동"]


def test_the_same_message_is_seen_and_the_same_words_in_another_leave_no_entry() -> None:
    world = World()
    publish(world, published(), id_="one")
    assert publish(world, published(), id_="one").verdict == "seen"
    assert publish(world, published(), id_="two").verdict == "no-op"
    assert publish(world, published() | {"differs": [], "logo": "https://example.kr/new.png"}).verdict == "no-op"


def test_what_changed_takes_the_place_of_what_was_listed() -> None:
    world = World()
    first = listed(publish(world, published()))
    second = listed(publish(world, published() | {"name": "평거복지관"}))
    assert (second["change"], second["listing"]) == ("changed", first["listing"])
    assert second["content"] != first["content"]
    doc = world.state.listings.changed[first["listing"]].doc
    assert doc.content is not None
    assert doc.content["name"] == "평거복지관"


def test_what_was_said_before_the_last_change_is_a_change_again() -> None:
    world = World()
    kinds = [listed(publish(world, published() | {"name": name}))["change"] for name in ("가", "나", "가")]
    assert kinds == ["new", "changed", "changed"]


def test_a_version_dated_before_the_one_that_stands_is_recorded_and_flagged() -> None:
    world, older = World(), published()
    older["services"][0] |= {"last_modified": "2020-01-01T00:00:00Z", "capacities": []}
    assert "goes_back" not in listed(publish(world, published()))["flags"]
    assert "goes_back" in listed(publish(world, older))["flags"]


def test_a_version_of_the_same_date_or_of_none_does_not_go_back() -> None:
    world, undated = World(), published() | {"name": "남강복지관"}
    undated["services"] = []
    publish(world, published())
    assert "goes_back" not in listed(publish(world, published() | {"name": "평거복지관"}))["flags"]
    assert "goes_back" not in listed(publish(world, undated))["flags"]


def test_two_directories_list_the_same_organization_each_for_itself() -> None:
    world = World()
    one, other = listed(publish(world, published())), listed(publish(world, published(), "city"))
    assert one["listing"] != other["listing"]


def test_more_places_free_than_there_are_is_recorded_as_published_and_flagged() -> None:
    world = World()
    facts = listed(publish(world, published("organizations-page.json")["contents"][0]))
    assert {"capacity_contradicts", "place_impossible", "ages_contradict"} <= set(facts["flags"])
    doc = world.state.listings.changed[facts["listing"]].doc
    assert doc.content is not None
    (capacity,) = doc.content["services"][0]["capacities"]
    assert (capacity["available"], capacity["maximum"]) == (12, 10)


def test_nobody_who_is_named_stands_in_the_entry_or_in_what_is_kept_of_the_listing() -> None:
    world = World()
    outcome = publish(world, published())
    (ref,) = outcome.entries[0]["bodies"]
    kept = world.body(ref["key_id"], ref["class"])
    assert kept is not None
    assert "밑반찬" in kept.decode()
    said = kept.decode() + orjson.dumps(outcome.entries).decode()
    assert [word for word in PERSON if word in said] == []


def test_a_directory_of_victim_support_stays_there() -> None:
    world = World()
    facts = listed(publish(world, published(), "prosecutors"))
    agencies = world.state.directory
    assert [
        code for code in ("prosecutors", "shelter", "city", "lh") if may_know(facts["audience"], agencies[code])
    ] == [
        "prosecutors",
        "shelter",
    ]


@pytest.mark.parametrize(("agency", "code"), [("nobody", "agency_unknown"), ("lh", "agency_suspended")])
def test_who_has_no_living_account_publishes_nothing(agency: str, code: str) -> None:
    world = World()
    world.post(RULES, world.system(Types.AGENCY_STATE, {"code": "lh", "action": "suspend"}, "suspend"))
    outcome = publish(world, published(), agency)
    assert (outcome.verdict, outcome.reasons[0].code) == ("refused", code)


def test_entries_and_bodies_alone_give_the_directory_again() -> None:
    world = World()
    for name in ("가", "나"):
        publish(world, published() | {"name": name})
    publish(world, published("organizations-page.json")["contents"][0])
    again = world.reapplied()
    assert msgspec.to_builtins(again.listings.changed) == msgspec.to_builtins(world.state.listings.changed)
    assert len(again.listings.known) == 2
