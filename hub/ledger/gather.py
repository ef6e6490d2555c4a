"""What a batch needs to know, read in few round trips into a `State`. Owns no decision.

Called with the head locked (then nothing read can change before the commit), except for `seen`, which is asked once
more under the lock. Everything is found by key: a batch's cost does not grow with the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
import psycopg

from hub.core.decide.tick import PAGE
from hub.core.directory import Agency, Directory
from hub.core.identity.model import Model
from hub.core.identity.partition import Record
from hub.core.identity.score import compare
from hub.core.listings import Listing
from hub.core.policy import Policy
from hub.core.prepared import Prepared
from hub.core.sealing import Keys, own_case
from hub.core.state import Filed, Review, Seen, State
from hub.ledger import parts, sql
from hub.ledger.copyrows import BYTEA_OID, INT8_OID, UUID_OID, Array, array, int8, raw, uuid
from hub.ledger.documents import data_key, open_case, open_edges, open_features, read_judged
from hub.schemas.canonical import AccessClaim, AnswerClaim, HouseholdClaim, IdentityClaim, RedoClaim, TickClaim

Connection = psycopg.Connection[Any]
#: Messages of one part: large enough that planning its statement is little of it.
PART: Final = 125
#: Anything else would be a data error in PostgreSQL, and a client could halt the hub with one answer.
UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _int8s(values: Iterable[int]) -> Array:
    return array(INT8_OID, [int8(v) for v in values])


def _uuids(values: Iterable[str]) -> Array:
    return array(UUID_OID, [uuid(v) for v in values])


def seen(connection: Connection, causes: Iterable[bytes]) -> dict[bytes, Seen]:
    """Earlier verdicts on these causes."""
    rows = connection.execute(sql.SEEN, (array(BYTEA_OID, [raw(c) for c in causes]),), binary=True).fetchall()
    return {cause: Seen(digest, verdict, position) for cause, digest, verdict, position in rows}


def directory(connection: Connection) -> Directory:
    """All accounts; read again only when the head says that they changed."""
    rows = connection.execute(sql.AGENCIES).fetchall()
    return Directory(msgspec.convert(doc, Agency) for _, doc in rows)


def load(connection: Connection, batch: Sequence[Prepared], state: State, policy: Policy, projection: bytes) -> None:
    """Load what `batch` touches: candidates with their components, households, earlier referrals, due offers."""
    keys = policy.keys
    units = sorted({m.unit for m in batch if m.unit is not None})
    numbers = sorted({m.number_key for m in batch if m.number_key})
    with connection.pipeline():
        dwellings = connection.execute(sql.AT_UNITS, (_int8s(units),), binary=True) if units else None
        earlier = (
            connection.execute(sql.NUMBERS, (array(BYTEA_OID, [raw(n) for n in numbers]),), binary=True)
            if numbers
            else None
        )
        asked = _asked(connection, batch)
        cases = candidates(connection, batch, state, policy)
        _at_units(state, dwellings.fetchall() if dwellings else (), projection)
        found = earlier.fetchall() if earlier else []
        cases |= {case for _, case, _ in found}
        cases |= {case for cursor in asked for _, case in cursor.fetchall()}
    cases |= _asked_about(connection, batch, state, keys, projection)
    cases |= {m.content.case for m in batch if isinstance(m.content, AccessClaim) and _is_id(m.content.case)}
    _cases(connection, state, cases, projection)
    _neighbors(connection, batch, state, keys, projection)
    _listings(connection, batch, state)


def candidates(connection: Connection, batch: Sequence[Prepared], state: State, policy: Policy) -> set[str]:
    """Records that share a key with one of the batch, with their whole components; returns the cases they name.

    A large batch asks in parts: while PostgreSQL looks for the next part's, the last part's are opened and compared.
    """
    if not any(isinstance(m.content, IdentityClaim | RedoClaim) for m in batch):
        state.asked = frozenset(k for m in batch for k in m.keys)
    asking = [m for m in batch if m.keys]
    slices = [asking[first : first + PART] for first in range(0, len(asking), PART)]
    cases: set[str] = set()
    for part, rows in zip(slices, _found(connection, _keys_of(slices)), strict=True):
        cases |= _records(state, rows, policy.keys)
        _compare(part, state, policy.model)
    return cases


def _found(connection: Connection, keys: Sequence[Array]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of each part. A small batch's only part goes with whatever else is on its way there."""
    if len(keys) == 1:
        yield connection.execute(sql.RECORDS, (keys[0],), binary=True).fetchall()
    elif keys:
        with connection.pipeline() as pipeline:
            pipeline.sync()
            yield from parts.rows(connection, sql.RECORDS, keys)


