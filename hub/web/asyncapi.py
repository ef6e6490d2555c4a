"""The hub's topics as an AsyncAPI 3.0 document: which message may stand where, with which key, who may write and read.

Owns the document's form; what the messages are comes from `hub.schemas` and `schema_documents`. Pure. `action` is the
hub's own: it receives from `hub.in.<agency>`, and sends to `hub.out.<agency>` and `hub.feed`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from hub.schemas import topics
from hub.schemas.envelope import CARRIES
from hub.schemas.topics import Formats
from hub.web.schema_documents import NATIVE, documents, short_name

Json = dict[str, Any]
BINDING: Final = "0.5.0"
CONTENT: Final = "application/cloudevents+json"
ABOUT: Final = """Messages are CloudEvents 1.0 in structured JSON. An agency writes one topic and reads one topic.
Delivery is at least once on both sides: the same `id` is the same message, and sending again is always safe.
Who reads passes over members and types it does not know: both are added without a new version of this document."""
_KEYS: Final = {
    "inbound": "The attribute `partitionkey`, else `id`: what must stay in order bears the same key. No personal data.",
    "outbound": "The id of the case; no key where an entry has none.",
    "feed": "The id of the case; no key where an entry has none. The topic has one partition.",
}


@lru_cache(maxsize=1)
def asyncapi(release: str) -> Json:
    """The document of this release, as JSON. Made once; not to be changed."""
    schemas: Json = {}
    held = {"inbound": _inbound(schemas), "outbound": _relayed("outbox", schemas), "feed": _relayed("feed", schemas)}
    messages = {f"{place}.{name}": message for place, several in held.items() for name, message in several.items()}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:ieum:hub",
        "info": {"title": "Ieum Hub", "version": release, "description": ABOUT},
        "defaultContentType": CONTENT,
        "servers": {"kafka": _server()},
        "channels": {place: _channel(place, list(several)) for place, several in held.items()},
        "operations": {
            "receiveFromAgency": _operation("receive", "inbound", "An agency tells the hub."),
            "sendToAgency": _operation("send", "outbound", "The hub tells an agency what concerns it."),
            "sendToCity": _operation("send", "feed", "The hub tells the city every position of the ledger."),
        },
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "messages": dict(sorted(messages.items())),
            "securitySchemes": {
                "scram256": {"type": "scramSha256", "description": "SASL/SCRAM-SHA-256, an account for each agency."},
                "scram512": {
                    "type": "scramSha512",
                    "description": "SASL/SCRAM-SHA-512, where an installation asks it.",
                },
            },
        },
    }


def _server() -> Json:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka-secure",
        "description": "The address that `hub agency add` prints. Every account may use its own topics only.",
        "variables": {"bootstrap": {"description": "host:port of the brokers"}},
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in ("scram256", "scram512")],
    }


_CHANNELS: Final[dict[str, tuple[str, str]]] = {
    "inbound": (
        topics.inbound("{agency}"),
        "Written by that agency alone, read by the hub. At most 1 MiB a message. What cannot be accepted is refused.",
    ),
    "outbound": (
        topics.outbound("{agency}"),
        "Read by that agency alone: the entries of the ledger that concern it, in order. `position` grows with gaps.",
    ),
    "feed": (
        topics.FEED,
        "Read by the city: every position of the ledger once, without gaps; sealed where the city may not know.",
    ),
}


def _channel(place: str, names: list[str]) -> Json:
    address, about = _CHANNELS[place]
    agency = {"agency": {"description": f"The agency's code: {topics.AGENCY_CODE.pattern}", "examples": ["lh"]}}
    return {
        "address": address,
        "description": about,
        "servers": [{"$ref": "#/servers/kafka"}],
        **({"parameters": agency} if "{agency}" in address else {}),
        "messages": {name: {"$ref": f"#/components/messages/{place}.{name}"} for name in names},
    }


def _operation(action: str, place: str, summary: str) -> Json:
    return {"action": action, "channel": {"$ref": f"#/channels/{place}"}, "summary": summary}


def _message(place: str, type_: str, title: str, payload: Json) -> Json:
    key = {"type": "string", "description": _KEYS[place]}
    return {
        "name": type_,
        "title": title,
        "contentType": CONTENT,
        "payload": payload,
        "bindings": {"kafka": {"key": key, "bindingVersion": BINDING}},
    }


# ------------------------------------------------------------------ what an agency sends
def _inbound(schemas: Json) -> Json:
    """One message for each format a type may carry; what only the hub says is none of them."""
    found: Json = {}
    envelope = documents()["envelope"]
    for type_, formats in CARRIES.items():
        for urn in sorted(formats - {Formats.SYSTEM}):
            name = short_name(urn)
            said = {"type": {"const": type_}, "dataschema": {"const": urn}, **_payload(urn, schemas)}
            payload = {
                "type": "object",
                "properties": {k: v for k, v in envelope["properties"].items() if not k.startswith("data")} | said,
                "required": [*envelope["required"], *(k for k in said if k.startswith("data") and k != "dataschema")],
            }
            found[name] = _message("inbound", type_, f"{type_.split('.')[2]}: {name}", payload)
    return found


def _payload(urn: str, schemas: Json) -> Json:
    if urn not in NATIVE:
        text = "The message's bytes in standard base64; its own header declares the charset."
        return {"data_base64": {"type": "string", "contentEncoding": "base64", "description": text}}
    name = f"native-{short_name(urn)}"
    return {"data": _hoisted(name, documents()[name], schemas)}


# ------------------------------------------------------------------ what the hub sends
def _relayed(name: str, schemas: Json) -> Json:
    document = documents()[name]
    place = "outbound" if name == "outbox" else name
    return {
        shape["title"]: _message(place, shape["title"], shape["title"], _moved(name, shape, document, schemas))
        for shape in document["oneOf"]
    }


def _moved(name: str, shape: Json, document: Json, schemas: Json) -> Json:
    _hoisted(name, {"$defs": document["$defs"]}, schemas)
    held: Json = _renamed(shape, name)
    return held


def _hoisted(name: str, document: Json, schemas: Json) -> Json:
    """A reference to the document, which is put among the components with its `$defs` beside it."""
    own = {key: held for key, held in document.items() if key not in {"$defs", "$schema"}}
    parts = {f"{name}.{key}": held for key, held in document.get("$defs", {}).items()} | ({name: own} if own else {})
    schemas.update({key: _renamed(held, name) for key, held in parts.items()})
    return {"$ref": f"#/components/schemas/{name}"}


def _renamed(held: Any, name: str) -> Any:  # noqa: ANN401 - any JSON within a schema
    """References into `$defs` lead to the components. `discriminator` means something else in AsyncAPI and goes."""
    if isinstance(held, list):
        return [_renamed(one, name) for one in held]
    if not isinstance(held, dict):
        return held
    kept = {key: _renamed(one, name) for key, one in held.items() if key != "discriminator"}
    reference = held.get("$ref")
    if isinstance(reference, str):
        kept["$ref"] = reference.replace("#/$defs/", f"#/components/schemas/{name}.")
    return kept
