"""What an entry's bodies say, opened with the keys that are left: the same `Opened` the live path applied.

Owns rebuilding features, blocking keys and keyed lookups from the claim alone. Never fetches: `Bodies` is its window.
A body that does not open any more (its key was destroyed) is simply unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from hub.core.bodies import (
    IDENTITY,
    LISTING,
    MATCHING,
    NOTHING,
    IdentityBody,
    ListingBody,
    MatchingBody,
    NeedBody,
    Opened,
    SignalBody,
)
from hub.core.identity.features import build
from hub.core.identity.keys import blocking, unit_key
from hub.core.sealing import keyed_digest, open_, unwrap
from hub.errors import Halt

#: Plaintext of a body by key id and class; None when it does not open any more.
Bodies = Callable[[str, str], bytes | None]


class Erased(Exception):  # noqa: N818 - it is a state of affairs, not a mistake
    """A key was destroyed: what it opened cannot be decided again."""


class Missing(Halt):
    """Evidence is not there, though nobody erased it: an erased body leaves its row."""


#: Entries that say who a referral is about.
REFERRALS: Final = frozenset({"referral.recorded", "referral.corrected"})
#: Entries whose bodies the state is made of.
EMBODIED: Final = REFERRALS | {"signal.recorded", "directory.listed"}
#: Stands for the key of a body that never existed. A decision that uses it seals other bytes, and so is a difference.
NO_KEY: Final = bytes(32)


class Vault:
    """Stored bodies of a stretch of the ledger: (wrapped key, ciphertext) by key id and class.

    `find` is asked for keys that no entry of the stretch points to (a refused referral's record): whether there is a
    row, and its wrapped key.
    """

    def __init__(
        self,
        stored: Mapping[tuple[str, str], tuple[bytes | None, bytes | None]],
        kek: bytes,
        find: Callable[[str], tuple[bool, bytes | None]],
    ) -> None:
        self._stored, self._kek, self._find = stored, kek, find
        self._wrapped: dict[str, bytes | None] = {}
        for (key_id, _), (wrapped, _) in stored.items():
            self._wrapped[key_id] = wrapped or self._wrapped.get(key_id)
        self._keys: dict[str, bytes] = {}

    def data_key(self, key_id: str) -> bytes:
        """The kept data key; `NO_KEY` where none was ever kept. Raises `Erased` when it was destroyed."""
        key = self._keys.get(key_id)
        if key is None:
            there, wrapped = (True, self._wrapped[key_id]) if key_id in self._wrapped else self._find(key_id)
            if there and wrapped is None:
                raise Erased(key_id)
            key = self._keys[key_id] = unwrap(self._kek, wrapped, key_id) if wrapped else NO_KEY
        return key

    def has(self, key_id: str, cls: str) -> bool:
        """Whether there is a row, erased or not."""
        return (key_id, cls) in self._stored

    def body(self, key_id: str, cls: str) -> bytes | None:
        """A body's plaintext; None when it does not open any more."""
        _, sealed = self._stored.get((key_id, cls), (None, None))
        if sealed is None or self._wrapped[key_id] is None:
            return None
        return open_(self.data_key(key_id), key_id, cls, sealed)


_identity: Final = msgspec.json.Decoder(IdentityBody).decode
_matching: Final = msgspec.json.Decoder(MatchingBody).decode
_need: Final = msgspec.json.Decoder(NeedBody).decode
_signal: Final = msgspec.json.Decoder(SignalBody).decode
_listing: Final = msgspec.json.Decoder(ListingBody).decode


def open_entry(entry: dict[str, Any], bodies: Bodies, pepper: bytes) -> Opened:
    """The bodies of one entry as `apply` takes them."""
    if entry["kind"] in REFERRALS:
        return _referral(entry, bodies, pepper)
    if entry["kind"] == "signal.recorded":
        body = _read(entry, bodies, IDENTITY)
        address = _signal(body).address if body else None
        return Opened(unit=unit_key(address, pepper))
    if entry["kind"] == "directory.listed":
        held = _read(entry, bodies, LISTING)
        return Opened(listing=_listing(held) if held else None)
    return NOTHING


def is_sealed(entry: dict[str, Any], bodies: Bodies) -> bool:
    """Whether some body the state is made of does not open any more."""
    refs = entry["bodies"] if entry["kind"] in EMBODIED else ()
    return any(bodies(ref["key_id"], ref["class"]) is None for ref in refs)


def _read(entry: dict[str, Any], bodies: Bodies, cls: str) -> bytes | None:
    """The body of a class ('need' stands for any of a message's needs: an entry has one)."""
    for ref in entry["bodies"]:
        if ref["class"] == cls or (cls == "need" and ref["class"].startswith("need")):
            return bodies(ref["key_id"], ref["class"])
    return None


def _referral(entry: dict[str, Any], bodies: Bodies, pepper: bytes) -> Opened:
    facts = entry["facts"]
    need, matching = _read(entry, bodies, "need"), _read(entry, bodies, MATCHING)
    held = _read(entry, bodies, IDENTITY)
    if held is None:
        return Opened(need=_need(need) if need else None)
    identity = _identity(held)
    features = build(identity.claim, pepper) if facts.get("record") else None
    return Opened(
        identity=identity,
        matching=_matching(matching) if matching else None,
        need=_need(need) if need else None,
        features=features,
        keys=blocking(features, pepper) if features else (),
        number_key=keyed_digest(pepper, facts["agency"], identity.number)[:16],
        unit=unit_key(identity.claim.address, pepper),
    )
