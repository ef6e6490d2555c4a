"""`hub schemas`: JSON Schemas of everything on the wire and in the ledger, generated from the models, committed.

Owns which document describes what (`documents`). A drift between models and `docs/schemas` fails `check` and a test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from hub.cli import FAILED
from hub.cli.output import Json, emit, examples, table
from hub.cli.output import group as new_group
from hub.cli.schema_documents import documents

group = new_group()
FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "schemas"
Folder = Annotated[Path, typer.Option("--folder", help="Where the documents are.")]


@group.command("build")
@examples("hub schemas build", "hub schemas build --folder /tmp/schemas")
def build(folder: Folder = FOLDER, as_json: Json = False) -> None:
    """Write the schemas of this release; what describes nothing any more is removed."""
    differing = differences(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in written().items():
        (folder / name).write_text(content, encoding="utf-8")
    for name in (name for name, what in differing.items() if what == "describes nothing"):
        (folder / name).unlink()
    _tell(folder, differing, "unchanged", as_json=as_json)


@group.command("check")
@examples("hub schemas check", "hub schemas check --json")
def check(folder: Folder = FOLDER, as_json: Json = False) -> None:
    """Compare the committed schemas with the models. Exits with 1 when one has drifted."""
    differing = differences(folder)
    _tell(folder, differing, "as the models say", as_json=as_json)
    if differing:
        raise typer.Exit(FAILED)


def written() -> dict[str, str]:
    """The files as they must be: name to content."""
    return {f"{name}.json": _text(schema) for name, schema in documents().items()}


def differences(folder: Path) -> dict[str, str]:
    """What is not as it must be: file name to what is wrong with it."""
    wanted = written()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    found = dict.fromkeys(wanted.keys() - there.keys(), "missing")
    found |= dict.fromkeys(there.keys() - wanted.keys(), "describes nothing")
    found |= {name: "has drifted" for name in wanted.keys() & there.keys() if wanted[name] != there[name]}
    return dict(sorted(found.items()))


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _tell(folder: Path, differing: dict[str, str], otherwise: str, *, as_json: bool) -> None:
    if as_json:
        emit({"folder": str(folder), "holds": not differing, "differences": differing})
    else:
        print(table(differing.items()) if differing else f"{len(written())} schemas in {folder}: {otherwise}")
