"""The map: which topic carries what, who writes it, who reads it. Start reading here.

| topic             | written by             | read by        | carries                                          |
|-------------------|------------------------|----------------|--------------------------------------------------|
| hub.in.<agency>   | that agency, web       | consumers      | referrals, answers, signals, listings: native    |
| hub.sys.rules     | hub                    | consumers      | agencies registered, suspended, resumed          |
| hub.sys.console   | web                    | consumers      | a worker's changes                               |
| hub.sys.access    | web                    | consumers      | every read of personal data                      |
| hub.sys.clock     | hub (ticker)           | clock consumer | ticks with `through` offsets                     |
| hub.feed          | relay                  | the city       | every position; sealed where it may not be known |
| hub.out.<agency>  | relay                  | that agency    | the positions that concern it                    |
"""

from __future__ import annotations

import re
from typing import Final

IN_PREFIX: Final = "hub.in."
OUT_PREFIX: Final = "hub.out."
FEED: Final = "hub.feed"
RULES: Final = "hub.sys.rules"
CONSOLE: Final = "hub.sys.console"
ACCESS: Final = "hub.sys.access"
CLOCK: Final = "hub.sys.clock"
SYSTEM: Final = (RULES, CONSOLE, ACCESS, CLOCK)
#: The hub's own account in envelopes: `//agency/hub/<component>`.
HUB: Final = "hub"

INTAKE_PATTERN: Final = r"^hub\.(in\.[a-z0-9-]+|sys\.(rules|console|access))$"
AGENCY_CODE: Final = re.compile(r"^[a-z0-9][a-z0-9-]{1,38}$")


def inbound(agency: str) -> str:
    """Name of the topic that only `agency` may write."""
    return IN_PREFIX + agency


def outbound(agency: str) -> str:
    """Name of the topic that only `agency` may read."""
    return OUT_PREFIX + agency


def agency_of(topic: str) -> str:
    """The agency a topic belongs to; the hub itself for system topics."""
    return topic[len(IN_PREFIX) :] if topic.startswith(IN_PREFIX) else HUB


class Types:
    """CloudEvents `type` values an inbound message may carry (`kr.ieum.<noun>.<verb>.v<n>`)."""

    REFERRAL = "kr.ieum.referral.submitted.v1"
    ANSWER = "kr.ieum.referral.answered.v1"
    SIGNAL = "kr.ieum.signal.raised.v1"
    AGENCY = "kr.ieum.agency.registered.v1"
    AGENCY_STATE = "kr.ieum.agency.changed.v1"
    TICK = "kr.ieum.clock.ticked.v1"
    ACCESS = "kr.ieum.access.read.v1"
    IDENTITY = "kr.ieum.identity.decided.v1"
    HOUSEHOLD = "kr.ieum.household.decided.v1"
    CONTINUE = "kr.ieum.work.continued.v1"
    DIRECTORY = "kr.ieum.directory.listed.v1"


class Formats:
    """`dataschema` values: the native format and its version, as the connector declares it."""

    FHIR = "urn:ieum:format:fhir-r4-bundle:v1"
    HL7 = "urn:ieum:format:hl7v2-ref-i12:v1"
    HOUSING = "urn:ieum:format:housing-row:v1"
    WELFARE = "urn:ieum:format:welfare-row:v1"
    CHANGE = "urn:ieum:format:debezium-change:v1"
    VICTIM = "urn:ieum:format:victim-support:v1"
    CITIZEN = "urn:ieum:format:citizen-report:v1"
    DEVICE = "urn:ieum:format:device-reading:v1"
    ANSWER = "urn:ieum:format:referral-answer:v1"
    HSDS = "urn:ieum:format:hsds-organization:v1"
    IDENTITY = "urn:ieum:format:identity-decision:v1"
    HOUSEHOLD = "urn:ieum:format:household-decision:v1"
    SYSTEM = "urn:ieum:format:system:v1"
