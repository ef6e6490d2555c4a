"""Candidates read in parts are those read at once, with the scores they would get later; errors end the reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from hub.app import policy
from hub.bench.identity import speed, stored
from hub.bench.identity.population import Population
from hub.core.identity.identify import identify
from hub.core.policy import Policy
from hub.core.prepared import Prepared
from hub.core.sealing import person_id
from hub.core.state import State
from hub.ledger import gather, parts
from hub.ledger.connect import connect
from hub.ledger.copyrows import INT8_OID, Array, array, int8
from hub.settings import Settings

PEOPLE = 2_000
Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with stored.database(tmp_path_factory.mktemp("candidates")) as made:
        stored.fill(made, PEOPLE, 1, 1, lambda _: None)
        yield made


@pytest.fixture(scope="module")
def rules(settings: Settings) -> Policy:
    return policy(settings)


@pytest.fixture
def connection(settings: Settings) -> Iterator[Connection]:
    with connect(settings.database_url, name="test", autocommit=False) as made:
        yield made


def batch(rules: Policy, count: int = 300) -> list[Prepared]:
    return [speed._prepared(one, rules) for one in Population(PEOPLE, rules, 1).fresh(count, "candidates")]


def read(connection: Connection, messages: list[Prepared], rules: Policy) -> tuple[State, set[str]]:
    state = State()
    return state, gather.candidates(connection, messages, state, rules)


def seen(state: State, messages: list[Prepared]) -> list[Any]:
    """What decisions can ask of a state, in no order."""
    found = [set(state.candidates(m.keys)) for m in messages]
    return [state.records, state.filed, {c: set(ids) for c, ids in state.components.items()}, found]


@pytest.mark.parametrize("size", [1, 7, 100, 299])
def test_parts_read_what_one_statement_reads(
    connection: Connection, rules: Policy, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    messages = batch(rules)
    monkeypatch.setattr(gather, "PART", len(messages))
    at_once, cases = read(connection, messages, rules)
    scores = [m.scores for m in messages]
    monkeypatch.setattr(gather, "PART", size)
    in_parts, same_cases = read(connection, messages, rules)
    assert seen(in_parts, messages) == seen(at_once, messages)
    assert same_cases == cases
    assert [m.scores for m in messages] == scores
    assert any(scores)


def test_a_score_made_early_changes_no_decision(connection: Connection, rules: Policy) -> None:
    messages = batch(rules)
    state, _ = read(connection, messages, rules)
    for m in messages:
        assert m.features is not None
        asked = (state, m.record, m.features, m.keys, rules.model, person_id)
        assert identify(*asked, m.scores) == identify(*asked)


def test_candidates_can_be_read_inside_a_pipeline(connection: Connection, rules: Policy) -> None:
    messages = batch(rules)
    with connection.pipeline():
        before = connection.execute("SELECT 'before'")
        state, _ = read(connection, messages, rules)
        after = connection.execute("SELECT 'after'")
        assert before.fetchone() == ("before",)
        assert after.fetchone() == ("after",)
    assert state.records


def test_a_batch_without_keys_asks_nothing(connection: Connection, rules: Policy) -> None:
    messages = batch(rules, 3)
    for message in messages:
        message.keys = ()
    assert read(connection, messages, rules)[1] == set()


def numbers(*values: int) -> Array:
    return array(INT8_OID, [int8(value) for value in values])


def test_rows_come_by_argument_in_order(connection: Connection) -> None:
    asked = [numbers(3, 1), numbers(), numbers(2)]
    with connection.pipeline():
        found = list(parts.rows(connection, "SELECT unnest(%s::bigint[])", asked))
    assert found == [[(3,), (1,)], [], [(2,)]]


def test_more_than_the_wire_holds_is_sent_and_read(connection: Connection) -> None:
    """Neither side waits for the other while both have much to say."""
    asked = [numbers(*range(20_000))] * 40
    statement = "SELECT n, repeat('x', 200) FROM unnest(%s::bigint[]) AS n"
    with connection.pipeline():
        assert [len(rows) for rows in parts.rows(connection, statement, asked)] == [20_000] * 40


def test_an_error_is_raised_as_psycopg_raises_it(settings: Settings) -> None:
    connection = connect(settings.database_url, name="test", autocommit=False)
    with pytest.raises(psycopg.errors.DivisionByZero), connection.pipeline():
        list(parts.rows(connection, "SELECT 1 / n FROM unnest(%s::bigint[]) AS n", [numbers(1), numbers(0)]))
    connection.close()


def test_a_server_that_goes_away_is_an_operational_error(settings: Settings) -> None:
    connection = connect(settings.database_url, name="test", autocommit=False, owner=True)
    statement = "SELECT pg_terminate_backend(pg_backend_pid()), n FROM unnest(%s::bigint[]) AS n"
    with pytest.raises(psycopg.OperationalError), connection.pipeline():
        list(parts.rows(connection, statement, [numbers(1), numbers(2)]))
    connection.close()
