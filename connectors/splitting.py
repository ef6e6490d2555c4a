"""A JSON list cut into its elements unread, so that a broken one leaves the others. Owns no meaning.

For lists of documents from others: each element is then read as strictly as a single document would be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

#: A string that never ends is one token as well: tried again from each mark inside, it would take the square of time.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{},:]', re.DOTALL)
_OPEN, _CLOSE = (b"[", b"{"), (b"]", b"}")


def list_named(text: bytes, name: bytes) -> int:
    """Where the list of this name begins in the outermost object; -1 where there is none. name: with its quotes."""
    depth, named = 0, False
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in _OPEN:
            if depth == 1 and named and mark == b"[":
                return token.start()
            depth += 1
        elif mark in _CLOSE:
            depth -= 1
        if mark != b":":
            named = depth == 1 and mark == name
    return -1


def elements(text: bytes, start: int) -> Iterator[bytes]:
    """The elements of the list that begins at `start`, unread. What is broken inside one ends with it or the list."""
    depth, begin = 0, start + 1
    for token in _TOKEN.finditer(text, start):
        mark = token[0]
        depth += (mark in _OPEN) - (mark in _CLOSE)
        if (depth == 1 and mark == b",") or depth == 0:
            element = text[begin : token.start()].strip()
            if element or mark == b",":
                yield element
            begin = token.end()
        if depth == 0:
            return
    yield text[begin:].strip()  # the list never ends: what is left is no document, and is refused as such
