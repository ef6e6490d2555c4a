"""A file's rows in parts small enough to hold at once, by count and by bytes. Owns how large a part is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from connectors.reading import Placed

#: Rows of one commit, and of one question to the state.
ROWS: Final = 500
#: Bytes of their events: a row may be as large as a message, and hundreds of those would be held at once.
BYTES: Final = 4 * 1_048_576


def slices(items: Iterable[Placed]) -> Iterator[list[Placed]]:
    """All of them, in their order; a part that reaches a bound ends with the row that reached it."""
    part: list[Placed] = []
    held = 0
    for item in items:
        part.append(item)
        held += item.size
        if len(part) == ROWS or held >= BYTES:
            yield part
            part, held = [], 0
    if part:
        yield part
