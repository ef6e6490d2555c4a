"""What PostgreSQL tells of persons is what the same history tells in memory: mentions, entries, words, reviews."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import httpx
import psycopg
import pytest

from hub.ledger.people import People
from hub.ledger.reads import Pool, Reads
from hub.web.app import create_app
from tests.audit.filled import Filled, steps_of
from tests.core.decide.telling import Telling, web_deps
from tests.core.decide.world import World

SHARED = {"생년월일": "1951-04-03", "전화번호": "010-4111-7222", "주소": "진주시 평거로 88, 205동 301호"}
MOVED = {"성명": "강보람", "생년월일": "", "전화번호": "010-9333-1444", "주소": "진주시 상봉로 12, 1동 102호"}
FIRST = (2**31 - 1, "00000000-0000-0000-0000-000000000000")
NOBODY = "00000000-0000-8000-8000-000000000000"


@pytest.fixture
def world() -> World:
    """Twins, links of the machine, a merge and an unmerge by hand, a cannot-link, strangers."""
    world = World()
    for name in ("강복남", "강복순", "강복남"):
        world.refer(성명=name, **SHARED)
    moved = world.refer(**MOVED)
    for _ in range(4):
        world.refer("세탁")
    older, younger = (world.state.person_of(r) for r in (next(iter(world.state.records)), world.referral(moved).record))
    world.judge("same", persons=[older, younger])
    world.judge("apart", persons=[older])
    world.judge("same", persons=[older, younger], reason="documents_seen")
    return world


@pytest.fixture
def both(world: World, empty: Filled) -> Iterator[tuple[Telling, People]]:
    empty.write(steps_of(world), random.Random(3))  # noqa: S311 - slice sizes
    pool = Pool(empty.url, size=1)
    yield Telling(world), People(pool, empty.policy.keys)
    pool.close()


def ids(telling: Telling) -> list[str]:
    """Records, persons and former ids, and one that means nobody."""
    state = telling.world.state
    return [*state.records, *state.persons, *state.aliases, NOBODY]


def test_a_person_by_any_id_has_the_same_mentions(both: tuple[Telling, People]) -> None:
    telling, people = both
    assert {len(telling.person(id_)) for id_ in ids(telling)} >= {0, 1, 3}
    for id_ in ids(telling):
        assert people.person(id_) == telling.person(id_)


def test_whoever_met_a_person_is_found(both: tuple[Telling, People]) -> None:
    telling, people = both
    found = []
    for id_ in ids(telling):
        mine = telling.person(id_)
        assert people.around(mine) == telling.around(mine)
        found += telling.around(mine)
    assert found


def test_what_was_decided_of_a_person_is_found_by_its_names(both: tuple[Telling, People]) -> None:
    telling, people = both
    found = [h for id_ in ids(telling) for h in telling.decided([id_], 1)]
    assert {h.kind for h in found} == {"identity.decided", "person.merged", "person.split"}
    for id_ in ids(telling):
        assert people.decided([id_], 1) == telling.decided([id_], 1)
    assert people.decided([], 1) == []


def test_why_each_record_was_linked_on_the_day_it_came(both: tuple[Telling, People]) -> None:
    telling, people = both
    records = list(telling.world.state.records)
    assert people.explanations(records) == telling.explanations(records)
    assert len(telling.explanations(records)) >= 2


def test_a_mentions_position_is_that_of_its_entry(both: tuple[Telling, People]) -> None:
    telling, people = both
    mentions = people.mentions(telling.world.state.records)
    happened = people.recorded(m.position for m in mentions)
    assert [h.facts["record"] for h in happened] == [m.id for m in mentions]


def test_reviews_are_the_same_page_by_page(both: tuple[Telling, People]) -> None:
    telling, people = both
    for every in (False, True):
        whole = telling.reviews(FIRST, 100, every=every)
        assert people.reviews(FIRST, 100, every=every) == whole
        behind = (whole[0].rank, whole[0].id)
        assert people.reviews(behind, 100, every=every) == whole[1:]
    assert people.review(whole[0].id) == whole[0]
    assert people.review(NOBODY) is None


def test_an_erased_mention_has_nothing_to_compare(both: tuple[Telling, People], empty: Filled) -> None:
    telling, people = both
    record = next(r.id for r in telling.world.state.records.values() if r.edges)
    empty.harm("UPDATE records SET wrapped = NULL WHERE id = %s::uuid", record)
    empty.harm("UPDATE bodies SET wrapped = NULL WHERE key_id = %s::uuid", record)
    (mention,) = people.mentions([record])
    assert (mention.features, mention.edges, mention.person) == (None, {}, telling.world.state.person_of(record))
    assert people.explanations([record]) == {}


def test_the_few_entries_about_persons_have_an_index_of_their_own(both: tuple[Telling, People], empty: Filled) -> None:
    from hub.ledger.people import DECIDED  # noqa: PLC0415

    with psycopg.connect(empty.url) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute("EXPLAIN " + DECIDED, (1, [b"x"])).fetchall()  # type: ignore[arg-type]
    assert both
    assert "entries_people" in "".join(row[0] for row in plan)


async def test_a_merge_through_the_api_is_decided_and_told_over_postgresql(world: World, empty: Filled) -> None:
    empty.write(steps_of(world), random.Random(3))  # noqa: S311 - slice sizes
    pool = Pool(empty.url, size=1)
    deps = replace(web_deps(world), reads=Reads(pool, empty.policy.keys), people=People(pool, empty.policy.keys))

    async def publish(topic: str, key: str, value: bytes) -> None:
        empty.write([(topic, world.now, value)], random.Random(3))  # noqa: S311
        assert key

    transport = httpx.ASGITransport(create_app(replace(deps, publish=publish)))
    headers = {"Authorization": "Bearer token-city"}
    persons = [p for p, records in world.state.persons.items() if records]
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers) as client:
        body = {"other": persons[1], "reason": "asked_person"}
        merged = await client.post(f"/v1/persons/{persons[0]}/merge", json=body)
        assert [e["kind"] for e in merged.json()["followed"]][:2] == ["identity.decided", "person.merged"]
        told = (await client.get(f"/v1/persons/{persons[1]}/why")).json()
        assert told["person"] == persons[0]
        steps = (await client.get(f"/v1/persons/{persons[0]}/how")).json()["steps"]
        assert steps[-1]["kind"] == "person.merged"
        undone = await client.post(f"/v1/persons/{persons[0]}/unmerge", json={"reason": "entry_error"})
        assert undone.json()["errors"][0]["code"] == "records_missing"  # two merges by hand: which one?
    assert [e for e in empty.entries() if b'"access.recorded"' in e]
    pool.close()
