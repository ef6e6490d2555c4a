"""The hub as a hospital's FHIR R4 server: requests in, Tasks that move out. Owns translation; the ledger decides."""

from typing import Final

#: The first part of every address of the façade.
FHIR: Final = "fhir"