def _keys_of(slices: Iterable[Sequence[Prepared]]) -> list[Array]:
    """The keys of each slice, sorted; a key that two slices share is asked for once."""
    asked: set[int] = set()
    arrays = []
    for part in slices:
        new = {k for m in part for k in m.keys} - asked
        asked |= new
        arrays.append(_int8s(sorted(new)))
    return arrays


def _compare(part: Sequence[Prepared], state: State, model: Model) -> None:
    for message in part:
        if message.features is not None:
            mine, known = message.features, state.records
            message.scores = {i: compare(mine, known[i].features, model) for i in state.candidates(message.keys)}


def _asked(connection: Connection, batch: Sequence[Prepared]) -> list[psycopg.Cursor[Any]]:
    """Referrals that answers name, and offers due by the latest tick."""
    ids = sorted(
        {m.content.referral for m in batch if isinstance(m.content, AnswerClaim) and _is_id(m.content.referral)}
    )
    ticks = [m.content.at for m in batch if isinstance(m.content, TickClaim)]
    cursors = []
    if ids:
        cursors.append(connection.execute(sql.REFERRALS, (_uuids(ids),), binary=True))
    if ticks:
        stuck = max(len(m.content.stuck) for m in batch if isinstance(m.content, TickClaim))
        limit = PAGE * len(ticks) + 1 if not stuck else 100_000
        cursors.append(connection.execute(sql.DUE, (max(ticks), limit), binary=True))
    return cursors


def _asked_about(
    connection: Connection, batch: Sequence[Prepared], state: State, keys: Keys, projection: bytes
) -> set[str]:
    """What workers decide about, and the records of retired keys. Rare, so each takes its own way there and back."""
    claims = [m.content for m in batch if isinstance(m.content, IdentityClaim)]
    cases: set[str] = set()
    living = [m.content for m in batch if isinstance(m.content, HouseholdClaim)]
    if living:
        _cases(connection, state, {i for claim in living for i in (claim.case, claim.other) if _is_id(i)}, projection)
    members = {p for claim in living for i in (claim.case, claim.other) for p in _members(state, i)}
    members |= {p for claim in living for p in claim.persons if _is_id(p)}
    if claims or members:
        cases |= _persons(connection, claims, members, state, keys)
    for message in batch:
        if isinstance(message.content, RedoClaim):
            cases |= _of_key(connection, message.content, state, keys)
    return cases


def _members(state: State, case: str) -> Iterable[str]:
    return state.cases[case].members if case in state.cases else ()


def _of_key(connection: Connection, claim: RedoClaim, state: State, keys: Keys) -> set[str]:
    """The records that had a retired key then, and which of their other keys say nothing either."""
    rows = connection.execute(sql.OF_KEY, (claim.key, claim.before), binary=True).fetchall()
    cases = _records(state, rows, keys)
    shared = sorted({key for record in state.records.values() for key in record.keys})
    found = connection.execute(sql.GENERIC, (_int8s(shared),), binary=True).fetchall()
    state.generic |= {key for (key,) in found}
    return cases


