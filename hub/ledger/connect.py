"""Connections to PostgreSQL: how they are made, under which role, with which guards. Owns no statement about data."""

from __future__ import annotations

from typing import Any

import psycopg

from hub.errors import Retry
from hub.ledger.copyrows import register

#: Role of everything that runs: it cannot change or remove an entry.
APP_ROLE = "hub_app"
#: plan cache: a generic plan cached while a table was empty made runs collapse. Timeouts are in milliseconds.
SETTINGS = (
    "SET plan_cache_mode = force_custom_plan; SET synchronous_commit = on; SET jit = off;"
    "SET idle_in_transaction_session_timeout = 60000; SET lock_timeout = 0; SET client_min_messages = warning;"
)
KEEPALIVE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}


def connect(url: str, *, name: str, owner: bool = False, autocommit: bool = True) -> psycopg.Connection[Any]:
    """Open a connection. `owner` keeps the login role (migrations, ending a blocker); else the role is hub_app.

    Raises `Retry` when the server does not answer.
    """
    try:
        connection = psycopg.connect(url, application_name=name, autocommit=autocommit, **KEEPALIVE)
        with connection.cursor() as cursor:
            cursor.execute(SETTINGS if owner else SETTINGS + f"SET ROLE {APP_ROLE}")
        if not autocommit:
            connection.commit()
    except psycopg.OperationalError as error:
        raise Retry(f"PostgreSQL does not answer ({type(error).__name__})") from error
    connection.prepare_threshold = 1
    register(connection)
    return connection
