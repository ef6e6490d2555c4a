"""From a Kafka record to everything that can be known without the ledger: parse, normalize, keys, encryption.

Runs outside the lock, in as many processes as there are cores. Pure given the data keys; never raises on input: what
cannot be accepted carries a `Refusal` and goes on to be recorded with its raw bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hub.core.bodies import (
    IDENTITY,
    LISTING,
    NOTES,
    RAW,
    ChangeBody,
    IdentityBody,
    ListingBody,
    NeedBody,
    SignalBody,
)
from hub.core.identity.features import build
from hub.core.identity.keys import blocking, unit_key
from hub.core.normalize import normalize
from hub.core.policy import Policy
from hub.core.prepared import NO_SIGNATURE, Arrival, Prepared, Sealed
from hub.core.sealing import cause_digest, derive_id, keyed_digest, wrap
from hub.core.vault import DataKeys, encode, seal_bytes, seal_value
from hub.schemas import signature
from hub.schemas.canonical import (
    AnswerClaim,
    Claim,
    HouseholdClaim,
    IdentityClaim,
    ListingClaim,
    ReferralClaim,
    Refusal,
    SignalClaim,
    WithdrawalClaim,
)
from hub.schemas.envelope import Envelope, data_digest, parse
from hub.schemas.topics import agency_of

#: So many messages go through one step before the next step begins: as much as stays in a processor's cache.
TOGETHER: Final = 64


def prepare(arrival: Arrival, policy: Policy, data_keys: DataKeys) -> Prepared:
    """Prepare one record. The same record with the same data keys gives the same bytes."""
    return _together((arrival,), policy, data_keys)[0]


def prepare_all(arrivals: Sequence[Arrival], policy: Policy, data_keys: DataKeys) -> list[Prepared]:
    """As `prepare` of each, a sixth faster: one after another, each step drives the others' code out of the cache."""
    parts = (arrivals[start : start + TOGETHER] for start in range(0, len(arrivals), TOGETHER))
    return [prepared for part in parts for prepared in _together(part, policy, data_keys)]


def _together(arrivals: Sequence[Arrival], policy: Policy, data_keys: DataKeys) -> list[Prepared]:
    agencies = [agency_of(arrival.topic) for arrival in arrivals]
    envelopes = [parse(arrival.value, agency) for arrival, agency in zip(arrivals, agencies, strict=True)]
    contents = [held if isinstance(held, Refusal) else normalize(held, policy.mapping) for held in envelopes]
    prepared = [_frame(*read, policy, data_keys) for read in zip(arrivals, agencies, envelopes, contents, strict=True)]
    for message in prepared:
        _add(message, policy, data_keys)
    return prepared


def _frame(
    arrival: Arrival,
    agency: str,
    envelope: Envelope | Refusal,
    content: Claim | Refusal,
    policy: Policy,
    data_keys: DataKeys,
) -> Prepared:
    """What every message has: its cause, the digest of its data and its raw bytes, sealed."""
    if isinstance(envelope, Refusal):
        return _unreadable(arrival, agency, envelope, policy, data_keys)
    cause = cause_digest(policy.keys.pepper, envelope.source, envelope.id)
    digest = kept_digest(policy.keys.pepper, envelope)
    signed = _signature(arrival, envelope)
    data_key, raw = _seal_raw(arrival, cause, digest, policy, data_keys, _copy(arrival, signed))
    return Prepared(
        arrival=arrival,
        agency=agency,
        source=envelope.source,
        message_id=envelope.id,
        type=envelope.type,
        cause=cause,
        data_digest=digest,
        content=content,
        raw=raw,
        data_key=data_key,
        signature=signed,
    )


def _signature(arrival: Arrival, envelope: Envelope) -> signature.Signature:
    """Checked here, outside the lock and for one event at a time: whether the key is the agency's is decided later."""
    carried = signature.ATTRIBUTE in (envelope.model_extra or ())
    return signature.check(arrival.value) if carried else NO_SIGNATURE


def _copy(arrival: Arrival, signed: signature.Signature) -> str:
    """What tells a signed copy's keys from those of any other of the same id, '' for an unsigned one.

    A copy that was refused for its signature has left bodies; the one that is accepted then has others.
    """
    return f" {arrival.topic}/{arrival.partition}/{arrival.offset}" if signed.kid else ""


def kept_digest(pepper: bytes, envelope: Envelope) -> bytes:
    """What tells a repeat from a conflict, keyed: a plain digest gives a birth date away to whoever knows the rest."""
    return keyed_digest(pepper, data_digest(envelope))


