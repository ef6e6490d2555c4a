"""Every command explains itself with an example, and asking for help loads nothing of the hub."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import typer

from hub.cli import COMMANDS, main

HEAVY = ("faststream", "pydantic", "psycopg", "httpx", "fastapi", "confluent_kafka", "rich", "hub.app")


def commands() -> list[list[str]]:
    """Every command, with the names that lead to it."""
    found = []
    for name, command in COMMANDS.items():
        held = getattr(importlib.import_module(f"hub.cli.{command.module}"), command.held)
        found += inside([name], held) if isinstance(held, typer.Typer) else [[name]]
    return found


def inside(names: list[str], held: typer.Typer) -> list[list[str]]:
    """The commands of a group, and of the groups within it."""
    own = [[*names, one.name or one.callback.__name__] for one in held.registered_commands if one.callback]
    groups = [(str(one.name), one.typer_instance) for one in held.registered_groups if one.typer_instance]
    return own + [words for name, group in groups for words in inside([*names, name], group)]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_shows_an_example(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert f"hub {' '.join(words)}" in shown.partition("Examples:")[2]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_says_what_it_does_before_its_options(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main([*words, "--help"])
    first = capsys.readouterr().out.partition("\n\n")[2].strip()
    assert first[:1].isupper() or first[:1] in "`'"


def test_the_list_of_commands_needs_nothing_heavy() -> None:
    program = f"import sys; from hub.cli import main; main(['--help']); print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


def test_without_arguments_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    printed = capsys.readouterr()
    assert "demo" in printed.out + printed.err
