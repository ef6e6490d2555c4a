"""The rule files, as package data: what is asked of whom, by when, and what overlaps. A city edits copies of them.

Owns reading their text, the only I/O rules ever need. Never parses: `hub.core.rules` does.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

_SUFFIXES: Final = (".csv", ".toml", ".json")
#: Files of this folder say what one agency's columns and codes mean.
PARTNERS: Final = "partners"


def texts(mapping: Path | None = None) -> dict[str, str]:
    """Every rule file's text by file name ('needs.csv', 'partners/lh.toml' …), UTF-8.

    `mapping`: the installation's own folder of partners' files; each replaces the one of that name shipped here.
    """
    folder = resources.files(__name__)
    found = {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(_SUFFIXES)}
    shipped = folder / PARTNERS
    files = [file for file in (shipped.iterdir() if shipped.is_dir() else ()) if file.name.endswith(".toml")]
    files += sorted(mapping.glob("*.toml")) if mapping is not None else []
    return found | {f"{PARTNERS}/{file.name}": file.read_text("utf-8") for file in files}
