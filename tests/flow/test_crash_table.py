"""The crash table of architecture.md, one test a cell (the webhook's are in its own tests), on real servers.

Every cell ends with the proofs, `verify` and `replay`. Processes end themselves by SIGKILL at the exact point
(`crashing.py`); what cannot be hit from outside, an answer lost on the way, runs inside the test.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count

import orjson
import psycopg
import pytest
from confluent_kafka import KafkaError, Message, Producer

from hub.app import make_broker, policy
from hub.consumers.batch import BatchConsumer, random_keys
from hub.consumers.subscriber import subscribe
from hub.core.prepared import Prepared
from hub.errors import Retry
from hub.ledger.cursors import Cursors
from hub.ledger.transaction import Ledger, Move, Recorded
from hub.schemas.topics import INTAKE_PATTERN, inbound
from tests.flow import people
from tests.flow.people import refer, referral
from tests.flow.proof import Proof, fed, prove
from tests.flow.site import Site

MANY = 60
_next = count(0, MANY)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Accounts; no process runs between the tests."""
    with people.town(tmp_path_factory.mktemp("town")) as site:
        yield site


@pytest.fixture
def persons() -> range:
    """People no other test refers."""
    first = next(_next)
    return range(first, first + MANY)


def crash(site: Site, point: str, role: str) -> None:
    """Run a process until it dies at its point."""
    usual, site.program = site.program, ("-m", "tests.flow.crashing", point)
    site.start(role)
    site.program = usual
    assert site.processes.pop(role).wait(60) == -signal.SIGKILL, site.tail()


def proven(site: Site, *roles: str) -> Proof:
    """Start what is missing, let everything be decided and relayed, and prove it."""
    missing = [r for r in (*roles, "consumer 0", "relay") if r not in site.processes]
    site.start(*missing)
    site.settle()
    site.until(site.relayed, 60, "all relayed")
    proof = prove(site)
    site.stop()
    return proof


def verdicts(site: Site, persons: range) -> list[str]:
    """Of the referrals of these persons, in the order they were decided."""
    keys = {(t, p, o) for t, p, o, key in site.acknowledged if key in {f"p{n}" for n in persons}}
    rows = site.sql(
        "SELECT p.topic, p.partition, m.record_offset, m.verdict "
        "FROM messages m JOIN partitions p ON p.id = m.partition_id ORDER BY m.position"
    )
    return [row[3] for row in rows if row[:3] in keys]


# ------------------------------------------------------------------ connector publish
def test_a_publish_that_failed_is_sent_again_and_recorded_once(town: Site, persons: range) -> None:
    town.servers.kill_kafka()
    lost = Producer(town.client(**{"message.timeout.ms": 1500}))
    failures: list[KafkaError | None] = []

    def told(error: KafkaError | None, message: Message) -> None:
        del message
        failures.append(error)

    for n in persons:
        lost.produce(inbound("alpha"), orjson.dumps(referral("alpha", n)), on_delivery=told)
    lost.flush(20)
    assert len(failures) == MANY
    assert all(failures)
    town.servers.start_kafka()
    town.publish(inbound("alpha"), [referral("alpha", n) for n in persons])
    proven(town)
    assert verdicts(town, persons) == ["recorded"] * MANY


def test_a_publish_done_twice_is_seen_once(town: Site, persons: range) -> None:
    for _ in range(2):
        refer(town, persons)
    before = town.one("SELECT size FROM head")
    proof = proven(town)
    assert sorted(verdicts(town, persons)) == ["recorded"] * MANY + ["seen"] * MANY
    assert proof.entries == before + 2 * MANY


# ------------------------------------------------------------------ ledger commit
def test_a_process_that_dies_before_the_commit_leaves_nothing(town: Site, persons: range) -> None:
    refer(town, persons)
    before = town.one("SELECT size FROM head")
    crash(town, "before-commit", "consumer 0")
    assert town.one("SELECT size FROM head") == before
    proven(town)
    assert verdicts(town, persons) == ["recorded"] * MANY


def test_a_process_that_dies_after_the_commit_is_not_repeated(town: Site, persons: range) -> None:
    refer(town, persons)
    before = town.one("SELECT size FROM head")
    crash(town, "after-commit", "consumer 0")
    assert town.one("SELECT size FROM head") > before
    proven(town)
    assert verdicts(town, persons) == ["recorded"] * MANY


class NotCommitted(Ledger):
    """The first commits fail: PostgreSQL goes away after everything was written."""

    left = 2

    def _attempt(self, batch: Sequence[Prepared], places: Sequence[int], moves: Sequence[Move]) -> Recorded:
        recorded = super()._attempt(batch, places, moves)
        if self.left:
            self.left -= 1
            self.connection.close()
            raise psycopg.OperationalError("the server went away")
        return recorded


class AnswerLost(Ledger):
    """The first commit is done, but its answer is lost."""

    left = 1

    def record(self, batch: Sequence[Prepared], places: Sequence[int], moves: Sequence[Move]) -> Recorded:
        recorded = super().record(batch, places, moves)
        if self.left:
            self.left -= 1
            self.forget()
            raise Retry("the answer was lost")
        return recorded


class Ended(Ledger):
    """The server ends the first transaction before its commit, as that of a blocker."""

    left = 1

    def _attempt(self, batch: Sequence[Prepared], places: Sequence[int], moves: Sequence[Move]) -> Recorded:
        recorded = super()._attempt(batch, places, moves)
        if self.left:
            self.left -= 1
            with psycopg.connect(self._url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", (self.connection.info.backend_pid,))
        return recorded


@contextlib.asynccontextmanager
async def consuming(site: Site, kind: type[Ledger]) -> AsyncIterator[BatchConsumer]:
    """A consumer in this process, with a ledger of our making."""
    bundle = policy(site.settings)
    cursors = Cursors(site.settings.database_url, site.administration.cluster_id())
    ledger = kind(site.settings.database_url, bundle)
    consumer = BatchConsumer(ledger, cursors, bundle, site.settings, site.administration.topic_ids, random_keys)
    broker = make_broker(site.settings, "inside")
    subscribe(broker, site.settings, consumer, pattern=INTAKE_PATTERN, group="hub", member="hub-0")
    failures: list[BaseException] = []
    consumer.stop = failures.append
    await broker.start()
    try:
        yield consumer
    finally:
        await consumer.close()
        await broker.stop()
    assert failures == []


@pytest.mark.parametrize("kind", [NotCommitted, AnswerLost, Ended])
async def test_a_commit_with_a_lost_answer_is_asked_about_and_never_repeated(
    town: Site, persons: range, kind: type[Ledger]
) -> None:
    refer(town, persons)
    async with consuming(town, kind) as consumer:
        async with asyncio.timeout(60):
            while not town.settled():  # noqa: ASYNC110 - the ledger has no event to wait for
                await asyncio.sleep(0.05)
        assert getattr(consumer.ledger, "left", 0) == 0
    proven(town)
    assert verdicts(town, persons) == ["recorded"] * MANY


# ------------------------------------------------------------------ relay
@pytest.mark.parametrize(
    ("point", "repeated"),
    [("before-publishing", False), ("half-published", True), ("before-cursor", True), ("after-cursor", False)],
)
def test_a_relay_that_dies_publishes_everything_and_repeats_it_unchanged(
    town: Site,
    persons: range,
    point: str,
    repeated: bool,  # noqa: FBT001 - a column of the table
) -> None:
    refer(town, persons)
    town.start("consumer 0")
    town.settle()
    repeats, _, _ = fed(town)
    crash(town, point, "relay")
    proof = proven(town)
    assert (proof.repeats > repeats) == repeated
