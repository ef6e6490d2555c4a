"""Real servers for the flow tests, one site a module: they start in about three seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flow.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with servers and tables; processes are started by the tests."""
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.close()
