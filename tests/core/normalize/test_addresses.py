"""Addresses as typed."""

from __future__ import annotations

import pytest

from hub.core.normalize.addresses import Areas, crosswalk_key, read_address

AREAS = Areas(
    "진주시",
    {"road:진주대로 1052": "천전동", "dong:상봉동": "상봉동", "dong:강남동": "천전동", "road:칠암로": "천전동"},
)
FLAT = ("road:진주대로 1052", "101", "1203", "천전동")


@pytest.mark.parametrize(
    "text",
    [
        "경상남도 진주시 진주대로 1052, 101동 1203호 (강남동, 강남아파트)",
        "경남 진주시 진주대로1052 강남아파트 101동1203호",
        "진주시 진주대로 1052 101-1203",
        "진주시 진주대로 1052 101동 1203",
        "진주시 진주대로 1052 제101동 제1203호",
        "진주시 진주대로 1052 0101동 12층 1203호",
        "진주대로 1052 동아아파트 101동 1203호",
        "경남진주시진주대로1052 101동 1203호",
        "(52700) 경상남도 진주시 진주대로 1052 101동 1203호",
        "52700 경남 진주시 진주대로 1052 [강남동] 101 1203",
    ],
)
def test_one_flat_is_one_dwelling_however_written(text: str) -> None:
    claim = read_address(text, AREAS).claim
    assert (claim.building, claim.block, claim.ho, claim.dong) == FLAT
    assert claim.is_unit


@pytest.mark.parametrize(
    ("text", "building", "block", "ho"),
    [
        ("경남 진주시 상봉동 802-5 2층", "lot:상봉동 802-5", "", ""),
        ("경남 진주시 상봉동 802-5번지", "lot:상봉동 802-5", "", ""),
        ("상봉동 802번지 5호", "lot:상봉동 802-5", "", ""),
        ("상봉동 산 12-3", "lot:상봉동 산12-3", "", ""),
        ("진주시 문산읍 삼곡리 123-4", "lot:문산읍 삼곡리 123-4", "", ""),
        ("진주시 평거로12번길 3", "road:평거로12번길 3", "", ""),
        ("진주시 평거로 12번길 3-1 203호", "road:평거로12번길 3-1", "", "203"),
        ("진주시 새벼리로 8 지하 101호", "road:새벼리로 8", "", "B101"),
        ("진주시 새벼리로 8 가동 101호", "road:새벼리로 8", "가", "101"),
        ("진주시 새벼리로 8 101동", "road:새벼리로 8", "101", ""),
        ("창원시 성산구 중앙대로 151", "road:창원시 성산구 중앙대로 151", "", ""),
        ("서울특별시 종로구 세종대로 209", "road:서울 종로구 세종대로 209", "", ""),
        ("진주시 진주대로1052번길", None, "", ""),
        ("진주시 어딘가", None, "", ""),
        ("강남아파트 101동 1203호", None, "", ""),
        # Provinces and cities renamed: the acts are named in the module
        ("강원도 춘천시 중앙로 1", "road:춘천시 중앙로 1", "", ""),
        ("강원특별자치도 춘천시 중앙로 1", "road:춘천시 중앙로 1", "", ""),
        ("전라북도 전주시 완산구 효자로 225", "road:전주시 완산구 효자로 225", "", ""),
        ("전북특별자치도 전주시 완산구 효자로 225", "road:전주시 완산구 효자로 225", "", ""),
        ("제주도 제주시 문연로 6", "road:제주시 문연로 6", "", ""),
        ("부산직할시 중구 중앙대로 1", "road:부산 중구 중앙대로 1", "", ""),
        ("대구 중구 중앙대로 1", "road:대구 중구 중앙대로 1", "", ""),
        ("세종시 한누리대로 2130", "road:세종 한누리대로 2130", "", ""),
        ("세종특별자치시 한누리대로 2130", "road:세종 한누리대로 2130", "", ""),
        ("경상북도 군위군 군청로 200", "road:대구 군위군 군청로 200", "", ""),
        ("인천 남구 매소홀로 1", "road:인천 미추홀구 매소홀로 1", "", ""),
        ("울산 남구 매소홀로 1", "road:울산 남구 매소홀로 1", "", ""),
        ("경남 진양군 문산읍 삼곡리 1", "lot:문산읍 삼곡리 1", "", ""),
        ("광주시 북구 용봉로 77", "road:광주 북구 용봉로 77", "", ""),
        ("경기도 광주시 행정타운로 50", "road:광주시 행정타운로 50", "", ""),
        ("강원대학로 1", "road:강원대학로 1", "", ""),
        # Lots: 지번, with the room behind it
        ("상봉동 802-5번지 101호", "lot:상봉동 802-5", "", "101"),
        ("상봉동 802번지의 5", "lot:상봉동 802-5", "", ""),
        ("상봉동 802의 5", "lot:상봉동 802-5", "", ""),
        ("상봉동 802-50", "lot:상봉동 802-50", "", ""),
        # Below ground
        ("새벼리로 8 B101호", "road:새벼리로 8", "", "B101"),
        ("새벼리로 8 지하1층 101호", "road:새벼리로 8", "", "B101"),
        ("새벼리로 8 B1층 101호", "road:새벼리로 8", "", "B101"),
        ("새벼리로 8 반지하 1호", "road:새벼리로 8", "", "B1"),
        ("새벼리로 8 지층 2호", "road:새벼리로 8", "", "B2"),
        ("새벼리로 8 1층 101호", "road:새벼리로 8", "", "101"),
        ("새벼리로 8 지하", "road:새벼리로 8", "", ""),
        ("새벼리로 8 B1", "road:새벼리로 8", "", ""),
        ("새벼리로 8 옥탑", "road:새벼리로 8", "", ""),
        # Blocks
        ("새벼리로 8 101동-1203호", "road:새벼리로 8", "101", "1203"),
        ("새벼리로 8 에이동 101호", "road:새벼리로 8", "A", "101"),
        ("새벼리로 8 a동 101호", "road:새벼리로 8", "A", "101"),
        ("새벼리로 8 나-203", "road:새벼리로 8", "나", "203"),
        ("새벼리로 8 B-101호", "road:새벼리로 8", "", "101"),
        ("새벼리로 8 제비동 101호", "road:새벼리로 8", "", "101"),
        ("새벼리로 8 (강남동, 강남아파트 101동 1203호)", "road:새벼리로 8", "101", "1203"),
        ("새벼리로 8 (상봉동 802-15)", "road:새벼리로 8", "", ""),
        ("새벼리로 8 (상봉동 802번지 5호)", "road:새벼리로 8", "", ""),
        ("새벼리로 8 203호 (101동 1203호 옆)", "road:새벼리로 8", "", "203"),
        # Rooms let singly
        ("새벼리로 8 희망고시원 203호", "road:새벼리로 8", "", "203"),
        ("새벼리로 8 희망고시원 203", "road:새벼리로 8", "", "203"),
        ("새벼리로 8 희망빌딩 203", "road:새벼리로 8", "", ""),
        ("새벼리로 8 희망고시원 3층", "road:새벼리로 8", "", ""),
        ("49 Meadow St, Mounds, OK", None, "", ""),
        ("", None, "", ""),
    ],
)
def test_an_address_is_a_building_and_a_unit(text: str, building: str | None, block: str, ho: str) -> None:
    claim = read_address(text, AREAS).claim
    assert (claim.building, claim.block, claim.ho) == (building, block, ho)


