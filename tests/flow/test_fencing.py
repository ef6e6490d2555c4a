"""A claim ends where a higher epoch begins, and offsets move only from what is remembered: on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import orjson
import psycopg
import pytest

from hub.core.prepare import prepare
from hub.core.prepared import Arrival, Prepared
from hub.errors import Fenced, Halt
from hub.ledger.cursors import Claim
from hub.ledger.transaction import Move
from hub.schemas.topics import inbound
from tests.audit.filled import Filled, server
from tests.flow.people import referral

TOPIC, TOPIC_ID = inbound("alpha"), "the topic"
HEARD = "2026-11-22T01:00:00.000Z"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(tmp_path_factory.mktemp("fencing") / "pg") as made:
        yield made


@pytest.fixture
def ledger(url: str, request: pytest.FixtureRequest) -> Iterator[Filled]:
    made = Filled(url, f"fencing{abs(hash(request.node.name))}")
    yield made
    made.close()


def claim(ledger: Filled) -> Claim:
    return ledger.cursors.claim([(TOPIC, TOPIC_ID, 0)])[TOPIC, 0]


def message(ledger: Filled, offset: int) -> Prepared:
    value = orjson.dumps(referral("alpha", offset))
    return prepare(Arrival(TOPIC, 0, offset, HEARD, value), ledger.policy, ledger.data_keys)


def decide(ledger: Filled, held: Claim, offset: int) -> None:
    ledger.ledger.record(
        [message(ledger, offset)], [held.partition_id], [Move(held.partition_id, held.epoch, held.next, offset + 1)]
    )


def test_a_stale_claim_decides_nothing_even_where_nobody_moved_since(ledger: Filled) -> None:
    stale = claim(ledger)
    current = claim(ledger)
    assert (current.epoch, current.next) == (stale.epoch + 1, stale.next)
    with pytest.raises(Fenced):
        decide(ledger, stale, 0)
    assert ledger.entries() == []
    decide(ledger, current, 0)
    assert len(ledger.entries()) == 1


def test_a_place_that_was_decided_is_not_decided_again_under_the_same_claim(ledger: Filled) -> None:
    held = claim(ledger)
    decide(ledger, held, 0)
    with pytest.raises(Fenced):
        decide(ledger, held, 0)
    assert len(ledger.entries()) == 1


def test_offsets_may_have_gaps_and_a_slice_may_begin_behind_one(ledger: Filled) -> None:
    held = claim(ledger)
    decide(ledger, held, 7)
    assert claim(ledger).next == 8


def test_a_claim_waits_for_the_open_transaction_of_the_claim_before(ledger: Filled) -> None:
    stale = claim(ledger)
    claimed = threading.Event()
    with psycopg.connect(ledger.url) as zombie:
        zombie.execute("UPDATE partitions SET next_offset = 5 WHERE id = %s", (stale.partition_id,))
        found: list[Claim] = []
        thread = threading.Thread(target=lambda: (found.append(claim(ledger)), claimed.set()))
        thread.start()
        assert not claimed.wait(0.3)
        zombie.commit()
    thread.join(10)
    assert [c.next for c in found] == [5]


def test_a_topic_that_was_made_again_is_refused(ledger: Filled) -> None:
    claim(ledger)
    with pytest.raises(Halt, match="made again"):
        ledger.cursors.claim([(TOPIC, "another topic of that name", 0)])
