"""Who is who: what an explanation says, to whom, and that it is recorded."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.core.sealing import person_id
from hub.schemas.topics import ACCESS
from tests.web.townspeople import FIRST, Town


def accesses(telling: Any) -> list[dict[str, Any]]:
    return [orjson.loads(value)["data"] for topic, _, value in telling.published if topic == ACCESS]


async def why(lived: Any, id_: str, agency: str = "city") -> Any:
    return await lived.get(f"/v1/persons/{id_}/why", agency)


# ------------------------------------------------------------------ why
async def test_each_mention_is_tied_to_another_and_its_bits_add_up(lived: Any, town: Town) -> None:
    told = (await why(lived, town.person(0))).json()
    assert [row["record"] for row in told["records"]] == town.records[:2]
    link = told["records"][1]["link"]
    assert told["records"][0]["link"] is None
    assert (link["how"], link["needed"]) == ("machine", 10.0)
    assert link["words"]["en"] == "same name, birth date, sex and address"
    assert link["bits"] >= link["needed"]
    assert sum(field["bits"] for field in link["fields"]) == pytest.approx(link["bits"])


async def test_who_else_it_may_be_comes_with_what_stopped_the_machine(lived: Any, town: Town) -> None:
    told = (await why(lived, town.person(0))).json()
    assert [(other["person"], other["guard"]) for other in told["possibly"]] == [(town.person(3), "twin")]


async def test_an_explanation_repeats_no_value(lived: Any, town: Town) -> None:
    for path in ("why", "how", f"why-not/{town.person(3)}"):
        text = (await lived.get(f"/v1/persons/{town.person(0)}/{path}", "city")).text
        for value in ("강복", "복남", "1951", "0403", "4111", "7222", "평거로", "301"):
            assert value not in text


async def test_a_mentions_id_tells_of_that_mention(lived: Any, town: Town) -> None:
    extra = town.world.referral(town.world.refer("도배", **FIRST)).record
    told = (await why(lived, extra)).json()
    assert told["person"] == town.person(0)
    assert extra in {row["record"] for row in told["records"]}
    assert len(told["records"]) < 3


async def test_a_former_id_leads_to_the_person(lived: Any, town: Town) -> None:
    former = town.person(2)
    town.world.judge("same", persons=[town.person(0), former])
    assert (await why(lived, former)).json()["person"] == town.person(0)


async def test_a_workers_link_names_agency_reason_and_time(lived: Any, town: Town) -> None:
    town.world.judge("same", persons=[town.person(0), town.person(2)], reason="documents_seen")
    link = (await why(lived, town.person(0))).json()["records"][2]["link"]
    assert (link["how"], link["said"]["by"], link["said"]["reason"]) == ("worker", "city", "documents_seen")
    assert link["said"]["reason_words"]["en"] == "saw documents"
    assert link["bits"] < link["needed"]


async def test_an_erased_mention_shows_nothing_to_compare(lived: Any, town: Town, telling: Any) -> None:
    import msgspec  # noqa: PLC0415

    whole = telling.mentions
    telling.mentions = lambda ids: [msgspec.structs.replace(m, features=None, edges={}) for m in whole(ids)]
    link = (await why(lived, town.person(0))).json()["records"][1]["link"]
    assert (link["how"], link["fields"], link["bits"]) == ("unseen", [], 0)


# ------------------------------------------------------------------ who may
async def test_the_read_is_recorded_under_the_class_matching(lived: Any, town: Town, telling: Any) -> None:
    await why(lived, town.person(0))
    (access,) = accesses(telling)
    assert (access["reader"], access["what"], access["id"]) == ("city", "person", town.person(0))
    assert (access["classes"], access["purpose"]) == (["matching"], "welfare")


async def test_a_comparison_is_a_read_of_both(lived: Any, town: Town, telling: Any) -> None:
    await lived.get(f"/v1/persons/{town.person(0)}/why-not/{town.person(3)}", "city")
    assert {access["id"] for access in accesses(telling)} == {town.person(0), town.person(3)}


async def test_a_purpose_of_somebody_elses_is_forbidden_and_nothing_is_told(lived: Any, town: Town) -> None:
    answer = await lived.get(f"/v1/persons/{town.person(0)}/why?purpose=audit", "city")
    assert answer.status_code == 403
    assert town.records[0] not in answer.text


@pytest.mark.parametrize("agency", ["sangbong", "gyeongsang", "prosecutors", "police", "devices"])
async def test_who_may_not_decide_gets_the_404_of_nonsense(lived: Any, kit: Any, town: Town, agency: str) -> None:
    nonsense = await why(lived, kit.nonsense, agency)
    for path in ("why", "how", f"why-not/{town.person(3)}"):
        answer = await lived.get(f"/v1/persons/{town.person(0)}/{path}", agency)
        assert (answer.status_code, answer.content) == (404, nonsense.content)


async def test_a_dong_center_may_and_learns_no_source(lived: Any, town: Town) -> None:
    told = (await lived.get(f"/v1/persons/{town.person(0)}/how", "dong-pyeonggeo")).json()
    assert {step["agency"] for step in told["steps"]} == {"withheld"}


async def test_what_only_victim_support_knows_leaves_no_trace(lived: Any, kit: Any, town: Town) -> None:
    person, twin, sister = town.person(0), town.person(3), town.records[3]
    town.hide(3)
    town.hide(1)
    nonsense = (await why(lived, kit.nonsense)).content
    for hidden in (twin, sister, town.records[1], person_id(town.records[1])):
        assert (await why(lived, hidden)).content == nonsense
    assert (await lived.get(f"/v1/persons/{person}/why-not/{twin}", "city")).content == nonsense
    for path in ("why", "how"):
        text = (await lived.get(f"/v1/persons/{person}/{path}", "city")).text
        assert not any(hidden in text for hidden in (twin, sister, town.records[1]))
    assert len((await why(lived, person)).json()["records"]) == 1


# ------------------------------------------------------------------ why not
async def test_two_persons_are_two_by_a_guard_and_told_so_in_words(lived: Any, town: Town) -> None:
    told = (await lived.get(f"/v1/persons/{town.person(0)}/why-not/{town.person(3)}", "city")).json()
    assert (told["one"], told["because"], told["best"]["guard"]) == (False, "guard", "twin")
    assert told["best"]["guard_words"]["en"] == "possibly twins"


async def test_too_little_evidence_says_how_much_is_missing(lived: Any, town: Town) -> None:
    told = (await lived.get(f"/v1/persons/{town.person(0)}/why-not/{town.person(2)}", "city")).json()
    assert told["because"] == "weak"
    assert told["best"]["bits"] < told["best"]["needed"]


async def test_a_workers_no_is_named_before_any_evidence(lived: Any, town: Town) -> None:
    town.world.judge("apart", persons=[town.person(0)], records=[town.records[1]])
    told = (await lived.get(f"/v1/persons/{town.records[0]}/why-not/{town.records[1]}", "city")).json()
    assert (told["one"], told["because"]) == (False, "by_worker")
    assert told["best"]["said"]["by"] == "city"


async def test_one_person_under_two_ids_is_told_as_one(lived: Any, town: Town) -> None:
    told = (await lived.get(f"/v1/persons/{town.records[0]}/why-not/{town.records[1]}", "city")).json()
    assert (told["one"], told["because"]) == (True, "already_one")
    same = (await lived.get(f"/v1/persons/{town.records[0]}/why-not/{town.records[0]}", "city")).json()
    assert same["one"]


# ------------------------------------------------------------------ how
async def test_the_steps_are_those_of_the_ledger_in_order(lived: Any, town: Town) -> None:
    town.world.judge("same", persons=[town.person(0), town.person(2)])
    town.world.judge("apart", persons=[town.person(0)])
    told = (await lived.get(f"/v1/persons/{town.person(0)}/how", "city")).json()
    kinds = [step["kind"] for step in told["steps"]]
    assert kinds == ["referral.recorded"] * 2 + [
        "identity.decided",
        "person.merged",
        "identity.decided",
        "person.split",
    ]
    assert [step["position"] for step in told["steps"]] == sorted(step["position"] for step in told["steps"])
    assert told["steps"][1]["words"]["en"] == "same name, birth date, sex and address"


async def test_a_hidden_origin_stays_hidden(lived: Any, town: Town) -> None:
    place = next(
        n for n, e in enumerate(town.world.entries) if orjson.loads(e)["facts"].get("record") == town.records[0]
    )
    entry = orjson.loads(town.world.entries[place])
    entry["facts"]["origin_hidden"] = True
    town.world.entries[place] = orjson.dumps(entry)
    told = (await lived.get(f"/v1/persons/{town.person(0)}/how", "city")).json()
    assert [step["agency"] for step in told["steps"]] == ["withheld", "sangbong"]
