"""Alembic's door: runs migrations on the connection `hub.ledger.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

import hub.ledger.tables
import hub.ledger.tables_directory  # noqa: F401 - importing fills the metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
