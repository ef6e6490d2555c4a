"""Resources as they come in: read, named, referred to. Owns ids, references and the keyed names they are found by.

An id the façade gives follows from the content (or the sender's own identifier) under the installation's pepper: the
same resource posted twice is one. No id and no name reveals what it was made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import orjson
from pydantic import BaseModel

from hub.core.sealing import keyed_digest
from hub.ledger.fhir import Held
from hub.schemas.canonical import Reason, Refusal
from hub.schemas.envelope import read_object
from hub.schemas.native import fhir as native
from hub.schemas.native.wire import read
from hub.web.fhir.outcome import expression, invalid, wrong
from hub.web.problems import not_found

Resource = dict[str, Any]
#: What the façade keeps and serves.
MODELS: Final[dict[str, type[BaseModel]]] = {
    "Patient": native.Patient,
    "ServiceRequest": native.ServiceRequest,
    "Task": native.Task,
    "Consent": native.Consent,
    "RelatedPerson": native.RelatedPerson,
}
#: The element that says whom a resource is about.
_ABOUT: Final = {"ServiceRequest": "subject", "Task": "for", "Consent": "patient", "RelatedPerson": "patient"}
#: Kinds whose own identifier is their identity. A patient's is none: a careless one would make two people one.
_BY_NUMBER: Final = frozenset({"ServiceRequest", "Task"})
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
_OWN_ADDRESS: Final = re.compile(r"https?://[^/\s]{1,255}/fhir/([A-Za-z]{1,40}/[A-Za-z0-9.-]{1,64})", re.ASCII)
_RESULT: Final = frozenset({"id", "meta"})


class Part(msgspec.Struct):
    """One resource of a request: what it is and where it stood (`place`, a simple path). `held`: what was kept before.

    value: with its final id and local references. changed: whether it says anything that was not kept before.
    request: what a Task is about, if that was kept before.
    """

    kind: str
    id: str
    value: Resource
    place: str
    held: Held | None = None
    changed: bool = True
    request: Held | None = None

    @property
    def name(self) -> str:
        """'Patient/1', as references name it."""
        return f"{self.kind}/{self.id}"


# ------------------------------------------------------------------ reading
def known_kind(kind: str) -> str:
    """A kind that is served; every other is an address nobody has."""
    if kind not in MODELS:
        raise not_found()
    return kind


def known_id(id_: str) -> str:
    """An id as FHIR writes it; anything else names nothing."""
    if _ID.fullmatch(id_) is None:
        raise not_found()
    return id_


def is_id(text: object) -> bool:
    """Whether this can be a resource's id."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def parsed(raw: bytes, root: str) -> Resource:
    """The JSON object in a body. Raises the problem that names what is wrong with it."""
    value = read_object(raw)
    if isinstance(value, Refusal):
        raise invalid(value.reasons, root)
    return value


def checked(value: Resource, kind: str, place: str) -> None:
    """Refuse a resource of another kind, or with an element of the wrong shape. `place`: its path in the request."""
    if value.get("resourceType") != kind:
        raise wrong("invalid", f"{place}.resourceType", "kind_mismatch", f"This address takes a {kind}.")
    found = read(MODELS[kind], value)
    if isinstance(found, Refusal):
        raise invalid(found.reasons, place)


# ------------------------------------------------------------------ ids, names, references
def given_id(pepper: bytes, agency: str, kind: str, value: Resource) -> str:
    """The id the façade gives a resource that is created."""
    numbers = [i for i in identifiers(value) if i[1]] if kind in _BY_NUMBER else []
    content = numbers or {name: held for name, held in value.items() if name not in _RESULT}
    packed = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return keyed_digest(pepper, "fhir id", agency, kind, packed).hex()[:32]


