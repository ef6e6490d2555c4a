"""Brings a database to this release's tables, and makes its one head row. Owns migrations and roles."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from hub.ledger.connect import connect

FOLDER = Path(__file__).parent / "migrations"
HEAD = """
INSERT INTO head (id, size, frontier, heard, epoch, origin, directory_version, refusals)
VALUES (1, 0, %s, '', %s, %s, 0, '{}') ON CONFLICT (id) DO NOTHING
"""


def sqlalchemy_url(url: str) -> str:
    """The same address for SQLAlchemy: it wants the driver in the scheme."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in {"postgresql", "postgres"} else url


def migrate(url: str, *, empty_frontier: bytes, epoch: str, origin: str) -> None:
    """Apply what is missing. `epoch` and `origin` are drawn by the caller and used only for a new ledger."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
    with connect(url, name="hub-migrate", owner=True) as raw:
        raw.execute(HEAD, (empty_frontier, epoch, origin))
