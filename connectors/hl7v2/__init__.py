"""HL7 v2 over MLLP: referrals in, answers out. docs/hl7v2.md is for the one who configures the other side."""

from __future__ import annotations

from connectors.hl7v2.connector import Hl7v2Connector

__all__ = ["Hl7v2Connector"]
