"""Writes what a batch decided: bodies before the lock, entries and projections under it. Owns no decision.

A crash anywhere here leaves nothing: it is one transaction, and the offsets move inside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import psycopg

from hub.core.decide import Outcome
from hub.core.entry import MAX_BYTES, Entry, encode
from hub.core.merkle import Frontier, leaf_hash
from hub.core.prepared import Prepared, Sealed
from hub.core.sealing import Keys
from hub.core.state import Case, Referral, Review, State
from hub.errors import Halt
from hub.ledger import sql
from hub.ledger.copyrows import (
    BYTEA_OID,
    INT4_OID,
    TEXT_OID,
    UUID_OID,
    Array,
    Row,
    add,
    array,
    bool_,
    int2,
    int4,
    int8,
    raw,
    row,
    text,
    uuid,
)
from hub.ledger.documents import data_key, pack_judged, seal_case, seal_edges, seal_features, seal_listing

Connection = psycopg.Connection[Any]


# ------------------------------------------------------------------ before the lock
def body_rows(bodies: Iterable[Sealed]) -> list[tuple[str, Row]]:
    """Packed rows of bodies with their key ids: sorted, so that two writers never wait for each other crosswise."""
    return [(b.key_id, row(uuid(b.key_id), text(b.cls), raw(b.wrapped), raw(b.ciphertext))) for b in bodies]


def early_bodies(message: Prepared) -> list[Sealed]:
    """The bodies of a message that are known before it is decided."""
    known = [message.raw, message.identity, message.notes, *message.needs.values()]
    return [b for b in known if b is not None]


def copy_bodies(connection: Connection, bodies: Iterable[Sealed]) -> None:
    """Write bodies."""
    add(connection, sql.BODIES, [packed for _, packed in sorted(body_rows(bodies))])


# ------------------------------------------------------------------ under the lock
def entries(connection: Connection, outcomes: Sequence[Outcome], frontier: Frontier) -> None:
    """Append the entries in order and raise the tree."""
    rows = [_entry_row(frontier, o.cause, i, e) for o in outcomes for i, e in enumerate(o.entries)]
    add(connection, sql.ENTRIES, rows)


def _entry_row(frontier: Frontier, cause: bytes, ordinal: int, entry: Entry) -> Row:
    encoded = encode(entry)
    if len(encoded) > MAX_BYTES:
        raise Halt(f"an entry of kind {entry['kind']} has {len(encoded)} bytes, more than {MAX_BYTES}")
    leaf = leaf_hash(encoded)
    frontier.append(leaf)
    return row(
        int8(frontier.size),
        raw(cause),
        int2(ordinal),
        uuid(entry["case"]),
        text(entry["kind"]),
        raw(leaf),
        raw(encoded),
    )


def messages(connection: Connection, rows: Sequence[tuple[int, Prepared, Outcome]]) -> None:
    """One verdict per Kafka record. Rows: (partition row id, message, outcome)."""
    packed = [
        row(
            int4(partition),
            int8(m.arrival.offset),
            raw(o.cause),
            text(o.verdict),
            int8(o.first_position),
            raw(m.data_digest),
            uuid(m.raw.key_id),
            text(m.arrival.heard),
        )
        for partition, m, o in rows
    ]
    add(connection, sql.MESSAGES, packed)


def additions(connection: Connection, state: State, known: set[str], keys: dict[str, Prepared], key: bytes) -> None:
    """Write what is new. `known`: cases that existed; `keys`: the message that brought each new record."""
    _new_records(connection, state, keys)
    new = [state.cases[i] for i in sorted(state.changed_cases - known)]
    add(connection, sql.CASES_TABLE, [row(uuid(c.id), int4(c.seq), raw(seal_case(key, c))) for c in new])
    placed = [(c.id, r) for c, r in _touched(state) if r.seq > state.known_size]
    add(connection, sql.REFERRALS_TABLE, [_referral_row(case, r) for case, r in placed])
    add(connection, sql.UNITS_TABLE, [row(int8(k), uuid(c)) for k, c in sorted(state.new_units.items())])
    add(connection, sql.REVIEWS_TABLE, [_review_row(state.reviews[i]) for i in state.new_reviews])


def _new_records(connection: Connection, state: State, messages_of: dict[str, Prepared]) -> None:
    rows, blocking = [], []
    for id_ in state.new_records:
        record, filed, message = state.records[id_], state.filed[id_], messages_of[id_]
        wrapped = message.identity.wrapped if message.identity else None
        edges = seal_edges(message.data_key, id_, record.edges, record.guards)
        features = message.features_sealed or seal_features(message.data_key, id_, record.features, record.keys)
        rows.append(
            row(
                uuid(id_), uuid(record.component), uuid(record.person), uuid(filed.case), int8(filed.unit),
                text(filed.at), int8(record.seq), raw(wrapped), raw(features), raw(edges),
            )
        )  # fmt: skip
        packed = uuid(id_)
        blocking += [row(int8(k), packed) for k in record.keys]
    add(connection, sql.RECORDS_TABLE, rows)
    add(connection, sql.BLOCKING, blocking)


def changes(connection: Connection, state: State, known: set[str], key: bytes) -> None:
    """Write what changed. Nothing here waits for an answer, so it may be sent in one go."""
    _changed_records(connection, state)
    changed = [state.cases[i] for i in sorted(state.changed_cases & known)]
    if changed:
        docs = array(BYTEA_OID, [raw(seal_case(key, c)) for c in changed])
        versions = array(INT4_OID, [int4(c.seq) for c in changed])
        connection.execute(sql.UPDATE_CASES, (_uuids([c.id for c in changed]), versions, docs))
    _changed_referrals(connection, state)
    _changed_people(connection, state)
    for code in sorted(state.changed_agencies):
        doc = msgspec.json.encode(state.directory[code]).decode()
        connection.execute(sql.PUT_AGENCY, (code, doc))
    for one in state.listings.written():
        sealed = seal_listing(key, one)
        row_ = (one.id, one.agency, one.content, one.modified, one.position, one.heard, list(one.audience), sealed)
        connection.execute(sql.PUT_LISTING, row_)


def _changed_people(connection: Connection, state: State) -> None:
    """Former ids, what people decided, and questions for them."""
    for person, into in state.new_aliases.items():
        connection.execute(sql.PUT_ALIAS, (person, into))
    if state.moved_aliases:
        connection.execute(sql.MOVE_ALIASES, (_uuids(state.moved_aliases), _uuids(state.moved_aliases.values())))
    judged = [state.records[i] for i in sorted(state.judged)]
    if judged:
        said = array(BYTEA_OID, [raw(pack_judged(r.same, r.apart, state.filed[r.id].pinned)) for r in judged])
        connection.execute(sql.UPDATE_JUDGED, (_uuids([r.id for r in judged]), said))
    decided = [state.reviews[i] for i in sorted(state.decided_reviews)]
    if decided:
        words = array(TEXT_OID, [text(r.decided) for r in decided])
        connection.execute(sql.DECIDE_REVIEWS, (_uuids([r.id for r in decided]), words))


def unlinked(connection: Connection, state: State, keys: Keys) -> None:
    """Write the links that are left of records that lost some: under each record's own key, which is asked for."""
    changed = sorted(state.unlinked)
    if not changed:
        return
    wrapped = dict(connection.execute(sql.WRAPPED, (_uuids(changed),), binary=True).fetchall())
    left = [(i, state.records[i], data_key(keys.kek, wrapped[i], i)) for i in changed if wrapped.get(i)]
    sealed = array(BYTEA_OID, [raw(seal_edges(key, i, r.edges, r.guards)) for i, r, key in left])
    connection.execute(sql.UPDATE_EDGES, (_uuids([i for i, _, _ in left]), sealed))


