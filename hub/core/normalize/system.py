"""The hub's own messages to claims: accounts, ticks, reads. Owns that translation, field by field."""

from __future__ import annotations

from hub.core.normalize.draft import Draft
from hub.core.normalize.referral import read_at
from hub.schemas.canonical import AccessClaim, AgencyClaim, KeyClaim, RedoClaim, Refusal, TickClaim
from hub.schemas.envelope import Envelope
from hub.schemas.native.system import AccessRead, AgencyChanged, AgencyRegistered, ClockTicked, WorkContinued
from hub.schemas.native.wire import read
from hub.schemas.topics import Types


def normalize(envelope: Envelope) -> AgencyClaim | KeyClaim | TickClaim | AccessClaim | RedoClaim | Refusal:
    """The claim of a system message; its type says which."""
    if envelope.type == Types.TICK:
        return _tick(envelope)
    if envelope.type == Types.CONTINUE:
        return _redo(envelope)
    if envelope.type == Types.ACCESS:
        return _access(envelope)
    return _agency(envelope)


def _agency(envelope: Envelope) -> AgencyClaim | KeyClaim | Refusal:
    wire: AgencyRegistered | AgencyChanged | Refusal
    if envelope.type == Types.AGENCY:
        wire = read(AgencyRegistered, envelope.data)
    else:
        wire = read(AgencyChanged, envelope.data)
    if isinstance(wire, Refusal):
        return wire
    if wire.action == "add_key" or wire.action == "remove_key":  # noqa: PLR1714 - mypy narrows no set
        return KeyClaim(wire.code, wire.key, wire.action)
    return AgencyClaim(wire.code, wire.kind, wire.name, wire.purposes, wire.legal_basis, wire.areas, wire.action)


def _tick(envelope: Envelope) -> TickClaim | Refusal:
    wire = read(ClockTicked, envelope.data)
    if isinstance(wire, Refusal):
        return wire
    at = _at(wire.at, envelope.time)
    return at if isinstance(at, Refusal) else TickClaim(at, wire.through, wire.stuck, wire.cursor)


def _redo(envelope: Envelope) -> RedoClaim | Refusal:
    wire = read(WorkContinued, envelope.data)
    return wire if isinstance(wire, Refusal) else RedoClaim(wire.key, wire.before, wire.after)


def _access(envelope: Envelope) -> AccessClaim | Refusal:
    wire = read(AccessRead, envelope.data)
    if isinstance(wire, Refusal):
        return wire
    at = _at(wire.at, envelope.time)
    if isinstance(at, Refusal):
        return at
    return AccessClaim(wire.reader, wire.what, wire.id, wire.classes, wire.purpose, at, wire.case)


def _at(text: str, heard: str) -> str | Refusal:
    draft = Draft()
    draft.put("at", "/at", text)
    at = read_at(draft, heard)
    return draft.refusal() if draft.reasons else at
