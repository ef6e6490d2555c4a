"""What one look at a directory found: pieces of organizations, by id, and what could not be read.

Owns putting pieces together: a directory may tell one organization in several files (services apart, tables beside
documents). What one piece lacks the other fills in; where two say different things the first, by name of its file,
holds, and the place is named, so that the hub can flag it. Interprets nothing else.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import orjson

Json = dict[str, Any]
#: Bytes of one look, all organizations together.
WHOLE_LIMIT: Final = 64 * 1_048_576
ID_LIMIT: Final = 128
#: Places named of one organization at most.
DIFFERS_LIMIT: Final = 100
PROBLEMS_LIMIT: Final = 10_000


class Problem(msgspec.Struct, frozen=True):
    """What could not be read: the file (or page), the row as people count it (0: all of it), field, code and why."""

    path: str
    row: int
    field: str
    code: str
    text: str


class Found:
    """One look at a directory."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        #: What was read, by name: SHA-256 of its bytes.
        self.files: dict[str, str] = {}
        self.passed_over = 0
        self._pieces: dict[str, list[tuple[str, int, bytes]]] = {}
        self._bytes = 0

    @property
    def count(self) -> int:
        """Organizations of which something was found."""
        return len(self._pieces)

    def broken(self, path: str, row: int, field: str, code: str, text: str) -> None:
        """Something could not be read. Past a bound nothing more is learned from the list."""
        if len(self.problems) < PROBLEMS_LIMIT:
            self.problems.append(Problem(path, row, field, code, text))

    def add(self, path: str, row: int, organization: Json) -> None:
        """A piece of an organization."""
        id_ = identifier(organization.get("id"))
        if not id_:
            self.broken(path, row, "/id", "id", "an organization has an id: text of 1 to 128 characters")
            return
        piece = orjson.dumps(organization | {"id": id_})
        if self._bytes + len(piece) > WHOLE_LIMIT:
            self.broken(path, row, "", "too_large", f"the directory is larger than {WHOLE_LIMIT} bytes")
            return
        self._bytes += len(piece)
        # Packed to about a sixth: a whole directory is held until it is put together.
        self._pieces.setdefault(id_, []).append((path, row, zlib.compress(piece, 1)))

    def organizations(self) -> Iterator[tuple[str, Json | Problem]]:
        """Each organization whole, by id, in the order in which they were found first."""
        for id_, pieces in self._pieces.items():
            whole: Json = {}
            differs: list[str] = []
            for _, _, piece in pieces:
                fill(whole, orjson.loads(zlib.decompress(piece)), "", differs)
            path, row, _ = pieces[0]
            if not isinstance(whole.get("name"), str) or not whole["name"].strip():
                yield id_, Problem(path, row, "/name", "name", "nothing here says what this organization is called")
                continue
            if differs:
                whole["differs"] = sorted(set(differs))[:DIFFERS_LIMIT]
            yield id_, whole


def identifier(held: object) -> str:
    """An id as text; '' for what is none."""
    if isinstance(held, int) and not isinstance(held, bool):
        held = str(held)
    if not isinstance(held, str) or not held.isprintable():
        return ""
    return held if 0 < len(held.strip()) <= len(held) <= ID_LIMIT else ""


def fill(whole: Json, piece: Json, path: str, differs: list[str]) -> None:
    """Fill into `whole` what only `piece` has; note the places (JSON pointers) where they differ."""
    for name, held in piece.items():
        if held in (None, "", []):
            continue
        mine = whole.get(name)
        if mine in (None, "", []):
            whole[name] = held
        elif isinstance(mine, dict) and isinstance(held, dict):
            fill(mine, held, f"{path}/{_step(name)}", differs)
        elif isinstance(mine, list) and isinstance(held, list):
            _join(mine, held, f"{path}/{_step(name)}", differs)
        elif not _is_same(mine, held):
            differs.append(f"{path}/{_step(name)}")


def _join(whole: list[Any], piece: list[Any], path: str, differs: list[str]) -> None:
    """Things that have an id are the same thing where the id is; of others each different one stays."""
    places = {one["id"]: at for at, one in reversed(list(enumerate(whole))) if _named(one)}
    for one in piece:
        if _named(one) and one["id"] in places:
            at = places[one["id"]]
            fill(whole[at], one, f"{path}/{at}", differs)
        elif one not in whole:
            whole.append(one)


def _named(one: object) -> bool:
    return isinstance(one, dict) and isinstance(one.get("id"), str)


def _is_same(one: object, other: object) -> bool:
    """A table knows text only, without blanks around it: 12 there and 12 here are one."""
    return one == other or (not isinstance(one, dict | list) and str(one).strip() == str(other).strip())


def _step(name: str) -> str:
    """A step of a pointer that gives nothing away: a key that is no field's name is hidden."""
    return name if name.isascii() and name.isidentifier() and len(name) <= 40 else "?"  # noqa: PLR2004 - a field's name
