"""A ledger filled through the live path (claim, prepare, one transaction a slice) without Kafka, and its server."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from hub.core.merkle import Frontier
from hub.core.note import SigningKey
from hub.core.prepare import prepare
from hub.core.prepared import Arrival
from hub.core.sealing import unwrap
from hub.ledger.continuations import CONTINUATIONS, next_page
from hub.ledger.cursors import Claim, Cursors
from hub.ledger.documents import open_edges
from hub.ledger.leaves import Leaves
from hub.ledger.migrate import migrate
from hub.ledger.transaction import Ledger, Move
from hub.producers.checkpoints import Published, Source
from hub.producers.signer import FileStore, Signer
from infra.local import postgres, process
from tests.core.decide.world import World, data_key, policy

ORIGIN = "ieum.hub/test"
LOG_KEY = SigningKey(ORIGIN, b"s" * 32)
#: What a history is made of: where it came in, when the broker heard it, its bytes.
Step = tuple[str, str, bytes]


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A PostgreSQL of our own; yields its address."""
    made = postgres.Postgres(folder, process.port(), "audit-test")
    postgres.prepare(made)
    running = postgres.launch(made, deathsig=True)
    try:
        postgres.wait(made, running)
        yield made.url
    finally:
        postgres.stop(running)


class Filled:
    """One ledger in a database of its own."""

    def __init__(self, server_url: str, name: str, data_keys: Callable[[str], bytes] = data_key) -> None:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        self.url = server_url.rpartition("/")[0] + f"/{name}"
        migrate(self.url, empty_frontier=Frontier().to_bytes(), epoch="e", origin=ORIGIN)
        self.policy, self.data_keys = policy(), data_keys
        self.ledger = Ledger(self.url, self.policy)
        self.cursors = Cursors(self.url, "cluster")
        self.claims: dict[str, Claim] = {}
        self.offsets: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()

    def close(self) -> None:
        self.ledger.close()

    def write(self, steps: Iterable[Step], chance: random.Random, largest: int = 60) -> None:
        """Write steps in order, in slices of any size; pages that ticks leave are written behind them."""
        waiting = list(steps)
        while waiting:
            size = chance.randint(1, largest)
            part, waiting = waiting[:size], waiting[size:]
            self._slice([self._arrival(*step) for step in part])
            while self.page():
                pass

    def page(self) -> bool:
        """Decide one continuation; False when none waits."""
        claim = self._claim(CONTINUATIONS)
        found = next_page(self.ledger.connection, claim.next)
        self.ledger.connection.rollback()
        if found is not None:
            self._slice([Arrival(CONTINUATIONS, 0, found[0], found[2], found[1])])
        return found is not None

    def _arrival(self, topic: str, heard: str, value: bytes) -> Arrival:
        self.offsets[topic] += 1
        return Arrival(topic, 0, self.offsets[topic] - 1, heard, value)

    def _slice(self, arrivals: list[Arrival]) -> None:
        batch = [prepare(a, self.policy, self.data_keys) for a in arrivals]
        last = {a.topic: a.offset + 1 for a in arrivals}
        claims = {topic: self._claim(topic) for topic in last}
        moves = [Move(c.partition_id, c.epoch, c.next, last[t]) for t, c in claims.items()]
        recorded = self.ledger.record(batch, [claims[a.topic].partition_id for a in arrivals], moves)
        for topic, claim in claims.items():
            claim.next = recorded.held.get(claim.partition_id, last[topic])
        self.verdicts.update(o.verdict for o in recorded.outcomes)

    def _claim(self, topic: str) -> Claim:
        if topic not in self.claims:
            self.claims[topic] = self.cursors.claim([(topic, f"id-{topic}", 0)])[topic, 0]
        return self.claims[topic]

    def sign(self, folder: Path) -> None:
        """A checkpoint of what is there now."""
        leaves = Leaves(self.url)
        own = FileStore(folder / f"own-{self.url.rpartition('/')[2]}")
        Signer(LOG_KEY, Source(leaves), Published(leaves), own).sign_once()
        assert leaves._open
        leaves._open.close()

    def entries(self) -> list[bytes]:
        with psycopg.connect(self.url) as connection:
            return [row[0] for row in connection.execute("SELECT entry FROM entries ORDER BY position", binary=True)]

    def links(self) -> dict[str, dict[str, int]]:
        """What each record is linked to, and how strongly, as stored."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("SELECT id::text, wrapped, edges FROM records").fetchall()
        return {id_: open_edges(unwrap(self.policy.keys.kek, key, id_), id_, edges).edges for id_, key, edges in rows}

    def orphans(self) -> int:
        """Records of a component that is not called after one of its own: by its name it would not be found whole."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM records r LEFT JOIN records n ON n.id = r.component AND n.component = n.id "
                "WHERE n.id IS NULL"
            ).fetchone()
        assert row is not None
        return int(row[0])

    def harm(self, statement: str, *values: Any) -> None:
        """What somebody with the owner's password could do."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode(), values)


def steps_of(world: World) -> list[Step]:
    """A lived history as steps to write."""
    return [(a.topic, a.heard, a.value) for a, _ in world.arrivals]


def step(topic: str, heard: str, message: dict[str, Any]) -> Step:
    return topic, heard, json.dumps(message).encode()
