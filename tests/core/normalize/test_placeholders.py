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
        ("박순자 환자님", "박순자", ("title",)),
        ("김별님", "김별님", ()),
        ("김영수 학생", "김영수", ("title",)),
        ("김학생", "김학생", ()),
        ("故 김철수", "김철수", ("label",)),
        ("고 길동", "고길동", ("spacing",)),
        ("성명: 박순자", "박순자", ("label",)),
        ("환자 박순자", "박순자", ("label",)),
        ("박순자 외 2명", "박순자", ("others",)),
        ("박외이", "박외이", ()),
        ("박순자/김영수", "박순자", ("several",)),
        ("마리아/테레사", "마리아/테레사", ()),
        ("박순자-1", "박순자", ("suffix",)),
        ("박순자아기2", "박순자아기2", ()),
        ("박순O", "", ("masked",)),
        ("박순B", "박순", ("suffix",)),
        ("박0자", "", ("masked",)),
        ("박..자", "", ("masked",)),
        ("김 모 씨", "", ("spacing", "masked")),
        ("김씨", "", ("masked",)),
        ("김모", "김모", ()),
        ("(金哲洙)", "金哲洙", ("bracket",)),
        ("응우옌티란(NGUYEN THI LAN)", "응우옌티란(NGUYEN THI LAN)", ()),
        ("이지은 (LEE, JI EUN)", "이지은", ("bracket",)),
        ("ㅂㅏㄱ순자", "박순자", ("letters",)),
        ("ㅁㅁㅁ", "", ("unreadable",)),
        ("박\u3164순자", "박순자", ("letters",)),
        ("신원미상남", "", ("placeholder",)),
        ("이아무개", "", ("placeholder",)),
        ("이아문", "이아문", ()),
        ("테스트12", "", ("suffix", "placeholder")),
        ("홍길표", "홍길표", ()),
        ("행려환자", "", ("title", "placeholder")),
    ],
)
def test_a_name_is_a_name_or_missing(text: str, name: str, notes: tuple[str, ...]) -> None:
    assert read_name(text) == (name, notes)


def test_text_is_composed_and_tidy() -> None:
    assert clean(unicodedata.normalize("NFD", "박순자")) == "박순자"
    assert clean("  박\u200b순자\x00 \u3000 1 ") == "박 순자 1"
