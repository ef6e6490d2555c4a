"""The one transaction: offsets under the claimed epoch, head lock, gather, decide, write, commit.

Owns the order of these steps and nothing of what they mean. A crash before the commit leaves nothing; a commit whose
answer was lost is run again, and the compare-and-set on the offsets says whether it happened.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec
import psycopg
from psycopg import errors
from psycopg.types.json import Jsonb

from hub.core.decide import HELD, Outcome, conflicting, decide
from hub.core.decide.signing import reopened
from hub.core.directory import Directory
from hub.core.merkle import Frontier
from hub.core.policy import Policy
from hub.core.prepared import Prepared, Sealed
from hub.core.state import Seen, State
from hub.errors import Fenced, Halt, Retry
from hub.ledger import continuations, gather, sql, write
from hub.ledger.blockers import BlockerWatch
from hub.ledger.connect import connect
from hub.ledger.copyrows import INT4_OID, INT8_OID, Array, array, int4, int8
from hub.ledger.documents import projection_key

#: The connection was lost; or the server ended a transaction that a stopped process had left open; or it became a
#: replica. In each case a new connection finds out.
AWAY = (psycopg.OperationalError, errors.IdleInTransactionSessionTimeout, errors.ReadOnlySqlTransaction)
#: Two workers that write the same are done after one repetition; what collides so often in a row is no such accident.
COLLISIONS = 25

#: Slices up to this many messages are written in a pipeline, larger ones by COPY.
SMALL = 100


class Move(msgspec.Struct, frozen=True):
    """One partition's offset moving: from what this consumer remembers to behind the last record of the slice."""

    partition_id: int
    epoch: int
    remembered: int
    next: int


class Recorded(msgspec.Struct):
    """What a slice came to. `held`: partition row id → first offset of a paused agency that was left alone."""

    outcomes: list[Outcome]
    held: dict[int, int]
    size: int
    under_lock_s: float


