"""Which questions reach a person: what it would change if two were one, and how many are asked about one mention."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hub.core.decide import reviews
from hub.core.state import Referral
from tests.core.decide.world import World, policy

INCOME = sorted(code for code, need in policy().rules.needs.items() if need.field == reviews.MONEY)
FOOD = next(code for code, need in policy().rules.needs.items() if need.field not in {reviews.MONEY, "safety"})
SHARED = {"생년월일": "1951-04-03", "전화번호": "010-4111-7222", "주소": "진주시 평거로 88, 205동 301호"}


def asked(code: str = FOOD, **more: Any) -> Referral:
    held = {"id": "r", "number": "N-1", "agency": "jeil", "need": "n", "code": code, "urgency": "routine", "seq": 1}
    return Referral(**(held | {"state": "offered", "heard": "", **more}))


def consequences(mine: Referral, other: Referral) -> list[str]:
    recorder: Any = SimpleNamespace(rules=policy().rules)
    return reviews.consequences(recorder, [mine], [other])


OTHER = asked(INCOME[0])


@pytest.mark.parametrize(
    ("mine", "other", "found"),
    [
        (asked(), OTHER, []),
        (asked(), asked(), ["duplicate"]),
        (asked(INCOME[0]), asked(INCOME[-1]), ["money"]),
        (asked(urgency="sos"), OTHER, ["safety"]),
        (asked(), asked(INCOME[0], urgency="sos"), ["safety"]),
        (asked(urgency="sos", state="delivered"), OTHER, []),
        (asked(secret=True), asked(INCOME[0], restricted=True), ["safety"]),
        (asked(secret=True), OTHER, []),
        (asked(), asked(INCOME[0], restricted=True), []),
    ],
)
def test_what_it_would_change_if_two_were_one(mine: Referral, other: Referral, found: list[str]) -> None:
    assert consequences(mine, other) == found


def test_of_many_it_may_be_three_are_asked_about() -> None:
    world = World()
    for name in ("강복남", "강복순", "강복자", "강복희"):
        world.refer(성명=name, **SHARED)
    before = sum(1 for _ in world.facts("review.opened"))
    last = world.refer(성명="강복례", **SHARED)
    opened = list(world.facts("review.opened"))[before:]
    assert len(opened) == reviews.MOST < 4
    assert len({one["possibly"] for one in opened}) == reviews.MOST
    assert {one["record"] for one in opened} == {world.referral(last).record}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the likeliest first", "the likeliest last"])
def test_a_person_heard_of_twice_is_compared_by_the_likelier_mention(order: tuple[int, int]) -> None:
    world, mentions = World(), ((SHARED, "식품"), (SHARED | {"전화번호": "", "주소": ""}, "세탁"))
    named = [world.refer(mentions[n][1], 성명="강복남", **mentions[n][0]) for n in order]
    records = {n: world.referral(one).record for n, one in zip(order, named, strict=True)}
    assert len({world.state.person_of(record) for record in records.values()}) == 1
    before = sum(1 for _ in world.facts("review.opened"))
    world.refer(성명="강복순", **SHARED)
    (opened,) = list(world.facts("review.opened"))[before:]
    assert opened["other"] == records[0]
