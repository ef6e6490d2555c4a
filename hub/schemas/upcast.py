"""Entries of older versions, read as the current one. Owns one step per version; entries are never rewritten.

Every version that was ever written stays readable: a new one adds a step here and its samples to the tests
(`docs/evolution.md` has the order of work).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Step = Callable[[dict[str, Any]], dict[str, Any]]

CURRENT: Final = 1
#: From a version to the next one. Version 1 is the first, so there is nothing to do yet.
STEPS: Final[dict[int, Step]] = {}


def upcast(entry: dict[str, Any], steps: dict[int, Step] = STEPS, current: int = CURRENT) -> dict[str, Any]:
    """The entry in the shape of `current`, step by step. Raises ValueError for a version nobody here knows."""
    while (version := entry.get("v")) != current:
        if not isinstance(version, int) or version not in steps:
            raise ValueError(f"no entry of version {version!r} is known; the newest is {current}")
        entry = steps[version](entry)
        if entry.get("v") != version + 1:
            raise ValueError(f"the step from version {version} does not lead to the next one")
    return entry
