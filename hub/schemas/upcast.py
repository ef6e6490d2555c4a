"""Entries of older versions, read as the current one. Owns one step per version; entries are never rewritten.

Every version that was ever written stays readable: a new one adds a step here and its samples to the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Step = Callable[[dict[str, Any]], dict[str, Any]]

CURRENT: Final = 1
#: From a version to the next one. Version 1 is the first, so there is nothing to do yet.
STEPS: Final[dict[int, Step]] = {}


def upcast(entry: dict[str, Any], steps: dict[int, Step] = STEPS, current: int = CURRENT) -> dict[str, Any]:
    """The entry in the shape of `current`. Raises ValueError for a version nobody here knows."""
    version = entry.get("v")
    while version != current:
        step = steps.get(version) if isinstance(version, int) else None
        if step is None:
            raise ValueError(f"no entry of version {version!r} is known; the newest is {current}")
        entry = step(entry)
        version = entry.get("v")
    return entry
