"""A hospital's own FHIR R4 server: Tasks that ask are taken from it, and what becomes of them is written back."""

from connectors.fhir.connector import FhirConnector

__all__ = ["FhirConnector"]
