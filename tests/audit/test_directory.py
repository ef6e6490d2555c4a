"""A published directory on a real ledger: read back, replaced, replayed, and known as of a day."""

from __future__ import annotations

import copy
import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

from hub.audit.as_of import as_of, cases, listings, text
from hub.audit.replay import replay
from hub.cli import audit
from hub.core.privacy import listeners
from hub.ledger.history import History
from hub.ledger.reads import Pool, Reads
from hub.schemas.topics import Formats, Types, inbound
from hub.town.accounts import accounts
from tests.audit.filled import Filled, step, steps_of
from tests.core.decide.test_directory import publish, published
from tests.core.decide.world import KEYS, World, envelope


def lived(versions: int) -> World:
    """Two directories, a few organizations, each in several versions; among them repeats."""
    world = World()
    for version in range(versions):
        for agency in ("sangbong", "prosecutors"):
            for number in range(3):
                organization = copy.deepcopy(published()) | {"id": f"org-{number}", "name": f"{number} {version % 3}"}
                publish(world, organization, agency)
                if version % 4 == 0:
                    publish(world, organization, agency)
    return world


@pytest.mark.parametrize("largest", [1, 7, 120])
def test_any_batch_split_gives_the_same_entries_and_a_replay_the_same_root(empty: Filled, largest: int) -> None:
    world = lived(6)
    empty.write(steps_of(world), random.Random(largest), largest=largest)  # noqa: S311 - slice sizes
    assert empty.entries() == world.entries
    assert empty.verdicts["no-op"] == 12
    with History(empty.url) as history:
        found = replay(history, empty.policy)
    assert found.holds, found.difference
    assert (found.sealed, found.is_comparison) == (0, False)


def test_readers_find_what_was_listed_last_each_as_far_as_they_may_know(empty: Filled) -> None:
    world = lived(3)
    empty.write(steps_of(world), random.Random(1))  # noqa: S311 - slice sizes
    pool = Pool(empty.url)
    reads = Reads(pool, KEYS)
    try:
        rows = {
            code: reads.listings(listeners(world.state.directory[code]), 0, 100)
            for code in ("city", "sangbong", "shelter", "lh")
        }
        assert {code: len(found) for code, found in rows.items()} == {"city": 3, "sangbong": 3, "shelter": 3, "lh": 0}
        assert {one.agency for one in rows["city"]} == {"sangbong"}
        assert {one.agency for one in rows["shelter"]} == {"prosecutors"}
        first = rows["city"][0]
        assert first == world.state.listings.changed[first.id]
        assert reads.listing(first.id, listeners(world.state.directory["shelter"])) is None
        assert reads.listings(listeners(world.state.directory["city"]), rows["city"][-1].position, 100) == []
    finally:
        pool.close()


def test_the_directory_is_known_as_it_was(empty: Filled) -> None:
    world = World()
    publish(world, published())
    before = world.now
    world.wait(days=1)
    publish(world, published() | {"name": "나중 이름"})
    empty.write(steps_of(world), random.Random(1))  # noqa: S311 - slice sizes
    with History(empty.url) as history:
        then, now = (as_of(history, KEYS, at) for at in (before, world.now))
    ((id_, old),) = then.state.listings.known.items()
    assert now.state.listings.known[id_].content != old.content
    assert (then.sealed, now.sealed) == (0, 0)


def test_what_was_known_of_a_directory_is_told_by_value_and_in_words(empty: Filled) -> None:
    world = World()
    publish(world, published())
    before = world.now
    world.wait(days=1)
    publish(world, published() | {"name": "나중 이름"})
    empty.write(steps_of(world), random.Random(1), largest=1)  # noqa: S311 - each entry on a page of its own
    with History(empty.url) as history:
        then, now = (as_of(history, KEYS, at) for at in (before, world.now))
    ((old,), (new,)) = (tuple(listings(known)) for known in (then, now))
    assert (old["listing"], old["name"]) == (new["listing"], published()["name"])
    assert (new["name"], new["services"]) == ("나중 이름", len(published()["services"]))
    *_, head, line = text(cases(now), now, [new])
    assert head == f"\nDirectory of {new['agency']}"
    assert new["listing"] in line
    assert "나중 이름" in line
    assert list(text(cases(now), now)) == list(text(cases(now), now, [new]))[:-2]


def test_the_command_prints_directories_beside_cases(
    empty: Filled, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    publish(world, published())
    empty.write(steps_of(world), random.Random(1))  # noqa: S311 - slice sizes
    monkeypatch.setattr(audit, "installation", lambda _: SimpleNamespace(database_url=empty.url, keys_file=None))
    monkeypatch.setattr(audit, "load_keys", lambda _: KEYS)
    audit.as_of("2100-01-01T00:00:00Z", as_json=True)
    (told,) = json.loads(capsys.readouterr().out)["listings"]
    audit.as_of("2100-01-01T00:00:00Z")
    assert f"listing   {told['listing']}  {published()['name']}" in capsys.readouterr().out


def test_a_listing_whose_body_was_erased_shows_as_sealed(empty: Filled) -> None:
    world = World()
    publish(world, published())
    empty.write(steps_of(world), random.Random(1))  # noqa: S311 - slice sizes
    empty.harm("UPDATE bodies SET wrapped = NULL WHERE key_id IN (SELECT key_id FROM bodies WHERE cls = 'listing')")
    with History(empty.url) as history:
        known = as_of(history, KEYS, "2100-01-01T00:00:00Z")
    (view,) = listings(known)
    assert (known.sealed, view["name"]) == (1, "sealed")
    assert view["services"] == len(published()["services"])


def test_a_version_whose_message_was_erased_is_taken_as_it_was_decided(empty: Filled) -> None:
    world = World()
    publish(world, published(), id_="first")
    publish(world, published() | {"name": "둘째"}, id_="second")
    empty.write(steps_of(world), random.Random(1))  # noqa: S311 - slice sizes
    empty.harm("UPDATE bodies SET wrapped = NULL, sealed = NULL WHERE key_id IN (SELECT raw_key FROM messages m"
               " JOIN entries e ON e.position = m.position WHERE e.kind = 'directory.listed' AND e.position ="
               " (SELECT min(position) FROM entries WHERE kind = 'directory.listed'))")  # fmt: skip
    with History(empty.url) as history:
        found = replay(history, empty.policy)
    assert found.holds, found.difference
    assert found.sealed == 1


def test_a_listing_that_is_too_large_for_an_entry_is_not(empty: Filled) -> None:
    """Dongs and flags are bounded, whatever an organization says; its words are a body."""
    organization: dict[str, Any] = published() | {"description": "가" * 10_000}
    organization["services"] = [
        organization["services"][0] | {"id": f"s-{n}", "description": "나" * 1000, "service_at_locations": []}
        for n in range(100)
    ]
    registered = steps_of(World())
    message = envelope("sangbong", Types.DIRECTORY, Formats.HSDS, organization, "large", "2026-11-21T00:00:00.000Z")
    empty.write([*registered, step(inbound("sangbong"), "2026-11-21T00:00:00.000Z", message)], random.Random(1))  # noqa: S311
    assert empty.verdicts == {"recorded": len(accounts()) + 1}
