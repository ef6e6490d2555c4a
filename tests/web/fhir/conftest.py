"""A hospital in front of a hub that lives in memory and decides at once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.web.fhir import hospital as module
from tests.web.fhir.hospital import Hospital


class Made:
    """Resources as a hospital makes them."""

    patient = staticmethod(module.patient)
    request = staticmethod(module.request)
    task = staticmethod(module.task)
    consent = staticmethod(module.consent)
    sample = staticmethod(module.sample)


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.fixture
async def hospital() -> AsyncIterator[Hospital]:
    one = Hospital(module.a_world())
    yield one
    await one.client.aclose()
