"""The schemas themselves: which model stands behind which document. Pure; the same models give the same documents.

Feed and outbox are described from the facts of an entry and the lists of `core.feedview`: a fact that is not listed
there cannot be promised here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, get_args

import msgspec
from pydantic import BaseModel

from hub.core.feedview import FEED_FACTS, OUTBOX_FACTS, SEALED_TYPE
from hub.schemas import canonical, entries
from hub.schemas.envelope import CARRIES, Envelope
from hub.schemas.native.answer import ReferralAnswer
from hub.schemas.native.change import Change
from hub.schemas.native.citizen import CitizenReport
from hub.schemas.native.device import DeviceReading
from hub.schemas.native.fhir import Bundle
from hub.schemas.native.hsds import Organization
from hub.schemas.native.identity import HouseholdDecision, IdentityDecision
from hub.schemas.native.rows import Row
from hub.schemas.native.system import AccessRead, AgencyChanged, AgencyRegistered, ClockTicked, WorkContinued
from hub.schemas.native.victim import VictimSupport
from hub.schemas.topics import Formats

Schema = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
#: Native formats by `dataschema`. HL7 v2 is not here: its messages are bytes (`data_base64`), not JSON.
NATIVE: Final[dict[str, type[BaseModel]]] = {
    Formats.FHIR: Bundle,
    Formats.HOUSING: Row,
    Formats.WELFARE: Row,
    Formats.CHANGE: Change,
    Formats.VICTIM: VictimSupport,
    Formats.CITIZEN: CitizenReport,
    Formats.DEVICE: DeviceReading,
    Formats.ANSWER: ReferralAnswer,
    Formats.HSDS: Organization,
    Formats.IDENTITY: IdentityDecision,
    Formats.HOUSEHOLD: HouseholdDecision,
}
#: What the hub tells itself shares one `dataschema`; its type says which.
SYSTEM: Final[dict[str, type[BaseModel]]] = {
    "agency-registered": AgencyRegistered,
    "agency-changed": AgencyChanged,
    "clock-ticked": ClockTicked,
    "access-read": AccessRead,
    "work-continued": WorkContinued,
}
CLAIMS: Final = get_args(canonical.Claim)


@lru_cache(maxsize=1)
def documents() -> dict[str, Schema]:
    """Every document by name. Made once; not to be changed."""
    found = {"envelope": _envelope(), "entry": _titled(entries.ADAPTER.json_schema(by_alias=True), "Ledger entry")}
    found |= {f"native-{short_name(urn)}": model.model_json_schema() for urn, model in NATIVE.items()}
    found |= {f"system-{name}": model.model_json_schema() for name, model in SYSTEM.items()}
    found["canonical"] = _canonical()
    found["feed"] = _feed("hub.feed: the city's view", FEED_FACTS, sealed=True)
    found["outbox"] = _feed("hub.out.<agency>: an agency's view", OUTBOX_FACTS, sealed=False)
    return {name: {"$schema": DIALECT, **_tagged(schema)} for name, schema in found.items()}


def _tagged(held: Any) -> Any:  # noqa: ANN401 - any JSON within a schema
    """The same, with the tag of every tagged union required: the models refuse what bears none."""
    if isinstance(held, list):
        return [_tagged(one) for one in held]
    if not isinstance(held, dict):
        return held
    inner = {name: _tagged(one) for name, one in held.items()}
    tag = held["discriminator"]["propertyName"] if "oneOf" in held and "discriminator" in held else ""
    return {**inner, "required": [tag]} if tag else inner


def short_name(urn: str) -> str:
    """'fhir-r4-bundle-v1' of 'urn:ieum:format:fhir-r4-bundle:v1'."""
    return urn.removeprefix("urn:ieum:format:").replace(":", "-")


def _titled(schema: Schema, title: str) -> Schema:
    return {**schema, "title": title}


def _envelope() -> Schema:
    """The envelope, with which type carries which format."""
    schema = Envelope.model_json_schema()
    pairs = [
        {"properties": {"type": {"const": type_}, "dataschema": {"enum": sorted(formats)}}}
        for type_, formats in sorted(CARRIES.items())
    ]
    return {**schema, "oneOf": pairs}


def _canonical() -> Schema:
    """The claims normalizing leads to. Inside the hub only: documented, not promised."""
    schemas, components = msgspec.json.schema_components([*CLAIMS, canonical.Refusal], ref_template="#/$defs/{name}")
    return {"title": "Canonical claims", "oneOf": list(schemas), "$defs": components}


# ------------------------------------------------------------------ feed views
def _feed(title: str, listed: Mapping[str, tuple[str, ...]], *, sealed: bool) -> Schema:
    """CloudEvents messages, one shape per kind of entry."""
    defs: Schema = {}
    shapes = [_message(model, listed, defs) for model in get_args(get_args(entries.Entry)[0])]
    if sealed:
        shapes.append(_sealed())
    return {"title": title, "oneOf": shapes, "$defs": dict(sorted(defs.items()))}


def _message(model: type[BaseModel], listed: Mapping[str, tuple[str, ...]], defs: Schema) -> Schema:
    (kind,) = get_args(model.model_fields["kind"].annotation)
    data = {
        "id": {"type": "string"},
        "kind": {"const": kind},
        "position": {"type": "integer", "minimum": 1},
        "case": {"type": "string"},
        "heard": {"type": "string"},
        "facts": _facts(model, listed[kind], defs),
    }
    return _cloudevent(f"kr.ieum.{kind}.v1", {"type": "object", "properties": data, "required": list(data)})


def _facts(model: type[BaseModel], names: tuple[str, ...], defs: Schema) -> Schema:
    """The facts that may leave, each as the entry has it; none is promised, since an entry may lack it."""
    facts = model.model_fields["facts"].annotation
    assert isinstance(facts, type)  # noqa: S101 - every entry's facts are a model
    assert issubclass(facts, BaseModel)  # noqa: S101 - same
    schema = facts.model_json_schema(ref_template="#/$defs/{model}")
    properties = {name: schema["properties"][name] for name in names if name in schema["properties"]}
    defs |= {name: one for name, one in schema.get("$defs", {}).items() if f"#/$defs/{name}" in str(properties)}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _sealed() -> Schema:
    data = {"position": {"type": "integer", "minimum": 1}, "sealed": {"const": True}}
    return _cloudevent(
        SEALED_TYPE, {"type": "object", "properties": data, "required": list(data), "additionalProperties": False}
    )


def _cloudevent(type_: str, data: Schema) -> Schema:
    properties = {
        "specversion": {"const": "1.0"},
        "id": {"type": "string"},
        "source": {"type": "string"},
        "type": {"const": type_},
        "position": {"type": "integer", "minimum": 1},
        "epoch": {"type": "string"},
        "data": data,
    }
    return {"type": "object", "title": type_, "properties": properties, "required": list(properties)}