class Ledger:
    """Writes slices of prepared messages. One connection, one thread at a time."""

    def __init__(self, url: str, policy: Policy, *, name: str = "hub-consumer", blocker_after_s: float = 5.0) -> None:
        self._url, self._policy, self._name = url, policy, name
        self._key = projection_key(policy.keys)
        self._connection: psycopg.Connection[Any] | None = None
        self._watch = BlockerWatch(url, blocker_after_s)
        self._directory: tuple[int, Directory] = (-1, Directory())
        self._collisions = 0

    def close(self) -> None:
        """Close the connection and stop watching."""
        self._watch.close()
        self.forget()

    def forget(self) -> None:
        """Drop the connection; the next use makes a new one."""
        self._directory = (-1, Directory())
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """The writing connection, made when needed. Raises `Retry` while PostgreSQL is away."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, name=self._name, autocommit=False)
            self._connection.execute(sql.BY_INDEX)
            self._connection.commit()
        return self._connection

    def record(self, batch: Sequence[Prepared], places: Sequence[int], moves: Sequence[Move]) -> Recorded:
        """Decide and write one slice. `places`: the partition row id of each message.

        Raises `Fenced` when a partition is another's now, `Retry` when PostgreSQL is away, `Halt` when it calls our
        data wrong. In each case nothing was written.
        """
        try:
            return self._record(batch, places, moves)
        except (errors.DataError, errors.ProgrammingError) as error:
            self.forget()
            raise Halt(f"PostgreSQL calls our own data wrong: {type(error).__name__}") from error
        except (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure) as error:
            # The same new message reached two workers at once: after the other's commit this one is a repeat.
            self.forget()
            self._collisions += 1
            if self._collisions > COLLISIONS:
                raise Halt(
                    f"what is to be written is there already, under another name: {type(error).__name__}"
                ) from error
            raise Retry(f"written by another at the same time ({type(error).__name__})") from error
        except AWAY as error:
            self.forget()
            raise Retry(f"PostgreSQL went away ({type(error).__name__})") from error
        except (Fenced, Halt):
            self.forget()
            raise

    def next_page(self, after: int) -> tuple[int, bytes, str] | None:
        """The next page of work a decision left, at or behind a cursor. Raises `Retry` when PostgreSQL is away."""
        try:
            found = continuations.next_page(self.connection, after)
            self.connection.rollback()
        except AWAY as error:
            self.forget()
            raise Retry(f"PostgreSQL went away ({type(error).__name__})") from error
        return found

    def _record(self, batch: Sequence[Prepared], places: Sequence[int], moves: Sequence[Move]) -> Recorded:
        recorded = self._attempt(batch, places, moves)
        if recorded.held:
            # A paused agency's messages stay on their topic. Decided again without them: nothing else changes.
            # Nor does anything behind them on their partition: it will be read again, and one place has one verdict.
            first = [recorded.held.get(p) for p in places]
            kept = [i for i, m in enumerate(batch) if (at := first[i]) is None or m.arrival.offset < at]
            shorter = [msgspec.structs.replace(m, next=recorded.held.get(m.partition_id, m.next)) for m in moves]
            held = recorded.held
            recorded = self._attempt([batch[i] for i in kept], [places[i] for i in kept], shorter)
            recorded.held = held
        self.connection.commit()
        self._collisions = 0
        return recorded

    def _attempt(self, batch: Sequence[Prepared], places: Sequence[int], moves: Sequence[Move]) -> Recorded:
        connection = self.connection
        with self._watch.over(connection.info.backend_pid):
            seen = self._move(connection, moves, batch)
            with _in_one_go(connection, batch):
                write.copy_bodies(connection, _fresh(batch, seen, self._policy))
                connection.execute(sql.LOCK_HEAD)
        started = time.perf_counter()
        recorded = self._decide(connection, batch, places, seen)
        recorded.under_lock_s = time.perf_counter() - started
        return recorded

    def _move(
        self, connection: psycopg.Connection[Any], moves: Sequence[Move], batch: Sequence[Prepared]
    ) -> dict[bytes, Seen]:
        """(a) compare-and-set every partition row; one that does not answer belongs to another. Then what was seen."""
        with connection.pipeline():
            done = connection.execute(sql.MOVE, _columns(moves))
            seen = _seen(connection, batch, self._policy)
        if done.rowcount != len(moves):
            places = sorted(m.partition_id for m in moves)
            raise Fenced(f"one of the partition rows {places} is another's, or was moved already")
        return seen

    def _decide(
        self,
        connection: psycopg.Connection[Any],
        batch: Sequence[Prepared],
        places: Sequence[int],
        seen: dict[bytes, Seen],
    ) -> Recorded:
        state = State()
        # Asked before the lock: what another worker wrote in between violates `messages_first`, and we begin again.
        state.seen = seen
        with connection.pipeline():  # statements of their own, one way there and back
            head_row = connection.execute(sql.READ_HEAD)
            new = [m for m in batch if reopened(m, seen, self._policy).cause not in seen]
            gather.load(connection, new, state, self._policy, self._key)
        frontier, head = self._head(connection, head_row.fetchone(), state)
        known = set(state.cases)
        outcomes = [decide(state, m, self._policy) for m in batch]
        held = _held(batch, outcomes, places)
        if held:
            connection.rollback()
            self._directory = (-1, Directory())
        else:
            self._write(connection, state, frontier, head, list(zip(places, batch, outcomes, strict=True)), known)
        return Recorded(outcomes, held, state.size, 0.0)

    def _head(
        self, connection: psycopg.Connection[Any], row: tuple[Any, ...] | None, state: State
    ) -> tuple[Frontier, int]:
        """Where the ledger stands, into the state."""
        if row is None:
            raise Halt("the ledger has no head: run `hub up`")
        size, frontier, heard, version, refusals = row
        if self._directory[0] != version:
            self._directory = (version, gather.directory(connection))
        state.directory = self._directory[1]
        state.size, state.known_size, state.heard = size, size, heard
        state.refusals = refusals
        return Frontier.from_bytes(frontier), version

    def _write(
        self,
        connection: psycopg.Connection[Any],
        state: State,
        frontier: Frontier,
        version: int,
        rows: list[tuple[int, Prepared, Outcome]],
        known: set[str],
    ) -> None:
        outcomes = [o for _, _, o in rows]
        late = [b for o in outcomes for b in o.bodies if b.cls == "matching"]
        with _in_one_go(connection, rows):
            write.copy_bodies(connection, late)
            write.entries(connection, outcomes, frontier)
            write.messages(connection, rows)
            continuations.write(connection, rows)
            write.additions(connection, state, known, {m.record: m for _, m, _ in rows if m.record}, self._key)
        write.unlinked(connection, state, self._policy.keys)
        with connection.pipeline():
            write.changes(connection, state, known, self._key)
            self._raise_head(connection, state, frontier, version)

    def _raise_head(self, connection: psycopg.Connection[Any], state: State, frontier: Frontier, version: int) -> None:
        if state.changed_agencies:
            version += 1
            # The shared directory was changed in memory; on a rollback it must be read again.
            self._directory = (-1, self._directory[1])
        refusals = Jsonb(state.refusals)
        connection.execute(sql.RAISE_HEAD, (state.size, frontier.to_bytes(), state.heard, version, refusals))
        if frontier.size != state.size:
            raise Halt(f"the tree has {frontier.size} leaves, the state counted {state.size}")


def _in_one_go(connection: psycopg.Connection[Any], slice_: Sequence[object]) -> AbstractContextManager[object]:
    """A pipeline for a small slice: at a trickle, ways there and back are what a transaction costs."""
    return connection.pipeline() if len(slice_) <= SMALL else nullcontext()


def _columns(moves: Sequence[Move]) -> list[Array]:
    """The moves as arrays: ids, epochs, remembered offsets, next offsets."""
    eights = ([m.epoch for m in moves], [m.remembered for m in moves], [m.next for m in moves])
    ids = array(INT4_OID, [int4(m.partition_id) for m in moves])
    return [ids, *(array(INT8_OID, [int8(v) for v in values]) for values in eights)]


def _seen(connection: psycopg.Connection[Any], batch: Sequence[Prepared], policy: Policy) -> dict[bytes, Seen]:
    """Earlier verdicts on the batch's causes, on those of signed copies and of conflicting repeats (other data)."""
    seen = gather.seen(connection, {m.cause for m in batch})
    signed = _signed(batch, seen, policy)
    if signed:
        seen |= gather.seen(connection, {m.cause for m in signed})
    meant = (*batch, *signed)
    conflicts = {conflicting(m, policy).cause for m in meant if m.cause in seen and _differs(m, seen)}
    return seen | gather.seen(connection, conflicts) if conflicts else seen


