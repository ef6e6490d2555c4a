"""Accounts: a token opens for its agency alone, is nowhere in the database, and stops when it is taken back."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from hub.errors import Retry, Usage
from hub.ledger.accounts import Accounts, token_hash
from hub.ledger.connect import connect
from tests.flow.site import Site

PEPPER = b"p" * 32


@pytest.fixture
def accounts(site: Site) -> Iterator[Accounts]:
    with connect(site.settings.database_url, name="test") as connection:
        yield Accounts(connection, PEPPER)


def test_a_token_opens_for_its_agency_alone(accounts: Accounts) -> None:
    tokens = {code: accounts.issue(code, code[:1].encode() * 32) for code in ("jeil", "lh")}
    assert accounts.agency_of(tokens["jeil"]) == "jeil"
    assert accounts.agency_of(tokens["lh"]) == "lh"
    assert accounts.agency_of(tokens["lh"][:-1]) is None
    assert accounts.agency_of("") is None


def test_a_new_token_ends_the_one_before(accounts: Accounts) -> None:
    old, new = accounts.issue("jeil", b"1" * 32), accounts.issue("jeil", b"2" * 32)
    assert accounts.agency_of(old) is None
    assert accounts.agency_of(new) == "jeil"


def test_a_deactivated_account_is_nobody_until_it_has_a_new_token(accounts: Accounts) -> None:
    token = accounts.issue("jeil", b"3" * 32)
    accounts.deactivate("jeil")
    assert accounts.agency_of(token) is None
    assert accounts.listed()["jeil"] is False
    assert accounts.agency_of(accounts.issue("jeil", b"4" * 32)) == "jeil"


def test_deactivating_an_unknown_agency_is_a_usage_error(accounts: Accounts) -> None:
    with pytest.raises(Usage, match="nobody"):
        accounts.deactivate("nobody")


def test_a_token_with_too_little_chance_is_refused(accounts: Accounts) -> None:
    with pytest.raises(Usage, match="32 random bytes"):
        accounts.issue("jeil", b"short")


def test_neither_the_token_nor_an_unkeyed_hash_is_in_the_database(site: Site, accounts: Accounts) -> None:
    token = accounts.issue("jeil", b"5" * 32)
    stored = site.one("SELECT token_hash FROM accounts WHERE agency = 'jeil'")
    assert stored == token_hash(PEPPER, token)
    assert stored != token_hash(b"q" * 32, token)


def test_a_lost_connection_means_wait(site: Site) -> None:
    connection = connect(site.settings.database_url, name="test-lost")
    accounts = Accounts(connection, PEPPER)
    with psycopg.connect(site.settings.database_url) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
    with pytest.raises(Retry):
        accounts.agency_of("anything")
    connection.close()