@pytest.mark.parametrize(
    ("text", "dong"),
    [
        ("진주대로 1052", "천전동"),
        ("진주대로 999 (강남동)", "천전동"),
        ("상봉동 1-1", "상봉동"),
        ("칠암로 7", "천전동"),
        ("진주대로 999", ""),
        ("창원시 진주대로 1052", ""),
        ("창원시 성산구 상봉동 1-1", ""),
    ],
)
def test_the_dong_is_the_administrative_one_of_this_city(text: str, dong: str) -> None:
    assert read_address(text, AREAS).claim.dong == dong


@pytest.mark.parametrize("text", ["비공개 쉼터", "진주대로 1052 희망쉼터 101호", "비공개", "가정폭력 보호시설"])
def test_a_hidden_address_is_not_understood_any_further(text: str) -> None:
    claim = read_address(text, AREAS).claim
    assert (claim.protected, claim.building, claim.ho, claim.sigungu, claim.dong) == (True, None, "", "", "")


def test_a_protected_address_is_hidden_whatever_it_says() -> None:
    claim = read_address("진주대로 1052 101동 1203호", AREAS, protected=True).claim
    assert (claim.protected, claim.building, claim.is_unit) == (True, None, False)


def test_a_place_to_cool_down_hides_nobody() -> None:
    assert read_address("진주대로 1052 무더위쉼터 2층", AREAS).claim.building == "road:진주대로 1052"


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ("진주대로 1052", "road:진주대로 1052"),
        ("상봉동 802-5", "lot:상봉동 802-5"),
        ("칠암로", "road:칠암로"),
        ("어딘가", ""),
    ],
)
def test_a_crosswalk_names_buildings_lots_and_roads(place: str, key: str) -> None:
    assert crosswalk_key(place) == key
