"""What is found in a directory: documents and tables put together, what changed, and what is wrong where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.hsds import documents, found, looking
from connectors.hsds.documents import DOCUMENT_LIMIT
from connectors.hsds.found import Found
from connectors.protocol import Full, Receipt
from hub.errors import Usage
from tests.connectors.hsds.desk import Desk

SAMPLES = Path(__file__).parents[2] / "samples" / "hsds"
PUBLISHED = Path(__file__).parents[4] / "shared" / "samples" / "hsds"
ONE: dict[str, Any] = {"id": "o", "name": "복지관", "services": [{"id": "s", "name": "식사", "status": "active"}]}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def sample(desk: Desk, samples: Path = SAMPLES) -> None:
    for path in samples.rglob("*"):
        if path.is_file():
            desk.put(str(path.relative_to(samples)), path.read_bytes())


# ------------------------------------------------------------------ what is one organization
async def test_the_sample_directory_is_four_organizations_and_two_rows_that_belong_nowhere(desk: Desk) -> None:
    sample(desk)
    assert await desk.look() == 4
    assert sorted(desk.names()) == ["남강상담소", "진주 따뜻한집", "평거종합사회복지관", "희망나눔센터"]
    assert desk.problems() == [
        ("csv/phones.csv", 3, "service_id", "belongs_to_nobody"),
        ("csv/services.csv", 4, "/name", "name"),
    ]
    assert desk.report()["passed_over"] == 1


async def test_services_told_by_themselves_come_to_their_organization(desk: Desk) -> None:
    sample(desk)
    await desk.look()
    whole = next(e["data"] for e in desk.taken if e["data"]["id"] == "org-pyeonggeo")
    assert [service["id"] for service in whole["services"]] == ["svc-meal", "svc-wash"]
    assert whole["services"][1]["service_at_locations"][0]["location"]["id"] == "loc-pyeonggeo"


async def test_tables_are_put_together_by_their_ids(desk: Desk) -> None:
    sample(desk)
    await desk.look()
    hope, river = (
        next(e["data"] for e in desk.taken if e["data"]["id"] == f"org-{name}") for name in ("hope", "river")
    )
    (service,) = hope["services"]
    assert service["capacities"][0]["unit"]["name"] == "상자"
    assert service["attributes"][0]["taxonomy_term"]["code"] == "food"
    assert service["service_areas"][0]["name"] == "평거동"
    assert hope["locations"][0]["addresses"][0]["address_1"] == "평거로 90"
    # Its own organization is not here; the phone that names both says whose place it is.
    assert river["locations"][0]["organization_id"] == "org-elsewhere"


async def test_a_table_of_two_columns_is_one(desk: Desk) -> None:
    """The standard asks of a unit its id and its name alone."""
    desk.put("organizations.csv", b"id,name,description\no,one,all\n")
    desk.put("services.csv", b'id,organization_id,name\ns,o,"meals; laundry; talks"\n')
    desk.put("units.csv", b'id,name\nu,"beds; by day; and by night"\n')
    desk.put("service_capacities.csv", b"id,service_id,unit_id,available\nc,s,u,3\n")
    await desk.look()
    assert desk.problems() == []
    (capacity,) = desk.taken[0]["data"]["services"][0]["capacities"]
    assert capacity["unit"] == {"id": "u", "name": "beds; by day; and by night"}


async def test_what_two_files_say_differently_is_named_and_the_first_holds(desk: Desk) -> None:
    desk.put("a.json", ONE)
    desk.put("b.json", ONE | {"name": "다른 이름", "website": "https://example.kr"})
    await desk.look()
    (event,) = desk.taken
    assert (event["data"]["name"], event["data"]["website"]) == ("복지관", "https://example.kr")
    assert event["data"]["differs"] == ["/name"]


# ------------------------------------------------------------------ only what changed
async def test_the_same_directory_twice_is_one_also_after_a_restart(desk: Desk) -> None:
    desk.put("a.json", ONE)
    assert [await desk.look(), await desk.look()] == [1, 0]
    desk.again()
    desk.put("copy/b.json", ONE)
    assert await desk.look() == 0
    assert len(desk.taken) == 1


async def test_only_the_organization_that_changed_is_sent(desk: Desk) -> None:
    desk.put("a.json", [ONE | {"id": f"o-{n}"} for n in range(20)])
    assert await desk.look() == 20
    desk.put("a.json", [ONE | {"id": f"o-{n}", "name": "새 이름" if n == 7 else "복지관"} for n in range(20)])
    assert await desk.look() == 1
    assert desk.taken[-1]["data"]["id"] == "o-7"


async def test_a_list_that_is_empty_is_no_change(desk: Desk) -> None:
    desk.put("a.json", ONE)
    assert await desk.look() == 1
    desk.put("a.json", ONE | {"contacts": [], "email": "", "logo": None})
    assert await desk.look() == 0


async def test_what_was_said_before_the_last_change_is_sent_again_under_another_id(desk: Desk) -> None:
    for name in ("가", "나", "가", "나"):
        desk.put("a.json", ONE | {"name": name})
        assert await desk.look() == 1
    assert len({event["id"] for event in desk.taken}) == 4
    assert len({event["partitionkey"] for event in desk.taken}) == 1


async def test_a_crash_before_it_was_remembered_sends_the_same_id(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put("a.json", ONE)
    with monkeypatch.context() as broken:
        broken.setattr(desk.connector.memory, "sent", lambda _: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            await desk.look()
    desk.again()
    assert await desk.look() == 0
    assert len(desk.taken) == 1


async def test_a_bookmark_that_was_reset_sends_everything_once_more(desk: Desk) -> None:
    desk.put("a.json", ONE)
    await desk.look()
    desk.mark = ""
    desk.again()
    assert await desk.look() == 1
    desk.again()
    assert await desk.look() == 0


async def test_a_full_spool_keeps_the_rest_for_later(desk: Desk) -> None:
    desk.put("a.json", [ONE | {"id": f"o-{n}"} for n in range(450)])
    desk.full = 0
    take, calls = desk.take, 0

    async def full_at_second(events: Any, **more: Any) -> int:
        nonlocal calls
        calls += 1
        desk.full = int(calls == 2)
        return await take(events, **more)

    with pytest.raises(Full):
        await desk.connector.round(full_at_second)
    assert len(desk.taken) == 200
    assert await desk.look() == 250
    assert len(desk.taken) == 450


# ------------------------------------------------------------------ what is wrong, where
async def test_each_broken_part_is_named_and_the_next_good_one_passes(desk: Desk) -> None:
    desk.put("a.json", b'[{"id": "x", "id": "y"}, {"id": "x", "n": NaN}, 7, {"id": "o", "name": "ok"}, {"name": "n"}]')
    desk.put("b.jsonl", json.dumps(ONE | {"id": "p"}).encode() + b"\nno json\n" + json.dumps(ONE).encode() + b"\n")
    desk.put("c.csv", b"id,name,description\n1,2,3\n")
    assert await desk.look() == 2
    assert desk.problems() == [
        ("a.json", 1, "", "duplicate_key"),
        ("a.json", 2, "", "not_json"),
        ("a.json", 3, "", "not_an_object"),
        ("a.json", 5, "/id", "id"),
        ("b.jsonl", 2, "", "not_json"),
        ("c.csv", 0, "", "unknown_table"),
    ]


async def test_a_document_larger_than_a_message_is_refused_and_its_neighbors_pass(desk: Desk) -> None:
    desk.put("a.json", [ONE | {"id": "big", "description": "x" * DOCUMENT_LIMIT}, ONE])
    assert await desk.look() == 1
    assert desk.problems() == [("a.json", 1, "", "too_large")]


async def test_an_organization_that_outgrows_a_message_in_its_parts_is_named_and_its_neighbors_pass(desk: Desk) -> None:
    half = "가" * (DOCUMENT_LIMIT // 5)
    desk.put("a.json", ONE | {"description": half})
    desk.put("b.json", {"id": "o", "services": [{"id": "s", "description": half}]})
    desk.put("c.json", ONE | {"id": "other"})
    assert await desk.look() == 1
    assert [e["data"]["id"] for e in desk.taken] == ["other"]
    assert desk.problems() == [("", 0, "", "too_large")]


async def test_a_directory_larger_than_its_bound_is_cut_and_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "WHOLE_LIMIT", 1000)
    desk.put("a.json", [ONE | {"id": f"o-{n}"} for n in range(50)])
    new = await desk.look()
    assert 0 < new < 50
    assert {code for *_, code in desk.problems()} == {"too_large"}


async def test_one_long_term_given_to_everything_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.hsds.tables.WHOLE_LIMIT", 100_000)
    desk.put("organizations.csv", b"id,name,description\no,n,d\n")
    desk.put("taxonomy_terms.csv", b"id,code,name\nt,c," + b"x" * 9000 + b"\n")
    rows = b"".join(b"a%d,o,t,organization\n" % n for n in range(1000))
    desk.put("attributes.csv", b"id,link_id,taxonomy_term_id,link_entity\n" + rows)
    assert await desk.look() == 1
    assert len(json.dumps(desk.taken[0])) < 400_000
    assert desk.problems()[0] == ("attributes.csv", 13, "taxonomy_term_id", "too_large")


async def test_links_hidden_files_and_our_own_report_are_passed_over(desk: Desk, tmp_path: Path) -> None:
    desk.put("a.json", ONE)
    outside = tmp_path / "secret.json"
    outside.write_text(json.dumps(ONE | {"id": "outside"}))
    (desk.place / "link.json").symlink_to(outside)
    desk.put(".hidden.json", ONE | {"id": "hidden"})
    desk.put("datapackage.json", {"name": "package"})
    await desk.look()
    desk.again()
    assert await desk.look() == 0
    assert [event["data"]["id"] for event in desk.taken] == ["o"]
    assert desk.problems() == []


def test_a_string_that_never_ends_takes_no_square_of_time() -> None:
    held = Found()
    documents.read("x", b'[{"a": "' + b'\\"' * 2_000_000 + b"\\", held)
    assert held.problems[0].code == "too_large"


@pytest.mark.parametrize(
    "raw", [b'{"contents": [{"id": "o", "name": "n"}]}\n', b'{"a": [1], "contents":[ {"id":"o","name":"n"} ]}']
)
def test_a_page_is_its_contents(raw: bytes) -> None:
    held = Found()
    documents.read("page", raw, held)
    assert (held.count, held.problems) == (1, [])


# ------------------------------------------------------------------ before and behind
async def test_discover_and_check_leave_no_trace(desk: Desk) -> None:
    sample(desk)
    before = sorted(desk.place.rglob("*"))
    events = await desk.connector.discover(3)
    assert [event["data"]["id"] for event in events if isinstance(event, dict)][:1] == ["org-pyeonggeo"]
    checks = {check.name: check for check in await desk.connector.check()}
    assert (checks["directory"].ok, checks["readable"].ok) == (True, False)
    assert sorted(desk.place.rglob("*")) == before


async def test_a_path_that_is_not_there_is_told_with_its_remedy(tmp_path: Path) -> None:
    desk = Desk(tmp_path, path=str(tmp_path / "nowhere"), state=str(tmp_path / "state"))
    checks = {check.name: check for check in await desk.connector.check()}
    assert not checks["directory"].ok
    with pytest.raises(Usage, match="cannot be read"):
        await desk.connector.backfill("2026-01-01", desk.take)


async def test_one_file_is_a_directory_too(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(ONE))
    desk = Desk(tmp_path, path=str(tmp_path / "one.json"))
    assert await desk.look() == 1
    assert (tmp_path / "ieum-report.json").exists()


async def test_the_report_says_what_became_of_each_version(desk: Desk) -> None:
    desk.put("a.json", ONE)
    await desk.look()
    first = desk.taken[0]
    reason = {"path": "/data/services/0/minimum_age", "code": "float_parsing", "text": "no number"}
    await desk.connector.tell([Receipt(first["id"], first["source"], "refused", 7, (reason,), about="o")])
    await desk.connector._show(desk.connector._look)
    assert desk.report()["listings"] == [{"id": "o", "status": "refused", "position": 7, "reasons": [reason]}]
    desk.put("a.json", ONE | {"name": "새 이름"})
    await desk.look()
    await desk.connector.tell([Receipt(first["id"], first["source"], "refused", 7, (reason,), about="o")])
    await desk.connector._show(desk.connector._look)
    assert desk.report()["listings"] == [{"id": "o", "status": "waiting"}]


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the standard's own examples are not on this machine")
async def test_the_standards_own_examples_are_one_organization_without_a_problem(desk: Desk) -> None:
    sample(desk, PUBLISHED)
    assert await desk.look() == 1
    assert desk.problems() == []
    assert desk.report()["passed_over"] == 2
    assert looking.standing(desk.connector.config)  # type: ignore[arg-type]
