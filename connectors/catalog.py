"""Which connectors there are, by the name a configuration uses. Owns the table; imports a connector when asked for it.

A connector of one's own needs no entry here: its configuration names it as `package.module:Class`.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from typing import Final

import msgspec

from connectors.protocol import Connector
from hub.errors import Usage


class Listed(msgspec.Struct, frozen=True):
    """Where a connector lives, what it joins, and the extra that brings the packages it needs."""

    place: str
    about: str

    @property
    def module(self) -> str:
        """Its module."""
        return self.place.partition(":")[0]


CATALOG: Final[dict[str, Listed]] = {
    "files": Listed("connectors.files:FilesConnector", "CSV and spreadsheets dropped in a folder or over SFTP."),
    "fhir": Listed("connectors.fhir:FhirConnector", "FHIR R4: polls a hospital's server, keeps its Tasks up to date."),
    "hl7v2": Listed("connectors.hl7v2:Hl7v2Connector", "HL7 v2 REF^I12 to I14 over MLLP."),
    "webhook": Listed("connectors.webhook:WebhookConnector", "Signed HTTPS calls (Standard Webhooks)."),
    "mqtt": Listed("connectors.mqtt:MqttConnector", "Devices over MQTT 5; silence is a signal."),
    "table": Listed("connectors.table:TableConnector", "An interface table in PostgreSQL."),
    "debezium": Listed(
        "connectors.debezium:DebeziumConnector", "Changes of a database, captured by Debezium on Kafka Connect."
    ),
    "hsds": Listed("connectors.hsds:HsdsConnector", "A service directory in Open Referral HSDS 3."),
}


def extra_of(name: str) -> str:
    """The extra of the distribution that brings what this connector needs."""
    return f"ieum-hub[connector-{name}]"


def names() -> list[str]:
    """The connectors of this installation, found without importing any: their packages may be missing."""
    return [name for name, listed in CATALOG.items() if importlib.util.find_spec(listed.module) is not None]


def load(name: str) -> type[Connector]:
    """The connector of this name, or at this `module:Class`. Raises `Usage` for an unknown or incomplete one."""
    place = name if ":" in name else _listed(name).place
    module, _, held = place.partition(":")
    try:
        found: type[Connector] = getattr(importlib.import_module(module), held)
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            raise Usage(f"There is no connector at {place}.", "Look at `hub connector list`.") from error
        raise Usage(
            f"The connector {name} needs {error.name}.", f"Install it: pip install '{extra_of(name)}'"
        ) from error
    except AttributeError as error:
        raise Usage(f"{module} holds no {held}.", "Name it as package.module:Class.") from error
    return found


def _listed(name: str) -> Listed:
    if name not in CATALOG:
        near = difflib.get_close_matches(name, CATALOG, 1)
        remedy = f"Did you mean {near[0]}?" if near else f"There are {', '.join(names())}."
        raise Usage(f"There is no connector {name!r}.", remedy)
    return CATALOG[name]
