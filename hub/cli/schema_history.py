"""Every version a schema ever had (`docs/schemas/history/<name>/<n>.json`), and whether today's still fits them all.

Owns which document must fit whom, and the versions' files: they are added to and never rewritten. What is compatible is
`hub.schemas.compatibility`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

from hub.errors import Usage
from hub.schemas import upcast
from hub.schemas.compatibility import REMEDIES, Direction, findings, meaning
from hub.schemas.shapes import Schema

#: Who wrote under an older version must be understood (backward), who reads by one must still understand (forward).
#: Entries are both: the ledger keeps the old ones, and an auditor's program may be last year's.
DIRECTIONS: Final[dict[str, tuple[Direction, ...]]] = {
    "envelope": ("backward",),
    "native": ("backward",),
    "system": ("backward",),
    "entry": ("backward", "forward"),
    "feed": ("forward",),
    "outbox": ("forward",),
}
GONE: Final = "Keep the model: messages of this format may still come, and old ones are decided again on replay."


class Break(NamedTuple):
    """One finding against one older version: where in the accepting schema, which rule, and what to do."""

    schema: str
    version: int
    direction: str
    pointer: str
    rule: str
    text: str
    remedy: str


def promised(documents: dict[str, Schema]) -> dict[str, Schema]:
    """The documents somebody relies on, by the name of their history. A new version of entries begins a new one."""
    held = {name: schema for name, schema in documents.items() if name.partition("-")[0] in DIRECTIONS}
    return {f"entry-v{upcast.CURRENT}" if name == "entry" else name: meaning(held[name]) for name in sorted(held)}


def versions(folder: Path) -> dict[str, dict[int, Schema]]:
    """All kept versions by history and number. Raises `Usage` where one is missing or cannot be read."""
    found: dict[str, dict[int, Schema]] = {}
    for path in sorted((folder / "history").glob("*/*.json")):
        try:
            found.setdefault(path.parent.name, {})[int(path.stem)] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise Usage(f"{path}: {error}.", "Restore the file: versions are kept as they were.") from error
    for name, held in found.items():
        if missing := set(range(1, max(held) + 1)) - held.keys():
            where = ", ".join(f"history/{name}/{n}.json" for n in sorted(missing))
            raise Usage(
                f"{where} is missing.", "Restore it: an older version is promised as long as there is a newer one."
            )
    return found


def breaks(documents: dict[str, Schema], kept: dict[str, dict[int, Schema]]) -> list[Break]:
    """Everything in which today's documents do not fit a kept version."""
    found: list[Break] = []
    current = promised(documents)
    for name, held in sorted(kept.items()):
        if name in current:
            found += [
                one for number, former in sorted(held.items()) for one in _against(name, number, current[name], former)
            ]
        elif not _is_upcast(name):
            found.append(Break(name, max(held), "backward", "", "gone", "nothing describes this format any more", GONE))
    return found


def _against(name: str, number: int, current: Schema, former: Schema) -> list[Break]:
    return [
        Break(name, number, direction, *finding, REMEDIES[direction])
        for direction in DIRECTIONS[name.partition("-")[0]]
        for finding in findings(direction, current, former)
    ]


def _is_upcast(name: str) -> bool:
    """Whether this is the history of an older version of entries that `upcast` reads."""
    older = name.removeprefix("entry-v")
    return older.isdecimal() and set(range(int(older), upcast.CURRENT)) <= upcast.STEPS.keys()


def unkept(documents: dict[str, Schema], kept: dict[str, dict[int, Schema]]) -> dict[str, Schema]:
    """Versions that have no file yet: its path within the folder to what it must hold."""
    found: dict[str, Schema] = {}
    for name, schema in promised(documents).items():
        held = kept.get(name, {})
        newest = max(held, default=0)
        if not held or held[newest] != schema:
            found[f"history/{name}/{newest + 1}.json"] = schema
    return found
