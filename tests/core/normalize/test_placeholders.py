"""Names as typed, and what is no name."""

from __future__ import annotations

import unicodedata

import pytest

from hub.core.normalize.placeholders import clean, read_name


@pytest.mark.parametrize(
    ("text", "name", "notes"),
    [
        ("박순자", "박순자", ()),
        ("박 순자", "박순자", ("spacing",)),
        ("박순자(朴順子)", "박순자", ("bracket",)),
        ("박순자A", "박순자", ("suffix",)),
        ("박순자씨", "박순자", ("title",)),
        ("이말순 할머니", "이말순", ("title",)),
        ("박양", "박양", ()),
        ("COLIN V. BAXTER", "COLIN V. BAXTER", ()),
        ("홍길동", "", ("placeholder",)),
        ("무명남", "", ("placeholder",)),
        ("강○○", "", ("masked",)),
        ("박*자", "", ("masked",)),
        ("김OO", "", ("masked",)),
        ("-", "", ("unreadable",)),
        ("이 할머니", "", ("title", "unreadable")),
        ("", "", ()),
    ],
)
def test_a_name_is_a_name_or_missing(text: str, name: str, notes: tuple[str, ...]) -> None:
    assert read_name(text) == (name, notes)


def test_text_is_composed_and_tidy() -> None:
    assert clean(unicodedata.normalize("NFD", "박순자")) == "박순자"
    assert clean("  박\u200b순자\x00 \u3000 1 ") == "박 순자 1"
