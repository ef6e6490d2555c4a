"""A town for tests of strangers: its fixtures, and how somebody signs in. Imported by the tests that ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from hub.cli import accounts
from hub.cli.accounts import Credentials
from hub.schemas.canonical import AgencyClaim
from hub.schemas.topics import inbound
from tests.flow import people
from tests.flow.people import refer
from tests.flow.site import Site

#: Shares no purpose with alpha and beta, which work in welfare and may know of each other's people.
LH = AgencyClaim("lh", "housing_corporation", "LH", ("housing",), "consent_self")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A hub that runs, with two referrals of each source."""
    with people.town(tmp_path_factory.mktemp("town")) as site:
        site.start("consumer 0", "relay")
        refer(site, range(4))
        site.settle()
        # Now, and not before the consumer works: one that starts again within its session keeps the topics it had.
        site.register([LH])
        site.settle()
        site.until(site.relayed, 30, "all relayed")
        site.until(
            lambda: inbound("lh") in {t for topics in site.members().values() for t in topics}, 30, "lh is heard"
        )
        site.start_web()
        yield site


@pytest.fixture(scope="module")
def held(town: Site) -> dict[str, Credentials]:
    """What each agency was given."""
    return {one.code: one for one in accounts.provide(town.settings, ["alpha", "beta", "lh"])}


def signed_in(town: Site, access: Credentials, **more: Any) -> dict[str, Any]:
    return town.client(**{"sasl.username": access.kafka.username, "sasl.password": access.kafka.password, **more})


@pytest.fixture(scope="module")
def api(town: Site, held: dict[str, Credentials]) -> Iterator[Callable[..., httpx.Response]]:
    """Asks as an agency, '' without a token."""
    with httpx.Client(base_url=f"http://127.0.0.1:{town.web_port}", timeout=20) as client:

        def ask(agency: str, method: str, path: str, **more: Any) -> httpx.Response:
            token = held[agency].token if agency else more.pop("token", "")
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return client.request(method, path, headers=headers | more.pop("headers", {}), **more)

        yield ask


def ends(town: Site, topic: str = inbound("alpha")) -> dict[Any, int]:
    """How far a topic is written."""
    return {place: end for place, end in town.administration.end_offsets().items() if place[0] == topic}
