"""What an entry's bodies say, opened with the keys that are left: the same `Opened` the live path applied.

Owns rebuilding features, blocking keys and keyed lookups from the claim alone. Never fetches: `Bodies` is its window.
A body that does not open any more (its key was destroyed) is simply unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from hub.core.bodies import IDENTITY, MATCHING, NOTHING, IdentityBody, MatchingBody, NeedBody, Opened, SignalBody
from hub.core.identity.features import build
from hub.core.identity.keys import blocking, unit_key
from hub.core.sealing import keyed_digest

#: Plaintext of a body by key id and class; None when it does not open any more.
Bodies = Callable[[str, str], bytes | None]

_identity: Final = msgspec.json.Decoder(IdentityBody).decode
_matching: Final = msgspec.json.Decoder(MatchingBody).decode
_need: Final = msgspec.json.Decoder(NeedBody).decode
_signal: Final = msgspec.json.Decoder(SignalBody).decode


def open_entry(entry: dict[str, Any], bodies: Bodies, pepper: bytes) -> Opened:
    """The bodies of one entry as `apply` takes them."""
    if entry["kind"] == "referral.recorded":
        return _referral(entry, bodies, pepper)
    if entry["kind"] == "signal.recorded":
        body = _read(entry, bodies, IDENTITY)
        address = _signal(body).address if body else None
        return Opened(unit=unit_key(address, pepper))
    return NOTHING


def is_sealed(entry: dict[str, Any], bodies: Bodies) -> bool:
    """Whether some body the state is made of does not open any more."""
    refs = entry["bodies"] if entry["kind"] in {"referral.recorded", "signal.recorded"} else ()
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
    features = build(identity.claim, pepper) if facts["record"] else None
    return Opened(
        identity=identity,
        matching=_matching(matching) if matching else None,
        need=_need(need) if need else None,
        features=features,
        keys=blocking(features, pepper) if features else (),
        number_key=keyed_digest(pepper, facts["agency"], identity.number)[:16],
        unit=unit_key(identity.claim.address, pepper),
    )
