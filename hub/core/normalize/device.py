"""A device's reading to a signal. Owns comparing it with the rules; never guesses who lives there."""

from __future__ import annotations

from hub.core.normalize.draft import Draft
from hub.core.normalize.mapping import Mapping
from hub.core.normalize.person import read_place
from hub.core.normalize.referral import read_at
from hub.schemas.canonical import Refusal, SignalClaim, Urgency
from hub.schemas.native.device import DeviceReading


def normalize(reading: DeviceReading, mapping: Mapping, heard: str) -> SignalClaim | Refusal:
    """The signal. A reading that no rule knows is kept as routine and flagged: a new device must not be lost."""
    draft = Draft()
    draft.put("at", "/at", reading.at)
    draft.put("address", "/household/address", reading.household.address)
    at = read_at(draft, heard)
    address = read_place(draft, mapping)
    urgency = _urgency(reading, mapping)
    if urgency is None:
        draft.flag("reading_unknown")
    if draft.reasons:
        return draft.refusal()
    draft.provenance |= {"ref": "/device", "value": "/value"}
    return SignalClaim(
        ref=reading.device,
        kind=reading.kind,
        at=at,
        urgency=urgency or "routine",
        address=address,
        observed=reading.reading,
        value=f"{float(reading.value):g}",
        flags=tuple(draft.flags),
        provenance=draft.provenance,
        repairs=tuple(draft.repairs),
    )


def _urgency(reading: DeviceReading, mapping: Mapping) -> Urgency | None:
    rules = mapping.readings.get((reading.kind, reading.reading))
    if rules is None:
        return None
    return next((rule.urgency for rule in rules if reading.value >= rule.at_least), "routine")
