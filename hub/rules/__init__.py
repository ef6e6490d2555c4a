"""The rule files, as package data: what is asked of whom, by when, and what overlaps. A city edits copies of them.

Owns reading their text, the only I/O rules ever need. Never parses: `hub.core.rules` does.
"""

from __future__ import annotations

from importlib import resources


def texts() -> dict[str, str]:
    """Every rule file's text by file name ('needs.csv', 'routing.toml' …), UTF-8."""
    folder = resources.files(__name__)
    suffixes = (".csv", ".toml", ".json")
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(suffixes)}
