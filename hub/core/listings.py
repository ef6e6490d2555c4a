"""The directory as it was published: which organizations are listed, by whose directory, in which version.

Owns what decisions ask (whether a version says anything new) and what of it is to be written. What a listing says is
kept only until it is written: a decision never asks for it. Where a need goes is decided without it (`routing`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from hub.core.bodies import ListingBody


class ListingDoc(msgspec.Struct, frozen=True):
    """What a listing says, and what was noticed about it. `content` is None once its body does not open any more."""

    content: dict[str, Any] | None
    contacts: int
    services: int
    locations: int
    dongs: tuple[str, ...]
    flags: tuple[str, ...]


NOTHING = ListingDoc(None, 0, 0, 0, (), ())


class Listing(msgspec.Struct, frozen=True):
    """One organization in one agency's directory. `content`: keyed digest of what it says, hex.

    position, heard: of the entry that listed this version. `audience`: who may know of it.
    """

    id: str
    agency: str
    content: str
    modified: str
    position: int = 0
    heard: str = ""
    audience: tuple[str, ...] = ()
    doc: ListingDoc = NOTHING


class Listings:
    """All listings that are loaded, and those that changed since the last write."""

    def __init__(self) -> None:
        self.known: dict[str, Listing] = {}
        self.changed: dict[str, Listing] = {}

    def put(self, position: int, heard: str, facts: Mapping[str, Any], body: ListingBody | None) -> None:
        """A version takes the place of the one before."""
        doc = ListingDoc(
            body.content if body else None,
            facts["contacts"],
            facts["services"],
            facts["locations"],
            tuple(facts["dongs"]),
            tuple(facts["flags"]),
        )
        id_, audience = facts["listing"], tuple(facts["audience"])
        one = Listing(id_, facts["agency"], facts["content"], facts["modified"], position, heard, audience, doc)
        self.known[id_] = msgspec.structs.replace(one, doc=NOTHING)
        self.changed[id_] = one

    def written(self) -> Iterator[Listing]:
        """Those that changed, by id."""
        yield from (self.changed[id_] for id_ in sorted(self.changed))
