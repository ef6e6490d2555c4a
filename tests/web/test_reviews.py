"""Reviews: which wait for whom, gravest first; what one shows; the answer, and that it settles the question."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.schemas.topics import ACCESS

SHARED = {"생년월일": "1951-04-03", "전화번호": "010-4111-7222", "주소": "진주시 평거로 88, 205동 301호"}
WHO = {"reason": "asked_person"}


@pytest.fixture
def twins(world: Any) -> tuple[str, str]:
    """Two sisters who ask for the same, each on her own record."""
    one, other = (world.referral(world.refer(성명=name, **SHARED)).record for name in ("강복남", "강복순"))
    return one, other


def hide(world: Any, record: str) -> None:
    for case in world.state.cases.values():
        for referral in case.referrals.values():
            if referral.record == record:
                referral.secret = True


async def listed(lived: Any, agency: str = "city", query: str = "") -> list[dict[str, Any]]:
    answer = await lived.get(f"/v1/reviews{query}", agency)
    found: list[dict[str, Any]] = answer.json()["reviews"]
    return found


async def test_a_review_says_what_depends_on_it_and_what_stopped_the_machine(
    lived: Any, twins: tuple[str, str]
) -> None:
    (review,) = await listed(lived)
    assert {review["record"], review["other"]} == set(twins)
    assert (review["state"], review["guard"], review["consequences"]) == ("open", "twin", ["duplicate"])
    assert review["consequence_words"][0]["en"] == "a duplicate referral"


async def test_one_review_compares_both_mentions_and_is_recorded(
    lived: Any, telling: Any, twins: tuple[str, str]
) -> None:
    (review,) = await listed(lived)
    assert telling.published == []
    told = (await lived.get(f"/v1/reviews/{review['review']}", "city")).json()
    assert told["comparison"]["guard"] == "twin"
    assert sum(f["bits"] for f in told["comparison"]["fields"]) == pytest.approx(told["comparison"]["bits"])
    (access,) = [orjson.loads(v)["data"] for topic, _, v in telling.published if topic == ACCESS]
    assert (access["what"], access["id"], access["classes"]) == ("review", review["review"], ["matching"])
    assert twins


@pytest.mark.parametrize("agency", ["sangbong", "prosecutors", "devices"])
async def test_who_may_not_decide_sees_no_review(lived: Any, kit: Any, twins: tuple[str, str], agency: str) -> None:
    (review,) = await listed(lived)
    assert await listed(lived, agency, "?all=true") == []
    nonsense = await lived.get(f"/v1/reviews/{kit.nonsense}", agency)
    answer = await lived.get(f"/v1/reviews/{review['review']}", agency)
    assert (answer.status_code, answer.content) == (404, nonsense.content)
    assert twins


@pytest.mark.parametrize("side", [0, 1])
async def test_a_review_with_a_hidden_side_does_not_appear(
    lived: Any, world: Any, kit: Any, twins: tuple[str, str], side: int
) -> None:
    (review,) = await listed(lived)
    hide(world, twins[side])
    page = (await lived.get("/v1/reviews?all=true", "city")).json()
    assert page == {"reviews": [], "next": ""}
    nonsense = await lived.get(f"/v1/reviews/{kit.nonsense}", "city")
    assert (await lived.get(f"/v1/reviews/{review['review']}", "city")).content == nonsense.content
    answer = await lived.post(f"/v1/reviews/{review['review']}/same", "city", json=WHO)
    assert (answer.status_code, answer.content) == (404, nonsense.content)


@pytest.mark.parametrize("decision", ["same", "apart"])
async def test_the_answer_closes_the_review_and_tells_what_followed(
    lived: Any, world: Any, twins: tuple[str, str], decision: str
) -> None:
    (review,) = await listed(lived)
    answer = await lived.post(f"/v1/reviews/{review['review']}/{decision}", "dong-pyeonggeo", json=WHO)
    followed = [entry["kind"] for entry in answer.json()["followed"]]
    assert answer.status_code == 200
    assert ("person.merged" in followed) == (decision == "same")
    assert await listed(lived) == []
    assert [one["state"] for one in await listed(lived, query="?all=true")] == [decision]
    one, other = (world.state.person_of(record) for record in twins)
    assert (one == other) == (decision == "same")


async def test_what_was_merged_meanwhile_is_settled(lived: Any, world: Any, twins: tuple[str, str]) -> None:
    world.judge("same", persons=[world.state.person_of(record) for record in twins])
    assert await listed(lived) == []
    assert [one["state"] for one in await listed(lived, query="?all=true")] == ["settled"]


async def test_what_a_worker_separated_without_naming_the_review_is_settled(
    lived: Any, world: Any, twins: tuple[str, str]
) -> None:
    world.judge("same", persons=[world.state.person_of(record) for record in twins])
    world.judge("apart", persons=[world.state.person_of(twins[0])])
    assert world.state.person_of(twins[0]) != world.state.person_of(twins[1])
    assert await listed(lived) == []


async def test_pages_go_on_behind_the_last_and_gravest_come_first(lived: Any, world: Any) -> None:
    for n in range(3):
        shared = SHARED | {"전화번호": f"010-5111-720{n}", "생년월일": f"195{n}-04-03"}
        for name in ("강복남", "강복순"):
            world.refer(성명=name, **shared | {"주소": f"진주시 평거로 88, 205동 30{n}호"})
    whole = await listed(lived, query="?all=true")
    assert len(whole) >= 3
    assert [one["rank"] for one in whole] == sorted((one["rank"] for one in whole), reverse=True)
    after, pages = "", []
    for _ in whole:
        page = (await lived.get(f"/v1/reviews?all=true&limit=1&after={after}", "city")).json()
        pages += page["reviews"]
        after = page["next"]
    assert pages == whole
    assert (await lived.get(f"/v1/reviews?all=true&after={after}", "city")).json() == {"reviews": [], "next": after}


@pytest.mark.parametrize("after", ["x", "1", "-1:" + "0" * 8, "9999999999:00000000-0000-0000-0000-000000000000", "%00"])
async def test_a_place_that_is_none_is_400(lived: Any, after: str) -> None:
    assert (await lived.get(f"/v1/reviews?after={after}", "city")).status_code == 400


async def test_a_decision_that_is_none_is_404_and_goes_nowhere(
    lived: Any, telling: Any, twins: tuple[str, str]
) -> None:
    (review,) = await listed(lived)
    for decision in ("maybe", "SAME", "%00"):
        assert (await lived.post(f"/v1/reviews/{review['review']}/{decision}", "city", json=WHO)).status_code == 404
    assert telling.published == []
    assert twins