def _signed(batch: Sequence[Prepared], seen: dict[bytes, Seen], policy: Policy) -> list[Prepared]:
    """Signed copies of what was refused unsigned, as they are decided if their key is the agency's.

    Whether it is, is known under the lock: until then each counts twice, as it came and like this.
    """
    return [now for m in batch if m.signature.kid and (now := reopened(m, seen, policy)) is not m]


def _differs(message: Prepared, seen: dict[bytes, Seen]) -> bool:
    return seen[message.cause].data_digest != message.data_digest


def _fresh(batch: Sequence[Prepared], early: dict[bytes, Seen], policy: Policy) -> list[Sealed]:
    """Bodies of messages not seen before: those of a repeat are in the vault already."""
    written: dict[str, Sealed] = {}
    for message in (*batch, *_signed(batch, early, policy)):
        if message.cause not in early:
            bodies = write.early_bodies(message)
        elif _differs(message, early) and conflicting(message, policy).cause not in early:
            bodies = [message.raw]
        else:
            continue
        for body in bodies:
            written.setdefault(body.key_id + body.cls, body)
    return list(written.values())


def _held(batch: Sequence[Prepared], outcomes: Sequence[Outcome], places: Sequence[int]) -> dict[int, int]:
    held: dict[int, int] = {}
    for message, outcome, place in zip(batch, outcomes, places, strict=True):
        if outcome.verdict == HELD:
            held.setdefault(place, message.arrival.offset)
    return held
