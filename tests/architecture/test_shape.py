"""Sizes: modules under 300 lines, functions mostly short, consumers small. Exceptions are named with their reason."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("hub", "connectors", "infra")
#: path → (lines allowed, why)
MODULES: dict[str, tuple[int, str]] = {}
LONGEST_FUNCTION = 60
BANNED_NAMES = {"utils", "helpers", "common", "manager", "base", "misc"}


def modules() -> list[Path]:
    return sorted(p for room in ROOMS for p in (ROOT / room).rglob("*.py"))


def functions() -> list[tuple[str, int]]:
    found = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                doc = ast.get_docstring(node)
                found.append((f"{path.relative_to(ROOT)}:{node.name}", lines - (doc.count("\n") + 1 if doc else 0)))
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_stays_under_300_lines(path: Path) -> None:
    allowed, _ = MODULES.get(str(path.relative_to(ROOT)), (300, ""))
    assert len(path.read_text(encoding="utf-8").splitlines()) <= allowed


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_says_what_it_owns(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_functions_are_short() -> None:
    sizes = [lines for _, lines in functions()]
    assert 3 <= statistics.median(sizes) <= 9
    assert sum(s < 30 for s in sizes) / len(sizes) >= 0.9


def test_no_function_is_longer_than_a_screen() -> None:
    assert [(name, lines) for name, lines in functions() if lines > LONGEST_FUNCTION] == []


def test_no_module_is_called_after_nothing() -> None:
    assert [p for p in modules() if p.stem in BANNED_NAMES] == []
