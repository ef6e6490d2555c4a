"""Where needs go: order, walls, evenness, owners of what nobody takes, and the cost of asking."""

from __future__ import annotations

import timeit
from collections import Counter

import pytest

from hub.core.directory import Agency, Directory
from hub.core.routing import Place, route, unplaced_owner
from hub.core.rules import Rules
from hub.rules import texts

RULES = Rules.load(texts())
VICTIM_KINDS = {"victim_support_office", "victim_center", "smile_center", "shelter", "sunflower_center"}


def agency(
    code: str, kind: str, *areas: str, purposes: tuple[str, ...] = ("welfare",), state: str = "active"
) -> Agency:
    return Agency(code, kind, code, purposes, "consent_self", areas, state)  # type: ignore[arg-type]


def one_of_each() -> Directory:
    kinds = [k for k in RULES.kinds if k != "dong_center"]
    inside = ("victim_support",)
    directory = Directory(agency(k, k, purposes=inside if k in VICTIM_KINDS else ("welfare",)) for k in kinds)
    for dong in ("천전동", "중앙동", "평거동", "상봉동"):
        directory.put(agency(f"center-{dong}", "dong_center", dong))
    return directory


TOWN = one_of_each()


def ask(code: str, *, dong: str = "천전동", restricted: bool = False, source: str = "gs", tried: tuple[str, ...] = (),
        agencies: Directory = TOWN, spread: str = "r1") -> tuple[Place, ...]:  # fmt: skip
    return route(
        RULES.needs[code], dong=dong, restricted=restricted, source=source, agencies=agencies, tried=tried,
        rules=RULES, spread=spread,
    )  # fmt: skip


@pytest.mark.parametrize("code", sorted(RULES.needs))
def test_with_one_agency_of_each_kind_every_need_finds_a_place(code: str) -> None:
    town = Directory(agency(k, k, purposes=("victim_support",)) for k in RULES.kinds)
    assert ask(code, agencies=town)


def test_places_come_in_the_order_of_the_rule_file() -> None:
    assert [p.kind for p in ask("dementia")] == ["dementia_center", "public_health", "home_care", "volunteer_corps"]


def test_each_place_says_why() -> None:
    assert ask("dementia")[0].reason == "대표 기관: 치매안심센터"


def test_agencies_already_asked_are_not_asked_again() -> None:
    assert [p.agency for p in ask("dementia", tried=("dementia_center", "home_care"))] == [
        "public_health",
        "volunteer_corps",
    ]


def test_the_source_is_not_offered_its_own_referral() -> None:
    assert "housing_corporation" not in {p.agency for p in ask("rent_arrears", source="housing_corporation")}


@pytest.mark.parametrize("state", ["suspended", "paused"])
def test_an_agency_that_is_not_active_is_not_asked(state: str) -> None:
    town = Directory([agency("food_bank", "food_bank", state=state)])
    assert ask("food", agencies=town) == ()


def test_an_agency_elsewhere_is_not_asked() -> None:
    assert ask("food", agencies=Directory([agency("bank", "food_bank", "평거동")])) == ()


def test_an_agency_that_names_the_dong_comes_before_a_city_wide_one() -> None:
    town = Directory([agency("a", "food_bank"), agency("z", "food_bank", "천전동")])
    assert [p.agency for p in ask("food", agencies=town)] == ["z", "a"]


def test_without_a_usable_address_only_city_wide_agencies_are_asked() -> None:
    town = Directory([agency("a", "food_bank"), agency("z", "food_bank", "천전동")])
    assert [p.agency for p in ask("food", dong="", agencies=town)] == ["a"]


@pytest.mark.parametrize("code", sorted(c for c, n in RULES.needs.items() if n.secret))
def test_a_secret_code_goes_only_to_victim_support(code: str) -> None:
    assert {p.kind for p in ask(code)} <= VICTIM_KINDS


@pytest.mark.parametrize("code", sorted(RULES.needs))
def test_a_restricted_referral_goes_only_to_victim_support(code: str) -> None:
    assert {p.kind for p in ask(code, restricted=True)} <= VICTIM_KINDS


@pytest.mark.parametrize("kind", sorted(k for k, v in RULES.kinds.items() if v.barred))
def test_no_purpose_opens_a_barred_kind_to_what_stays_inside(kind: str) -> None:
    town = Directory([agency("x", kind, purposes=("victim_support", "welfare"))])
    assert not [p for code in RULES.needs for p in ask(code, restricted=True, agencies=town)]


@pytest.mark.parametrize(("code", "place"), [("emergency_shelter", "shelter"), ("legal_advice", "victim_center")])
def test_2026_vs_0078_stays_inside_victim_support(code: str, place: str) -> None:
    assert [p.agency for p in ask(code, restricted=True, dong="", source="prosecutors")] == [place]


def test_equals_are_asked_in_turn_and_the_same_referral_always_the_same() -> None:
    town = Directory(agency(f"bank-{n}", "food_bank") for n in range(3))
    firsts = Counter(ask("food", agencies=town, spread=f"r{n}")[0].agency for n in range(900))
    assert min(firsts.values()) > 240
    assert ask("food", agencies=town, spread="r7") == ask("food", agencies=town, spread="r7")


def test_second_choices_are_spread_too() -> None:
    town = Directory(agency(f"bank-{n}", "food_bank") for n in range(3))
    seconds = Counter(ask("food", agencies=town, tried=("bank-0",), spread=f"r{n}")[0].agency for n in range(900))
    assert min(seconds.values()) > 360


def test_the_order_of_registration_does_not_matter() -> None:
    banks = [agency(f"bank-{n}", "food_bank") for n in range(5)]
    assert ask("food", agencies=Directory(banks)) == ask("food", agencies=Directory(reversed(banks)))


def test_a_change_of_the_directory_is_seen_at_once() -> None:
    town = Directory([agency("a", "food_bank")])
    assert ask("food", agencies=town)
    town.put(agency("a", "food_bank", state="suspended"))
    assert not ask("food", agencies=town)


def test_counting_messages_does_not_rebuild_the_index() -> None:
    town = Directory([agency("a", "food_bank")])
    town.put(Agency("a", "food_bank", "a", ("welfare",), "consent_self", recent_total=9))
    assert town.version == 1


@pytest.mark.parametrize(
    ("dong", "restricted", "owner"),
    [
        ("천전동", False, "center-천전동"),
        ("", False, "city_desk"),
        ("없는동", False, "city_desk"),
        ("천전동", True, "prosecutors"),
        ("", True, "prosecutors"),
    ],
)
def test_what_nobody_takes_has_an_owner(dong: str, *, restricted: bool, owner: str) -> None:
    assert unplaced_owner(dong, restricted, TOWN, "prosecutors").agency == owner


def test_a_center_that_names_no_dong_owns_nobody() -> None:
    town = Directory([agency("everywhere", "dong_center"), agency("desk", "city_desk")])
    assert unplaced_owner("천전동", restricted=False, agencies=town, source="gs").agency == "desk"


def test_without_center_and_desk_the_source_keeps_it() -> None:
    assert unplaced_owner("천전동", restricted=False, agencies=Directory(), source="gs") == Place(
        "gs", "", "의뢰기관이 계속 담당"
    )


def test_routing_costs_microseconds() -> None:
    best = min(timeit.repeat(lambda: ask("discharge_care"), number=2000, repeat=5)) / 2000
    assert best < 25e-6  # 2–3 µs here; the margin is for a busy machine
