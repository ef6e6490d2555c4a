"""The mapping's own rules: complete, unambiguous, and every code known."""

from __future__ import annotations

import pytest

from hub import rules
from hub.core.normalize.mapping import Mapping, read_crosswalk
from hub.errors import Usage

TOML = rules.texts()["mapping.toml"]
HEADER = "road_or_lot,legal_dong,administrative_dong,note\n"


def test_every_need_code_has_words(mapping: Mapping) -> None:
    korean = {codes[0] for word, codes in mapping.words.items() if not word.isascii()}
    assert korean == {codes[0] for codes in mapping.words.values()}
    assert len(korean) == 60


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"467771000124109" = "food"', '"467771000124109" = "nonsense"', "nonsense"),
        ('food = ["식품"', 'food = ["밑반찬", "식품"', "meal_delivery"),
        ('birth = ["생년월일"', 'born = ["생년월일"', "born"),
        ('name = "진주시"', 'nome = "진주시"', "nome"),
        ("[city]", "[city", "mapping.toml"),
    ],
)
def test_a_rule_file_that_is_wrong_is_told_so(mapping: Mapping, old: str, new: str, said: str) -> None:
    text = TOML.replace("467771000124109 =", '"467771000124109" =').replace(old, new, 1)
    with pytest.raises(Usage, match=said):
        Mapping.load(text, {}, {codes[0] for codes in mapping.words.values()})


def test_a_legal_dong_in_two_administrative_ones_says_nothing_by_itself() -> None:
    found = read_crosswalk(HEADER + "가로 1,갑동,을동,\n나로 1,갑동,병동,\n다로 1,정동,을동,\n")
    assert found == {
        "dong:정동": "을동",
        "dong:을동": "을동",
        "dong:병동": "병동",
        "road:가로 1": "을동",
        "road:나로 1": "병동",
        "road:다로 1": "을동",
    }


@pytest.mark.parametrize("row", ["어딘가,갑동,을동,", "가로 1,갑동,,"])
def test_a_crosswalk_row_that_names_nothing_is_told_so(row: str) -> None:
    with pytest.raises(Usage):
        read_crosswalk(HEADER + row)


@pytest.mark.parametrize(("sign", "marked"), [("○", True), ("△", False), ("－", False), ("★", False)])
def test_one_sign_is_not_every_sign(mapping: Mapping, sign: str, *, marked: bool) -> None:
    """Squeezed to letters and digits, all signs are the same nothing."""
    assert mapping.is_mark("yes", sign) is marked
