"""One hospital's server for all step-by-step tests, emptied before each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from connectors.testing import free_port
from tests.connectors.fhir_polling.polling import FhirPartner, started
from tests.connectors.fhir_polling.ward import Ward


@pytest.fixture(scope="session")
def hospital_port() -> Iterator[int]:
    port = free_port()
    process = started(port)
    yield port
    process.kill()
    process.wait()


@pytest.fixture
async def ward(hospital_port: int, tmp_path: Path) -> AsyncIterator[Ward]:
    partner = FhirPartner(tmp_path, hospital_port)
    await partner.reached()
    await partner.open()
    one = Ward(partner)
    yield one
    await one.close()
    await partner.close()
