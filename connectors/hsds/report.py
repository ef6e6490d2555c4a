"""The report beside the directory: what was read, what could not be and why, and what became of each organization.

Owns the file's form (JSON, one value) and that it is whole or not there. Quotes nothing of what a directory says.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from connectors.hsds.found import Problem

READ, FULL = "read", "full"
_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


class Look(msgspec.Struct, frozen=True):
    """The last look. state: read; full: the spool is, and what is left waits."""

    at: str = ""
    state: str = READ
    files: dict[str, str] = {}
    organizations: int = 0
    new: int = 0
    passed_over: int = 0
    problems: tuple[Problem, ...] = ()


def write(path: Path, look: Look, told: Sequence[dict[str, Any]]) -> None:
    """Write it anew: beside its place first, so that a reader finds one report or the other."""
    value = msgspec.to_builtins(look) | {
        "hub": dict(sorted(Counter(one["status"] for one in told).items())),
        "listings": list(told),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.part")
    with scratch.open("wb") as handle:
        handle.write(orjson.dumps(value, option=_OPTIONS))
        handle.flush()
        os.fsync(handle.fileno())
    scratch.replace(path)
