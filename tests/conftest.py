"""What every test leaves as it found it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command sends logs to the stderr of its own test, which is closed when the next one logs."""
    yield
    structlog.reset_defaults()
