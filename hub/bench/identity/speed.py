"""How fast the matcher is with its candidates in PostgreSQL: fresh mentions in batches, one after another.

What is timed is what happens under the head lock and belongs to the matcher: the hub's own statement, the sealed
documents opened, `identify` for each record, its answer into the state. Normalizing, features, keys and sealing are
done before, as the hub does them before the lock; writing the answers and the commit come after. `whole` is the rate
with all of that, in one process. Every batch is written and committed before the next one reads.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import psutil
import psycopg

from hub.app import policy
from hub.bench.identity.population import Arriving, Population
from hub.bench.identity.stored import AT, data_key
from hub.bench.report import Spread
from hub.core.identity.identify import Identified, identify
from hub.core.identity.partition import Pair, Record, pair
from hub.core.policy import Policy
from hub.core.prepared import Arrival, Prepared, Sealed
from hub.core.sealing import person_id, wrap
from hub.core.state import Filed, State
from hub.ledger import gather, sql, write
from hub.ledger.connect import connect
from hub.ledger.documents import projection_key, seal_features
from hub.schemas.canonical import Refusal
from hub.settings import Settings

BATCHES: Final = (500, 2_000)
_LINKED: Final = """
SELECT r.id::text, p.id::text FROM records r JOIN records p ON p.person = r.person
WHERE r.id = ANY(%s::uuid[]) AND p.seq <= %s
"""
Say = Callable[[str], None]


class Speed(msgspec.Struct, frozen=True):
    """Records a second at one batch size. reading_us, deciding_us: each record's share of the lock.

    others_cores: what took the machine meanwhile that is neither this process nor its PostgreSQL backend.
    """

    people: int
    batch: int
    rate: Spread
    whole: Spread
    reading_us: float
    deciding_us: float
    others_cores: float
    candidates: float
    linked: float


class Taken(msgspec.Struct):
    """What one round took, in seconds, and what it found."""

    records: int = 0
    prepared: float = 0.0
    read: float = 0.0
    decided: float = 0.0
    written: float = 0.0
    others: float = 0.0
    candidates: int = 0
    linked: int = 0

    @property
    def rate(self) -> float:
        """Records a second under the lock."""
        return self.records / (self.read + self.decided)

    @property
    def inside(self) -> float:
        """Seconds of reading, deciding and writing."""
        return self.read + self.decided + self.written

    @property
    def whole(self) -> float:
        """Records a second, everything in one process."""
        return self.records / (self.prepared + self.inside)


class Matcher:
    """One connection to a filled register, used as a worker of the hub uses it."""

    def __init__(self, settings: Settings, people: int, seed: int) -> None:
        self.policy = policy(settings)
        self.population = Population(people, self.policy, seed)
        self._key = projection_key(self.policy.keys)
        self._connection = connect(settings.database_url, name="hub-bench", autocommit=False)
        self._connection.execute(sql.BY_INDEX)
        self._connection.commit()
        self._backend = psutil.Process(self._connection.info.backend_pid)
        self._seq = self.population.total * 2

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def linked(self, ids: Sequence[str]) -> set[Pair]:
        """Pairs of these records and of records of the register that are one person now."""
        rows = self._connection.execute(_LINKED, (list(ids), self.population.total))
        found = {pair(mine, other) for mine, other in rows}
        self._connection.rollback()
        return found

    def drain(self, batch: int, count: int, part: object) -> Taken:
        """Match and write that many fresh mentions in batches; what it took."""
        taken = Taken()
        began = time.perf_counter()
        arriving = self.population.fresh(count, part)
        prepared = {each.id: _prepared(each, self.policy) for each in arriving}
        taken.prepared = time.perf_counter() - began
        before = self._others()
        for first in range(0, count, batch):
            self._batch([prepared[each.id] for each in arriving[first : first + batch]], taken)
        taken.others = self._others() - before
        return taken

    def _others(self) -> float:
        """Seconds of processor time so far that others took."""
        whole, own, backend = psutil.cpu_times(), psutil.Process().cpu_times(), self._backend.cpu_times()
        idle = whole.idle + getattr(whole, "iowait", 0.0)
        return float(sum(whole) - idle - own.user - own.system - backend.user - backend.system)

    def _batch(self, batch: Sequence[Prepared], taken: Taken) -> None:
        connection, state = self._connection, State()
        connection.execute("SELECT 1")  # the transaction begins, as its offsets were moved before the lock
        began = time.perf_counter()
        connection.execute(sql.LOCK_HEAD)
        gather.candidates(connection, batch, state, self.policy)
        read = time.perf_counter()
        answers = [self._decide(state, message) for message in batch]
        decided = time.perf_counter()
        _write(connection, state, batch, self._key)
        connection.commit()
        taken.records += len(batch)
        taken.read += read - began
        taken.decided += decided - read
        taken.written += time.perf_counter() - decided
        taken.candidates += sum(len(found.edges) for found in answers)
        taken.linked += sum(found.how == "auto" for found in answers)

    def _decide(self, state: State, message: Prepared) -> Identified:
        assert message.features is not None  # noqa: S101 - `_prepared` sets them
        found = identify(
            state, message.record, message.features, message.keys, self.policy.model, person_id, message.scores
        )
        self._seq += 1
        _settle(state, message, found, self._seq)
        return found


@contextmanager
def as_a_worker() -> Iterator[None]:
    """The collector set as a worker of the hub sets it: what was loaded stays, and is not looked at again."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def measure(matcher: Matcher, rounds: int, count: int, say: Say) -> list[Speed]:
    """Rates by batch size: a warm-up, then rounds of `count` mentions in turn, so no size has the warmer disk."""
    people = matcher.population.registered
    matcher.drain(BATCHES[0], count, "warm")
    taken: dict[int, list[Taken]] = {batch: [] for batch in BATCHES}
    for n in range(rounds):
        for batch in BATCHES:
            taken[batch].append(matcher.drain(batch, count, f"{batch}/{n}"))
            say(f"speed: {people:,} people, batch {batch:,}: {taken[batch][-1].rate:,.0f} records/s")
    return [_speed(people, batch, some) for batch, some in taken.items()]