def _persons(
    connection: Connection, claims: Sequence[IdentityClaim], members: set[str], state: State, keys: Keys
) -> set[str]:
    """Persons by any id they ever had, reviews with both their sides; whole components of both."""
    persons = members | {p for claim in claims for p in claim.persons if _is_id(p)}
    reviews = {claim.review for claim in claims if _is_id(claim.review)}
    rows = connection.execute(sql.REVIEWS, (_uuids(sorted(reviews)),), binary=True).fetchall()
    for id_, record, other, rank, human, guard, consequences, heard, decided in rows:
        reasons = tuple(consequences.split(",")) if consequences else ()
        state.reviews[id_] = Review(id_, record, other, rank, human, guard, reasons, heard, decided)
    state.aliases.update(connection.execute(sql.LIVING, (_uuids(sorted(persons)),), binary=True).fetchall())
    persons |= {state.living(person) for person in persons}
    records = {r for review in state.reviews.values() for r in (review.record, review.other)}
    found = connection.execute(sql.OF_PERSONS, (_uuids(sorted(persons)), _uuids(sorted(records))), binary=True)
    return _records(state, found.fetchall(), keys)


def _is_id(text: str) -> bool:
    return UUID_TEXT.fullmatch(text) is not None


def _records(state: State, rows: Iterable[tuple[Any, ...]], keys: Keys) -> set[str]:
    cases = set()
    for id_, component, person, case_id, unit, at, seq, wrapped, features, edges, judged in rows:
        if id_ in state.records or wrapped is None:
            continue
        key = data_key(keys.kek, wrapped, id_)
        doc, links = open_features(key, id_, features), open_edges(key, id_, edges)
        record = Record(
            id=id_,
            features=doc.features,
            component=component,
            person=person,
            seq=seq,
            edges=links.edges,
            guards=links.guards,
            keys=doc.keys,
        )
        pinned = ""
        if judged is not None:
            said = read_judged(judged)
            record.same, record.apart = said.same, said.apart
            pinned = said.pinned
        state.add_record(record, Filed(case=case_id, unit=unit, at=at, pinned=pinned))
        cases |= {case_id, pinned} - {""}
        if unit is None:
            cases.add(own_case(id_))
    return cases


def _cases(connection: Connection, state: State, ids: Iterable[str], projection: bytes) -> None:
    """These cases, and those at the dwellings that the loaded records name."""
    missing = sorted(set(ids) - state.cases.keys())
    units = sorted({filed.unit for filed in state.filed.values() if filed.unit is not None} - state.units.keys())
    with connection.pipeline():
        named = connection.execute(sql.CASES, (_uuids(missing),), binary=True) if missing else None
        dwellings = connection.execute(sql.AT_UNITS, (_int8s(units),), binary=True) if units else None
    for id_, seq, doc in named.fetchall() if named else ():
        state.add_case(open_case(projection, id_, seq, doc))
    _at_units(state, dwellings.fetchall() if dwellings else (), projection)


def _at_units(state: State, rows: Iterable[tuple[Any, ...]], projection: bytes) -> None:
    for unit, id_, seq, doc in rows:
        state.units[unit] = id_
        if id_ not in state.cases:
            state.add_case(open_case(projection, id_, seq, doc))


def _neighbors(connection: Connection, batch: Sequence[Prepared], state: State, keys: Keys, projection: bytes) -> None:
    """Corrections of an earlier number may open needs for persons no key of the message leads to."""
    numbers = {m.number_key for m in batch if m.number_key}
    ids = {state.referral_case[r] for n in numbers for r in state.numbers.get(n, ()) if r in state.referral_case}
    if ids:
        rows = connection.execute(sql.CASE_RECORDS, (_uuids(sorted(ids)),), binary=True).fetchall()
        _cases(connection, state, _records(state, rows, keys), projection)


def _listings(connection: Connection, batch: Sequence[Prepared], state: State) -> None:
    """What stands of the listings the batch publishes anew; what they say is not read."""
    ids = sorted({m.listing for m in batch if m.listing})
    if ids:
        for id_, agency, content, modified in connection.execute(sql.LISTINGS, (_uuids(ids),), binary=True).fetchall():
            state.listings.known[id_] = Listing(id_, agency, content, modified)
