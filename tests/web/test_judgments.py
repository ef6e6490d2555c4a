"""A merge and an unmerge through the API: what is published, what followed, and every way to be refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.cli.api_document import openapi
from hub.schemas.topics import Formats, Types
from tests.web.townspeople import Town

WHO = {"reason": "asked_person"}


async def test_a_merge_is_published_and_tells_what_followed(lived: Any, town: Town, telling: Any) -> None:
    older, younger = town.person(0), town.person(2)
    answer = await lived.post(f"/v1/persons/{older}/merge", "city", json=WHO | {"other": younger})
    told = answer.json()
    assert (answer.status_code, told["decision"], told["verdict"]) == (200, "same", "recorded")
    kinds = [entry["kind"] for entry in told["followed"]]
    assert kinds[:2] == ["identity.decided", "person.merged"]
    assert "referral.duplicated" in kinds
    topic, key, value = telling.published[0]
    message = orjson.loads(value)
    assert (topic, key, message["type"], message["dataschema"]) == (
        "hub.in.city", older, Types.IDENTITY, Formats.IDENTITY,
    )  # fmt: skip
    assert message["data"] == {"decision": "same", "persons": [older, younger], "reason": "asked_person"}


async def test_an_unmerge_by_mention_and_one_of_a_merge_by_hand(lived: Any, town: Town) -> None:
    older, younger = town.person(0), town.person(2)
    await lived.post(f"/v1/persons/{older}/merge", "city", json=WHO | {"other": younger})
    answer = await lived.post(f"/v1/persons/{older}/unmerge", "city", json={"reason": "entry_error"})
    assert [e["kind"] for e in answer.json()["followed"]][:2] == ["identity.decided", "person.split"]
    assert town.person(2) == younger
    body = WHO | {"records": [town.records[1]]}
    assert (await lived.post(f"/v1/persons/{older}/unmerge", "city", json=body)).status_code == 200
    assert town.person(1) != older


async def test_what_followed_names_only_what_the_account_may_know(lived: Any, town: Town) -> None:
    answer = await lived.post(f"/v1/persons/{town.person(0)}/merge", "city", json=WHO | {"other": town.person(2)})
    for entry in answer.json()["followed"]:
        assert not {"records", "right", "moved", "audience"} & entry["facts"].keys()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"reason": "asked_person"}, "nothing_left"),
        ({"reason": "asked_person", "records": []}, "records_missing"),
    ],
)
async def test_what_cannot_be_undone_is_409_with_its_reason(lived: Any, town: Town, body: Any, code: str) -> None:
    records = [*town.records[:2]] if code == "nothing_left" else body.get("records", [])
    answer = await lived.post(f"/v1/persons/{town.person(0)}/unmerge", "city", json=body | {"records": records})
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == code
    assert answer.headers["content-type"] == "application/problem+json"


async def test_merging_what_is_one_is_409(lived: Any, town: Town) -> None:
    older, younger = town.person(0), town.person(2)
    path, body = f"/v1/persons/{older}/merge", WHO | {"other": younger}
    await lived.post(path, "city", json=body)
    again = await lived.post(path, "city", json=body)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "already_one")


async def test_an_agency_that_may_not_decide_is_403(lived: Any, town: Town) -> None:
    answer = await lived.post(f"/v1/persons/{town.person(0)}/merge", "sangbong", json=WHO | {"other": town.person(2)})
    assert answer.status_code == 403


async def test_unknown_and_hidden_are_the_same_404(lived: Any, kit: Any, town: Town) -> None:
    hidden = town.person(3)
    town.hide(3)
    answers = [
        await lived.post(f"/v1/persons/{town.person(0)}/merge", "city", json=WHO | {"other": other})
        for other in (hidden, kit.nonsense, "x", "%00")
    ]
    assert {a.status_code for a in answers} == {404}
    assert len({a.content for a in answers}) == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"other": "x"}, {"reason": "because"}, [], "x", {"reason": "asked_person", "other": 3, "more": 1}],
)
async def test_a_body_that_does_not_fit_is_400_and_goes_nowhere(
    lived: Any, town: Town, telling: Any, body: object
) -> None:
    answer = await lived.post(f"/v1/persons/{town.person(0)}/merge", "city", json=body)
    assert answer.status_code == 400
    assert telling.published == []


async def test_another_reason_needs_a_text(lived: Any, town: Town) -> None:
    body = {"reason": "other", "other": town.person(2)}
    answer = await lived.post(f"/v1/persons/{town.person(0)}/merge", "city", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "text_missing")


async def test_a_repeat_under_the_same_key_gets_the_first_answer(lived: Any, town: Town) -> None:
    path, body = f"/v1/persons/{town.person(0)}/merge", WHO | {"other": town.person(2)}
    headers = {"Idempotency-Key": "merge-1"}
    first, second = [await lived.post(path, "city", json=body, headers=headers) for _ in range(2)]
    assert (second.status_code, second.json()) == (200, first.json())


async def test_a_repeat_tells_nothing_of_what_others_caused_since(lived: Any, town: Town) -> None:
    path, body = f"/v1/persons/{town.person(0)}/merge", WHO | {"other": town.person(2)}
    headers = {"Idempotency-Key": "merge-1"}
    first = await lived.post(path, "city", json=body, headers=headers)
    town.world.refer("청소")
    assert (await lived.post(path, "city", json=body, headers=headers)).json() == first.json()


async def test_without_a_verdict_in_time_it_is_202_with_the_receipt(lived: Any, town: Town) -> None:
    path, body = f"/v1/persons/{town.person(0)}/merge?wait=0", WHO | {"other": town.person(2)}
    answer = await lived.post(path, "city", json=body)
    assert (answer.status_code, answer.json()["verdict"]) == (202, "pending")
    assert answer.headers["location"] == answer.json()["receipt"]


@pytest.mark.parametrize(
    ("path", "member", "kind"),
    [
        ("/v1/persons/{id}/merge", "other", "string"),
        ("/v1/persons/{id}/unmerge", "records", "array"),
        ("/v1/cases/{id}/split", "persons", "array"),
        ("/v1/cases/{id}/join", "other", "string"),
    ],
)
def test_the_description_says_of_a_body_what_is_read_of_it(path: str, member: str, kind: str) -> None:
    body = openapi()["paths"][path]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert body["required"]
    assert schema["properties"][member]["type"] == kind
    assert set(schema["required"]) == {"reason", member} - {"records"}
