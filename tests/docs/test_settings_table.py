"""The table of settings in docs/operators.md says what hub/settings.py says: names, defaults, consequences."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path

from hub.settings import Settings

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(\w+)` \| (?:`([^`]*)`)? ?\| (.*) \|$", re.MULTILINE)


def table() -> dict[str, tuple[str, str]]:
    """Setting → (default, meaning), from the section Settings."""
    section = (ROOT / "docs/operators.md").read_text(encoding="utf-8").partition("## Settings")[2].partition("\n## ")[0]
    return {name: (default or "", meaning) for name, default, meaning in ROW.findall(section)}


def consequences() -> dict[str, str]:
    """Setting → what stands in `#:` lines right above it, '' where nothing does."""
    text = (ROOT / "hub/settings.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    owner = next(n for n in ast.parse(text).body if isinstance(n, ast.ClassDef) and n.name == "Settings")
    found = {}
    for field in owner.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            above = field.lineno - 2
            said: list[str] = []
            while lines[above].strip().startswith("#:"):
                said.insert(0, lines[above].strip()[2:].strip())
                above -= 1
            found[field.target.id] = " ".join(said)
    return found


def test_every_setting_stands_in_the_table_in_its_order() -> None:
    assert list(table()) == [field.name for field in dataclasses.fields(Settings)]


def test_defaults_are_those_of_the_code() -> None:
    said = {name: default for name, (default, _) in table().items()}
    assert said == {field.name: str(field.default) for field in dataclasses.fields(Settings)}


def test_consequences_are_those_beside_the_fields() -> None:
    said = {name: meaning for name, (_, meaning) in table().items()}
    written = {name: words for name, words in consequences().items() if words}
    assert {name: said[name] for name in written} == written


def test_every_setting_has_a_meaning() -> None:
    assert [name for name, (_, meaning) in table().items() if not meaning.strip()] == []