def _speed(people: int, batch: int, rounds: Sequence[Taken]) -> Speed:
    records = sum(each.records for each in rounds)
    return Speed(
        people=people,
        batch=batch,
        rate=Spread.of([each.rate for each in rounds]),
        whole=Spread.of([each.whole for each in rounds]),
        reading_us=round(1e6 * sum(each.read for each in rounds) / records, 1),
        deciding_us=round(1e6 * sum(each.decided for each in rounds) / records, 1),
        others_cores=round(sum(each.others for each in rounds) / sum(each.inside for each in rounds), 2),
        candidates=round(sum(each.candidates for each in rounds) / records, 2),
        linked=round(sum(each.linked for each in rounds) / records, 3),
    )


def _prepared(each: Arriving, rules: Policy) -> Prepared:
    """The message as far as the matcher reads it. It names no dwelling and no number: households are not measured."""
    key = data_key(each.id)
    sealed = Sealed(each.id, "identity", wrap(rules.keys.kek, key, each.id), b"", "")
    return Prepared(
        arrival=Arrival("", 0, 0, AT, b""),
        agency="",
        source="",
        message_id=each.id,
        type="",
        cause=b"",
        data_digest=b"",
        content=Refusal(()),
        raw=sealed,
        data_key=key,
        record=each.id,
        features=each.features,
        keys=each.keys,
        features_sealed=seal_features(key, each.id, each.features, each.keys),
        identity=sealed,
    )


def _settle(state: State, message: Prepared, found: Identified, seq: int) -> None:
    """The answer into the state, as `hub.core.apply` puts the entries it becomes."""
    assert message.features is not None  # noqa: S101 - `_prepared` sets them
    for absorbed in found.absorbed:
        _unite(state, absorbed, found.component)
    for id_, person in found.persons.items():
        if id_ != message.record:
            state.persons[state.records[id_].person].remove(id_)
            state.records[id_].person = person
            state.persons.setdefault(person, []).append(id_)
            state.changed_records.add(id_)
    record = Record(
        message.record, message.features, found.component, found.person, seq, found.edges, found.guards, message.keys
    )
    state.add_record(record, Filed(case=message.record, unit=None, at=AT))
    state.new_records.append(record.id)


def _unite(state: State, absorbed: str, component: str) -> None:
    moved = state.components.pop(absorbed, [])
    for id_ in moved:
        state.records[id_].component = component
        state.changed_records.add(id_)
    state.components.setdefault(component, []).extend(moved)


def _write(connection: psycopg.Connection[Any], state: State, batch: Sequence[Prepared], key: bytes) -> None:
    messages: Mapping[str, Prepared] = {message.record: message for message in batch}
    write.additions(connection, state, set(), dict(messages), key)
    with connection.pipeline():
        write.changes(connection, state, set(), key)