def _changed_records(connection: Connection, state: State) -> None:
    changed = sorted(state.changed_records - set(state.new_records))
    if changed:
        records = [state.records[i] for i in changed]
        columns = ([r.component for r in records], [r.person for r in records], [state.filed[i].case for i in changed])
        connection.execute(sql.UPDATE_RECORDS, [_uuids(c) for c in (changed, *columns)])


def _changed_referrals(connection: Connection, state: State) -> None:
    changed = [(c.id, r) for c, r in _touched(state) if r.seq <= state.known_size]
    if changed:
        ids = (_uuids([r.id for _, r in changed]), _uuids([c for c, _ in changed]))
        texts = ([r.receiver for _, r in changed], [r.state for _, r in changed], [r.due for _, r in changed])
        connection.execute(sql.UPDATE_REFERRALS, (*ids, *(array(TEXT_OID, [text(t) for t in c]) for c in texts)))


def _touched(state: State) -> list[tuple[Case, Referral]]:
    return [f for i in sorted(state.changed_referrals) if (f := state.find(i))]


def _uuids(values: Iterable[str]) -> Array:
    return array(UUID_OID, [uuid(v) for v in values])


def _review_row(review: Review) -> Row:
    """Decided in the same batch or not: `changes` writes the answer."""
    return row(
        uuid(review.id),
        uuid(review.record),
        uuid(review.other),
        int4(review.rank),
        bool_(review.human),
        text(review.guard),
        text(",".join(review.consequences)),
        text(review.heard),
        text(""),
    )


def _referral_row(case: str, referral: Referral) -> Row:
    return row(
        uuid(referral.id),
        uuid(case),
        text(referral.agency),
        raw(referral.number_key),
        text(referral.receiver),
        text(referral.state),
        text(referral.due),
    )
