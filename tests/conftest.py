"""What every test leaves as it found it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.connectors.peers import PEER_MISSING

# How long an example takes depends on who else uses the machine: no property states it.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command sends logs to the stderr of its own test, which is closed when the next one logs."""
    yield
    structlog.reset_defaults()


def pytest_collection_finish() -> None:
    """Thousands of collected tests live to the end; each search for garbage would go through all of them again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was not tested because another program was missing, once more at the end where it is read."""
    skipped = terminalreporter.stats.get("skipped", [])
    missing = sorted({reason for report in skipped if PEER_MISSING in (reason := str(report.longrepr))})
    if missing:
        terminalreporter.section("NOT TESTED: programs are missing (PEERS=required makes this a failure)")
        for reason in missing:
            terminalreporter.line(reason)