def version(value: Resource) -> str:
    """The version of a representation: a digest of all it says, so that it gives no count of anything away."""
    said = {name: held for name, held in value.items() if name != "meta"}
    return keyed_digest(b"fhir version", orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hex()[:20]


def stamped(value: Resource, changed: str) -> Resource:
    """The representation with its version and the time it last changed; the sender's own profiles and tags stay."""
    sent = value.get("meta")
    meta = dict(sent) if isinstance(sent, dict) else {}
    return value | {"meta": meta | {"versionId": version(value), "lastUpdated": changed}}


def names_of(pepper: bytes, kind: str, value: Resource, number_key: bytes = b"") -> tuple[bytes, ...]:
    """The keyed names a kept resource is found by."""
    found = [name(pepper, "identifier", kind, f"{system}|{text}") for system, text in identifiers(value) if text]
    found += [name(pepper, "identifier", kind, text) for _, text in identifiers(value) if text]
    found += [name(pepper, "patient", r) for r in (reference(value.get(_ABOUT.get(kind, ""))),) if r]
    if kind == "Task" and (focus := reference(value.get("focus"))):
        found.append(name(pepper, "focus", focus))
    if kind == "ServiceRequest":
        found += [name(pepper, "based", based) for based in bases(value)]
    if number_key:
        found.append(name(pepper, "number", kind, number_key.hex()))
    return tuple(dict.fromkeys(found))


def name(pepper: bytes, *parts: str) -> bytes:
    """One keyed name."""
    return keyed_digest(pepper, "fhir name", *parts)[:16]


def identifiers(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(system, value) of each identifier."""
    held = value.get("identifier")
    many = held if isinstance(held, list) else []
    pairs = ((i.get("system"), i.get("value")) for i in many if isinstance(i, dict))
    return [(s if isinstance(s, str) else "", v if isinstance(v, str) else "") for s, v in pairs]


def reference(value: object) -> str:
    """The literal reference of a Reference, '' where there is none."""
    found = value.get("reference") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def bases(value: Mapping[str, Any]) -> list[str]:
    """The requests a ServiceRequest is based on."""
    held = value.get("basedOn")
    return [r for one in (held if isinstance(held, list) else []) if (r := reference(one))]


def subject(kind: str, value: Mapping[str, Any]) -> str:
    """The patient a resource is about, as a reference."""
    return reference(value.get(_ABOUT.get(kind, "")))


def part_codes(value: Mapping[str, Any], codings: Mapping[tuple[str, str], str]) -> frozenset[str] | None:
    """Need codes of a request that is a part of another; None for a whole one, which stands for all its number has."""
    if not bases(value):
        return None
    categories = value.get("category")
    own = _codes(value.get("code"), codings)
    return own or frozenset(
        c for held in (categories if isinstance(categories, list) else ()) for c in _codes(held, codings)
    )


def _codes(concept: object, codings: Mapping[tuple[str, str], str]) -> frozenset[str]:
    held = concept.get("coding") if isinstance(concept, dict) else None
    pairs = [(c.get("system"), c.get("code")) for c in held or () if isinstance(c, dict)]
    known = (codings.get((s, c)) for s, c in pairs if isinstance(s, str) and isinstance(c, str))
    return frozenset(code for code in known if code)


def local(text: str) -> str:
    """A reference with the façade's own address taken off it."""
    found = _OWN_ADDRESS.fullmatch(text)
    return found.group(1) if found else text


def localized(value: Any, known: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON, bounded in depth where it was read
    """A copy whose references are local, and those in `known` replaced."""
    if isinstance(value, dict):
        copy = {key: localized(held, known) for key, held in value.items()}
        if isinstance(found := copy.get("reference"), str):
            copy["reference"] = known.get(found) or local(found)
        return copy
    return [localized(held, known) for held in value] if isinstance(value, list) else value


# ------------------------------------------------------------------ transaction bundles
def bundle_parts(pepper: bytes, agency: str, bundle: Resource) -> tuple[list[Part | None], Resource]:
    """The parts of a transaction by entry (None: a kind that is not served), and the bundle as it will be sent."""
    if bundle.get("resourceType") != "Bundle":
        raise wrong("invalid", "Bundle.resourceType", "kind_mismatch", "This address takes a Bundle.")
    if bundle.get("type") != "transaction":
        raise wrong("invalid", "Bundle.type", "not_a_transaction", "A Bundle here is a transaction.")
    found = read(native.Bundle, bundle)
    if isinstance(found, Refusal):
        raise invalid(found.reasons, "Bundle")
    entries = bundle["entry"]
    parts = [_part(pepper, agency, entry, f"Bundle.entry[{place}]") for place, entry in enumerate(entries)]
    known = {n: part.name for entry, part in zip(entries, parts, strict=True) if part for n in _former(entry, part)}
    for part in parts:
        if part is not None:
            part.value = localized(part.value, known) | {"id": part.id}
    return parts, _sendable(bundle, parts)


def _part(pepper: bytes, agency: str, entry: Resource, place: str) -> Part | None:
    value, asked = entry.get("resource"), entry.get("request")
    method, url = (str(asked.get(k, "")) for k in ("method", "url")) if isinstance(asked, dict) else ("", "")
    if method not in {"POST", "PUT"} or not isinstance(value, dict):
        text = "An entry of a transaction creates (POST) or updates (PUT) a resource."
        raise wrong("invalid", f"{place}.request.method", "method_unknown", text)
    if isinstance(asked, dict) and asked.get("ifNoneExist"):
        text = "In a transaction the content is the condition: the same again is the same."
        raise wrong("invalid", f"{place}.request.ifNoneExist", "not_supported", text)
    kind = value.get("resourceType")
    if not isinstance(kind, str) or kind not in MODELS:
        return None
    if method == "POST":
        return Part(kind, given_id(pepper, agency, kind, value), value, f"{place}.resource")
    told, _, id_ = local(url).partition("/")
    if told != kind or not is_id(id_):
        raise wrong("invalid", f"{place}.request.url", "kind_mismatch", f"An update names {kind} and an id.")
    return Part(kind, id_, value, f"{place}.resource")


def _former(entry: Resource, part: Part) -> list[str]:
    """What other entries call a resource before it has its id."""
    sent = [entry.get("fullUrl"), f"{part.kind}/{id_}" if (id_ := part.value.get("id")) else None]
    return [name for name in sent if isinstance(name, str) and name]


def _sendable(bundle: Resource, parts: list[Part | None]) -> Resource:
    """The sender's bundle; a request without number and id takes the id it was given, which then is its number."""
    entries = list(bundle["entry"])
    for place, part in enumerate(parts):
        if part is None or part.kind != "ServiceRequest" or any(v for _, v in identifiers(part.value)):
            continue
        if not entries[place]["resource"].get("id"):
            entries[place] = entries[place] | {"resource": entries[place]["resource"] | {"id": part.id}}
    return bundle | {"entry": entries}


def placed(reasons: Iterable[Mapping[str, Any]], places: list[str]) -> list[dict[str, Any]]:
    """Reasons about a sent bundle, each at the element of the resource its sender knows. `places`: path by entry."""
    found = []
    for reason in reasons:
        steps = str(reason["path"]).removeprefix("/data").split("/")
        if steps[1:2] == ["entry"] and len(steps) > 3 and int(steps[2]) < len(places):  # noqa: PLR2004 - /entry/n/resource
            element = expression(places[int(steps[2])], "/" + "/".join(steps[4:]) if steps[4:] else "")
        else:
            element = expression("Bundle", "/".join(steps))
        found.append({"expression": element, "code": reason["code"], "detail": reason["text"]})
    return found


def unread(element: str) -> Reason:
    """An entry of a kind that is kept as evidence and has no address of its own."""
    return Reason(element, "kept_as_evidence", "Kept with the message as evidence; not read and not served here.")
