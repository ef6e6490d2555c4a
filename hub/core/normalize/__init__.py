"""From a native message to a claim: one door, one module per format.

Owns the dispatch on `dataschema`. Pure: no clock, no I/O, nothing kept between messages. Never raises for input: what
cannot be accepted is a `Refusal` whose reasons name the field in the source's own words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from pydantic import BaseModel

from hub.core.normalize import answer, change, citizen, device, fhir, hl7, hsds, identity, rows, system, victim
from hub.core.normalize.mapping import Mapping, read_crosswalk
from hub.core.normalize.partners import with_partners
from hub.schemas.canonical import Claim, Reason, Refusal
from hub.schemas.envelope import Envelope
from hub.schemas.native.answer import ReferralAnswer
from hub.schemas.native.change import Change
from hub.schemas.native.citizen import CitizenReport
from hub.schemas.native.device import DeviceReading
from hub.schemas.native.fhir import Bundle
from hub.schemas.native.hl7 import read_ref
from hub.schemas.native.hsds import Organization
from hub.schemas.native.identity import HouseholdDecision, IdentityDecision
from hub.schemas.native.rows import Row
from hub.schemas.native.victim import VictimSupport
from hub.schemas.native.wire import read
from hub.schemas.topics import Formats

__all__ = ["Mapping", "normalize", "read_crosswalk", "with_partners"]

Normalizer = Callable[[Envelope, Mapping], Claim | Refusal]
Wire = TypeVar("Wire", bound=BaseModel)


def normalize(envelope: Envelope, mapping: Mapping) -> Claim | Refusal:
    """What the message claims, or why it can never be accepted."""
    return _NORMALIZERS[envelope.dataschema](envelope, mapping.of(envelope.agency))


def _from(model: type[Wire], make: Callable[[Wire, Envelope, Mapping], Claim | Refusal]) -> Normalizer:
    """A normalizer of JSON data: the wire model first, its findings as they are."""

    def read_and_make(envelope: Envelope, mapping: Mapping) -> Claim | Refusal:
        wire = read(model, envelope.data)
        return wire if isinstance(wire, Refusal) else make(wire, envelope, mapping)

    return read_and_make


def _rows(kind: str) -> Normalizer:
    return _from(Row, lambda row, envelope, mapping: rows.normalize(row, mapping, kind, envelope.agency, envelope.time))


def _hl7(envelope: Envelope, mapping: Mapping) -> Claim | Refusal:
    if envelope.data_base64 is None:
        return Refusal((Reason("/data_base64", "payload", "HL7 v2 travels as bytes: its charset is its own."),))
    ref = read_ref(envelope.octets())
    return ref if isinstance(ref, Refusal) else hl7.normalize(ref, mapping, envelope.agency, envelope.time)


_NORMALIZERS: Final[dict[str, Normalizer]] = {
    Formats.FHIR: _from(
        Bundle, lambda wire, envelope, mapping: fhir.normalize(wire, mapping, envelope.agency, envelope.time)
    ),
    Formats.HL7: _hl7,
    Formats.HOUSING: _rows("housing"),
    Formats.WELFARE: _rows("welfare"),
    Formats.CHANGE: _from(
        Change, lambda wire, envelope, mapping: change.normalize(wire, mapping, envelope.agency, envelope.time)
    ),
    Formats.VICTIM: _from(
        VictimSupport, lambda wire, envelope, mapping: victim.normalize(wire, mapping, envelope.time)
    ),
    Formats.CITIZEN: _from(
        CitizenReport, lambda wire, envelope, mapping: citizen.normalize(wire, mapping, envelope.time)
    ),
    Formats.DEVICE: _from(
        DeviceReading, lambda wire, envelope, mapping: device.normalize(wire, mapping, envelope.time)
    ),
    Formats.ANSWER: _from(ReferralAnswer, lambda wire, envelope, _: answer.normalize(wire, envelope.time)),
    Formats.HSDS: _from(Organization, lambda wire, envelope, mapping: hsds.normalize(wire, mapping, envelope.time)),
    Formats.IDENTITY: _from(IdentityDecision, lambda wire, envelope, _: identity.normalize(wire, envelope.time)),
    Formats.HOUSEHOLD: _from(HouseholdDecision, lambda wire, envelope, _: identity.household(wire, envelope.time)),
    Formats.SYSTEM: lambda envelope, _: system.normalize(envelope),
}
