"""The documents against the code: links, commands and the tables that repeat what the code says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import dropwhile, groupby
from pathlib import Path
from typing import Any

import pytest
import typer

from hub.cli import COMMANDS, program
from hub.core.apply import APPLY
from hub.core.lifecycle import CHANGES, DECLINES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "tests").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PROGRAMS = {"hub", ".venv/bin/hub"}
MENTION = re.compile(r"(?:^|[\s(])(?:\.venv/bin/)?hub ")
#: Between two commands of a line.
BETWEEN = "();|&"
ASSIGNMENT = re.compile(r"[A-Z_]+=.*")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def typed(page: Path) -> Iterator[list[str]]:
    """Every `hub …` a reader is told to type: lines of sh blocks, and code within sentences."""
    text = page.read_text(encoding="utf-8")
    blocks = [block.replace("\\\n", " ") for language, block in FENCE.findall(text) if language == "sh"]
    for line in [*(line for block in blocks for line in block.splitlines()), *SPAN.findall(prose(page))]:
        if MENTION.search(line):
            yield from calls(line)


def calls(line: str) -> Iterator[list[str]]:
    """The words behind `hub` in each command of a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=BETWEEN)
    lexer.whitespace_split = True
    for between, tokens in groupby(lexer, lambda token: not token.strip(BETWEEN)):
        words = [] if between else list(dropwhile(lambda w: ASSIGNMENT.fullmatch(w) is not None, tokens))
        if words and words[0] in PROGRAMS:
            yield words[1:]


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command these words call, and the words behind its name. Nothing is run."""
    found: Any = typer.main.get_command(program(words[0] if words[0] in COMMANDS else ""))
    while (inside := getattr(found, "commands", None)) is not None and words and not words[0].startswith("-"):
        assert words[0] in inside, f"hub has no '{words[0]}' here"
        found, words = inside[words[0]], words[1:]
    return found, words


def rows(page: Path, first: str) -> list[list[str]]:
    """The cells of the table whose header begins with `first`."""
    lines = iter(page.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            break
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_resolves(page: Path) -> None:
    targets = [t.partition("#")[0] for t in LINK.findall(prose(page)) if "://" not in t and not t.startswith("#")]
    assert [t for t in targets if not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_named_exists_with_its_options(page: Path) -> None:
    for words in typed(page):
        if not words or words[0] in {"X", "…"}:
            continue
        command, rest = command_of(words)
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        unknown = [w for w in rest if w.startswith("--") and w.partition("=")[0] not in known]
        assert unknown == [], f"hub {' '.join(words)}"


def test_the_examples_are_found_at_all() -> None:
    commands = {words[0] for words in typed(ROOT / "README.md") if words}
    assert {"up", "run", "send", "agency", "feed", "audit", "bench"} <= commands


def test_the_glossary_tells_a_referrals_way_as_the_lifecycle_does() -> None:
    told: dict[str, tuple[tuple[str, ...], str]] = {}
    for change, before, after, _ in rows(ROOT / "docs/glossary.md", "change"):
        names = re.split(r", | / ", change)
        # "hold / resume" tells two changes side by side, "fail, refer-on" one way under two names.
        both = " / " in change
        froms = before.split(" / ") if both else [before] * len(names)
        tos = after.split(" / ") if both else [after] * len(names)
        for name, source, target in zip(names, froms, tos, strict=True):
            told[name] = (tuple(source.split(", ")), target.partition(",")[0])
    assert told == {name: (change.states, change.to) for name, change in CHANGES.items()}


def test_the_glossary_tells_who_may_change_a_referral() -> None:
    told = {
        name: set(by.partition(",")[0].split() if "hub" in by else by.split(", "))
        for change, _, _, by in rows(ROOT / "docs/glossary.md", "change")
        for name in re.split(r", | / ", change)
    }
    assert told == {name: set(change.by) for name, change in CHANGES.items()}


def test_the_citys_page_lists_every_kind_of_entry_once() -> None:
    assert [kind.strip("`") for kind, *_ in rows(ROOT / "docs/city.md", "kind")] == list(APPLY)


def test_the_agencies_page_lists_every_reason_to_decline() -> None:
    text = prose(ROOT / "docs/agencies.md")
    assert [reason for reason in DECLINES if f"`{reason}`" not in text] == []


def test_both_languages_show_the_same_commands() -> None:
    assert list(typed(ROOT / "README.ko.md")) == list(typed(ROOT / "README.md"))
