"""One PostgreSQL for all of these tests, of the partner's; each test has a table of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.audit.filled import server
from tests.connectors.table.polling import TablePartner


@pytest.fixture(scope="session", autouse=True)
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(tmp_path_factory.mktemp("partner") / "pg") as url:
        TablePartner.url = url
        yield url


@pytest.fixture
async def partner(tmp_path: Path) -> AsyncIterator[TablePartner]:
    found = TablePartner(tmp_path)
    await found.open()
    yield found
    await found.close()
