"""The rule files, as package data: what is asked of whom, by when, and what overlaps. A city edits copies of them.

Owns reading their text, the only I/O rules ever need. Never parses: `hub.core.rules` does.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

_SUFFIXES: Final = (".csv", ".toml", ".json")
#: Where the files stand, by name, that say what one agency's columns and codes mean.
PARTNERS: Final = "partners"


def texts(mapping: Path | None = None) -> dict[str, str]:
    """Every rule file's text by file name ('needs.csv', 'routing.toml' …), UTF-8.

    `mapping`: an installation's folder of its partners' files; they are 'partners/lh.toml' and so on.
    """
    folder = resources.files(__name__)
    found = {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(_SUFFIXES)}
    return found | partners(mapping) if mapping is not None else found


def partners(folder: Path) -> dict[str, str]:
    """The partners' files of a folder, by the names they have among the rules."""
    return {f"{PARTNERS}/{file.name}": file.read_text("utf-8") for file in sorted(folder.glob("*.toml"))}
