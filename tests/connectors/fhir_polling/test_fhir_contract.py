"""Every promise of a connector, kept by one that polls a FHIR server over HTTP."""

from __future__ import annotations

from connectors.testing import ConnectorContract
from tests.connectors.fhir_polling.polling import FhirPartner


class TestFhir(ConnectorContract):
    partner = FhirPartner