def _unreadable(arrival: Arrival, agency: str, refusal: Refusal, policy: Policy, data_keys: DataKeys) -> Prepared:
    """No envelope, so no id: the cause is the record's own place on its topic."""
    place = f"{arrival.partition}/{arrival.offset}"
    cause = cause_digest(policy.keys.pepper, f"//topic/{arrival.topic}", place)
    digest = keyed_digest(policy.keys.pepper, arrival.value)
    data_key, raw = _seal_raw(arrival, cause, digest, policy, data_keys)
    return Prepared(
        arrival=arrival,
        agency=agency,
        source=f"//topic/{arrival.topic}",
        message_id=place,
        type="",
        cause=cause,
        data_digest=digest,
        content=refusal,
        raw=raw,
        data_key=data_key,
    )


def _seal_raw(
    arrival: Arrival, cause: bytes, digest: bytes, policy: Policy, data_keys: DataKeys, copy: str = ""
) -> tuple[bytes, Sealed]:
    """The raw evidence under its own key. The data's digest is in the key's id: a conflicting repeat has its own."""
    key_id = derive_id(cause, "message:" + digest.hex() + copy, 0)
    data_key = data_keys(key_id)
    return data_key, seal_bytes(data_key, wrap(policy.keys.kek, data_key, key_id), key_id, RAW, arrival.value)


def _add(prepared: Prepared, policy: Policy, data_keys: DataKeys) -> None:
    """What only its kind of message has."""
    content = prepared.content
    if isinstance(content, ReferralClaim):
        _add_referral(prepared, content, policy, data_keys)
    elif isinstance(content, SignalClaim):
        _add_signal(prepared, content, policy)
    elif isinstance(content, ListingClaim):
        _add_listing(prepared, content, policy)
    elif isinstance(content, WithdrawalClaim):
        prepared.number_key = keyed_digest(policy.keys.pepper, prepared.agency, content.number)[:16]
    elif isinstance(content, AnswerClaim | IdentityClaim | HouseholdClaim) and content.text:
        raw = prepared.raw
        prepared.notes = seal_value(prepared.data_key, raw.wrapped, raw.key_id, NOTES, ChangeBody(content.text))


def _add_referral(prepared: Prepared, claim: ReferralClaim, policy: Policy, data_keys: DataKeys) -> None:
    keys, pepper = policy.keys, policy.keys.pepper
    prepared.number_key = keyed_digest(pepper, prepared.agency, claim.number)[:16]
    prepared.unit = unit_key(claim.person.address, pepper)
    features = build(claim.person, pepper)
    key_id = derive_id(prepared.cause, "record" + _copy(prepared.arrival, prepared.signature), 0)
    if claim.person.name or claim.person.birth.value or claim.person.rrn or claim.person.substitute:
        prepared.record, prepared.features, prepared.keys = key_id, features, blocking(features, pepper)
    prepared.data_key = data_keys(key_id)
    wrapped = wrap(keys.kek, prepared.data_key, key_id)
    body = IdentityBody(
        claim.number, claim.person, claim.at, claim.guardian, claim.consent, claim.offence_class, claim.notes
    )
    prepared.identity = seal_value(prepared.data_key, wrapped, key_id, IDENTITY, body)
    for ordinal, code in enumerate(claim.needs):
        need = policy.rules.needs[code]
        if need.secret or need.health or claim.offence_class:
            sealed = seal_value(prepared.data_key, wrapped, key_id, f"need{ordinal}", NeedBody(code))
            prepared.needs[code] = sealed


def _add_signal(prepared: Prepared, claim: SignalClaim, policy: Policy) -> None:
    prepared.unit = unit_key(claim.address, policy.keys.pepper) if claim.address else None
    raw = prepared.raw
    body = SignalBody(claim.ref, claim.observed, claim.value, claim.about, claim.reporter, claim.address)
    prepared.identity = seal_value(prepared.data_key, raw.wrapped, raw.key_id, IDENTITY, body)


def _add_listing(prepared: Prepared, claim: ListingClaim, policy: Policy) -> None:
    """The listing is named after whose directory it is and its id there, so every version of it has the same id."""
    pepper, raw = policy.keys.pepper, prepared.raw
    prepared.listing = derive_id(keyed_digest(pepper, prepared.agency, claim.organization), "listing", 0)
    body = ListingBody(claim.content)
    prepared.listed = keyed_digest(pepper, encode(body)).hex()
    prepared.identity = seal_value(prepared.data_key, raw.wrapped, raw.key_id, LISTING, body)
