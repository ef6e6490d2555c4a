"""`hub schemas`: documents of everything on the wire and in the ledger, generated from the models, committed.

Owns the files under `docs/schemas`. A drift between models and files fails `check` and a test, and so does a
change that some sender or reader of an older version could not live with.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from hub import __version__
from hub.cli import FAILED
from hub.cli.api_document import openapi
from hub.cli.output import Json, emit, examples, table
from hub.cli.output import group as new_group
from hub.cli.schema_history import Break, breaks, unkept, versions
from hub.web.asyncapi import asyncapi
from hub.web.schema_documents import documents

group = new_group()
FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "schemas"
Folder = Annotated[Path, typer.Option("--folder", help="Where the documents are.")]


@group.command("build")
@examples("hub schemas build", "hub schemas build --folder /tmp/schemas")
def build(folder: Folder = FOLDER, as_json: Json = False) -> None:
    """Write the schemas of this release, and a new version of each that changed.

    Writes nothing and exits with 1 when a change does not fit an older version. What describes nothing any more is
    removed; older versions stay.
    """
    kept = versions(folder)
    broken = breaks(documents(), kept)
    differing = differences(folder)
    if not broken:
        for name in (name for name, what in differing.items() if what == "describes nothing"):
            (folder / name).unlink()
        added = {path: _text(schema) for path, schema in unkept(documents(), kept).items()}
        for name, content in (written() | added).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
    _tell(folder, differing, broken, "unchanged", as_json=as_json)
    if broken:
        raise typer.Exit(FAILED)


@group.command("check")
@examples("hub schemas check", "hub schemas check --json")
def check(folder: Folder = FOLDER, as_json: Json = False) -> None:
    """Compare the committed schemas with the models, and those with every older version.

    Exits with 1 when one has drifted, or when a sender or reader of an older version is left behind.
    """
    differing = differences(folder)
    broken = breaks(documents(), versions(folder))
    _tell(folder, differing, broken, "as the models say, and fit every older version", as_json=as_json)
    if differing or broken:
        raise typer.Exit(FAILED)


def written() -> dict[str, str]:
    """The files as they must be, older versions aside: name to content."""
    found = documents() | {"asyncapi": asyncapi(__version__), "openapi": openapi()}
    return {f"{name}.json": _text(schema) for name, schema in found.items()}


def differences(folder: Path) -> dict[str, str]:
    """What is not as it must be: file name to what is wrong with it."""
    wanted = written()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    found = dict.fromkeys(wanted.keys() - there.keys(), "missing")
    found |= dict.fromkeys(there.keys() - wanted.keys(), "describes nothing")
    found |= {name: "has drifted" for name in wanted.keys() & there.keys() if wanted[name] != there[name]}
    found |= dict.fromkeys(unkept(documents(), versions(folder)), "a version that is not kept yet")
    return dict(sorted(found.items()))


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _tell(folder: Path, differing: dict[str, str], broken: list[Break], otherwise: str, *, as_json: bool) -> None:
    if as_json:
        holds = not differing and not broken
        told = [one._asdict() for one in broken]
        emit({"folder": str(folder), "holds": holds, "differences": differing, "breaks": told})
        return
    if differing:
        print(table(differing.items()))
    for one in broken:
        print(f"{one.schema} no longer fits its version {one.version} ({one.direction})")
        print(f"  {one.pointer or '/'}: {one.rule}: {one.text}\n  remedy: {one.remedy}")
    if not differing and not broken:
        print(f"{len(written())} documents in {folder}: {otherwise}")
