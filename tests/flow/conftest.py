"""Real servers for the flow tests, one site a module: they start in about three seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.ledger.connect import connect
from hub.ledger.webhooks import Endpoints
from tests.flow import people
from tests.flow.receiver import Receiver
from tests.flow.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with servers and tables; processes are started by the tests."""
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Accounts and a consumer; the sender runs in the tests."""
    folder = tmp_path_factory.mktemp("town")
    with people.town(folder, webhook_ports="1-65535", webhook_networks="127.0.0.0/8") as site:
        site.start("consumer 0")
        yield site


@pytest.fixture
def endpoints(town: Site) -> Iterator[Endpoints]:
    """As the operator has them; none is left behind."""
    with connect(town.settings.database_url, name="test") as connection:
        yield Endpoints(connection)
    with connect(town.settings.database_url, name="test") as connection:
        for one in Endpoints(connection).of():
            Endpoints(connection).remove(one.agency, one.id)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made
