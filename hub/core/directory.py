"""The directory: which agencies have an account, what each is and whom it serves.

Owns the index routing asks (`serving`). Decides nothing about where a need goes: `routing` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

AgencyState = Literal["active", "suspended", "paused"]
#: Agencies that name the dong, then those that serve the whole city; each sorted by code.
Groups = tuple[tuple["Agency", ...], ...]


class Agency(msgspec.Struct, frozen=True, omit_defaults=True):
    """One account. areas: administrative dongs it serves, empty for the whole city.

    state: suspended by the city, or paused because too many of its messages were refused. The counters are messages
    and refusals of late; they never change where an offer goes, only the state they lead to does.
    keys: public keys its events are signed with (`schemas.signature`), oldest first; none: they need not be.
    """

    code: str
    kind: str
    name: str
    purposes: tuple[str, ...]
    legal_basis: str
    areas: tuple[str, ...] = ()
    state: AgencyState = "active"
    recent_total: int = 0
    recent_refused: int = 0
    keys: tuple[str, ...] = ()


class Directory(Mapping[str, Agency]):
    """Agencies by code. `version` counts the changes that can move an offer; counters do not."""

    def __init__(self, agencies: Iterable[Agency] = ()) -> None:
        self._agencies: dict[str, Agency] = {}
        self._dongs: frozenset[str] = frozenset()
        self._serving: dict[tuple[str, str], Groups] = {}
        self.version = 0
        for agency in agencies:
            self.put(agency)

    def __getitem__(self, code: str) -> Agency:
        return self._agencies[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._agencies)

    def __len__(self) -> int:
        return len(self._agencies)

    def put(self, agency: Agency) -> None:
        """Add an account or replace it."""
        known = self._agencies.get(agency.code)
        self._agencies[agency.code] = agency
        if known is None or _reach(known) != _reach(agency):
            self.version += 1
            self._serving.clear()
            self._dongs = frozenset(dong for one in self._agencies.values() for dong in one.areas)

    def set_state(self, code: str, state: AgencyState) -> None:
        """Suspend, pause or let go on."""
        self.put(msgspec.structs.replace(self._agencies[code], state=state))

    def register(self, agency: Agency) -> None:
        """An account was made, or made again: what it may do is said anew, its keys stay."""
        known = self._agencies.get(agency.code)
        self.put(msgspec.structs.replace(agency, keys=known.keys) if known else agency)

    def change_key(self, code: str, key: str, *, add: bool) -> None:
        """A key that an agency's events may be signed with, or whose signatures count no longer."""
        agency = self._agencies[code]
        others = tuple(k for k in agency.keys if k != key)
        self.put(msgspec.structs.replace(agency, keys=(*others, key) if add else others))

    def serving(self, kind: str, dong: str) -> Groups:
        """Active agencies of a kind that serve a dong ('' or a dong nobody names: city-wide ones only)."""
        # A dong nobody names shares one row, so the index cannot outgrow the directory.
        key = (kind, dong if dong in self._dongs else "")
        groups = self._serving.get(key)
        if groups is None:
            groups = self._serving[key] = self._find(*key)
        return groups

    def _find(self, kind: str, dong: str) -> Groups:
        active = [a for _, a in sorted(self._agencies.items()) if a.kind == kind and a.state == "active"]
        named = tuple(a for a in active if dong and dong in a.areas)
        city_wide = tuple(a for a in active if not a.areas)
        return tuple(group for group in (named, city_wide) if group)


def _reach(agency: Agency) -> tuple[object, ...]:
    """What decides whether an offer can go there."""
    return agency.kind, agency.purposes, agency.areas, agency.state
