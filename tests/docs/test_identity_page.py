"""The identity pages against the code: the example's output, the guards, the thresholds, and what is said twice."""

from __future__ import annotations

import re

import pytest

from hub.cli.screens import Language
from hub.core.identity import explain
from hub.core.identity.model import Model
from hub.rules import texts
from tests.docs.who_is_who import BLOCK, PAGES, SCREENS, shown

MODEL = Model.load(texts()["weights.json"])


@pytest.fixture(scope="module", params=list(Language))
def page(request: pytest.FixtureRequest) -> tuple[Language, str]:
    return request.param, PAGES[request.param].read_text(encoding="utf-8")


def test_what_is_shown_is_what_the_commands_print(page: tuple[Language, str]) -> None:
    lang, text = page
    told = {name: printed for _, name, printed, _ in BLOCK.findall(text)}
    assert told == shown(lang), "python -m tests.docs.who_is_who writes what the code prints now"


def test_every_step_of_the_example_is_shown_once_and_in_order(page: tuple[Language, str]) -> None:
    assert [name for _, name, _, _ in BLOCK.findall(page[1])] == list(SCREENS)


def test_every_guard_is_in_the_table_with_the_words_of_the_screens(page: tuple[Language, str]) -> None:
    lang, text = page
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]+) \|", text, re.MULTILINE))
    assert {name: words.strip() for name, words in rows.items() if name in MODEL.guards} == {
        name: explain.guard(name, "ko" if lang is Language.ko else "en") for name in MODEL.guards
    }


def test_the_thresholds_are_those_of_the_weight_file(page: tuple[Language, str]) -> None:
    said = {name: float(value.replace("−", "-")) for name, value in re.findall(r"`(\w+)` = ([−-]?[\d.]+)", page[1])}
    held = {
        "auto": MODEL.auto / 100, "margin": MODEL.margin / 100, "review": MODEL.review / 100, "cap": MODEL.cap,
        "generic": MODEL.generic,
    }  # fmt: skip
    assert said == held


def test_both_languages_tell_the_same_story() -> None:
    english, korean = (PAGES[lang].read_text(encoding="utf-8") for lang in (Language.en, Language.ko))
    for what in (r"^#+ ", r"^\| ", r"^```", r"<!-- shown: [a-z-]+ -->", r"<!-- weights -->"):
        assert len(re.findall(what, english, re.MULTILINE)) == len(re.findall(what, korean, re.MULTILINE)), what
