"""Which resources make one referral, and the message that carries them. Owns putting together what came apart.

A family is a root ServiceRequest with the requests based on it, its patient, that patient's consents and relatives,
and the Tasks about it. Its members may have come in one transaction or one by one over days. Blocking reads only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import orjson

from hub.core.normalize import normalize
from hub.core.sealing import keyed_digest
from hub.ledger.fhir import Held
from hub.schemas.canonical import ReferralClaim, Refusal
from hub.schemas.native.fhir import ENTRIES_LIMIT
from hub.schemas.topics import Formats, Types
from hub.web import intake
from hub.web.deps import WebDeps
from hub.web.fhir.outcome import invalid, wrong
from hub.web.fhir.resources import MODELS, Part, Resource, bases, name, reference, subject
from hub.web.intake import Message

SYSTEM: Final = "fhir"
REQUEST: Final = "ServiceRequest"
#: Kinds that belong to whoever is their patient.
_PERSONAL: Final = frozenset({"Consent", "RelatedPerson"})
_NOT_YET: Final = frozenset({"draft"})
OVER: Final = frozenset({"revoked", "entered-in-error"})


class Family(msgspec.Struct):
    """What goes to the ledger together. places: the path by entry of `message`, in its sender's words.

    number_key: of the referral it will be, b'' where it cannot be one. flags: contradictions a worker should see.
    """

    members: list[Part]
    message: Message
    places: list[str]
    number_key: bytes = b""
    flags: tuple[str, ...] = ()


class Families:
    """Finds families among what was just sent and what was kept."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps, self._store = deps, deps.fhir
        self._pepper = deps.keys.pepper

    def of(self, agency: str, parts: Sequence[Part], sent: Resource | None) -> list[Family]:
        """The families these parts change. `sent`: the sender's own transaction, if it was one.

        Raises the problem of a transaction with several requests: they would be several messages, not all or nothing.
        """
        pool = {part.name: part for part in parts}
        if sent is not None:
            self._one_request(agency, parts, pool)
        roots: dict[str, Part] = {}
        for part in parts:
            if part.changed:
                roots |= {root.name: root for root in self._roots(agency, part, pool)}
        several = len(roots) != 1
        found = [self._family(agency, root, pool, None if several else sent) for root in roots.values()]
        return [family for family in found if self._says_more(agency, family, parts)]

    def _one_request(self, agency: str, parts: Sequence[Part], pool: dict[str, Part]) -> None:
        roots = {self._root(agency, part, pool).name: part for part in parts if part.kind == REQUEST}
        if len(roots) > 1:
            text = "A transaction has one ServiceRequest that the others are based on: send each with its own."
            raise wrong("invalid", list(roots.values())[1].place, "several_requests", text)

    # ------------------------------------------------------------- who belongs to whom
    def _roots(self, agency: str, part: Part, pool: dict[str, Part]) -> list[Part]:
        """The root requests that a new or changed part concerns, as far as they may go to the ledger."""
        if part.kind == REQUEST:
            found = [self._root(agency, part, pool)]
        elif part.kind == "Task":
            focus = self._named_part(agency, reference(part.value.get("focus")), pool)
            found = [self._root(agency, focus, pool)] if focus is not None and focus.kind == REQUEST else []
            return [root for root in found if root.value.get("status") not in OVER]
        elif part.kind in _PERSONAL:
            found = self._requests_for(agency, subject(part.kind, part.value), pool)
        else:
            found = self._requests_for(agency, part.name, pool) if part.held is not None else []
        return [root for root in found if root.value.get("status") not in OVER | _NOT_YET]

    def _root(self, agency: str, request: Part, pool: dict[str, Part]) -> Part:
        """The request at the top; a circle ends where it is met."""
        met: set[str] = set()
        while request.name not in met:
            met.add(request.name)
            above = (self._named_part(agency, based, pool) for based in bases(request.value))
            request = next((p for p in above if p is not None and p.kind == REQUEST), request)
        return request

    def _requests_for(self, agency: str, patient: str, pool: dict[str, Part]) -> list[Part]:
        """Root requests about a patient that the ledger knows already, or that come along with this."""
        key = name(self._pepper, "patient", patient)
        held = (_part(h) for h in self._store.named(agency, [key]) if h.kind == REQUEST and h.message and h.value)
        known = {part.name: part for part in held}
        known |= {p.name: p for p in pool.values() if p.kind == REQUEST and subject(REQUEST, p.value) == patient}
        roots = (self._root(agency, part, pool) for part in known.values())
        return list({root.name: root for root in roots}.values())

    def _named_part(self, agency: str, named: str, pool: dict[str, Part]) -> Part | None:
        """The resource a reference leads to, sent now or kept."""
        if named in pool:
            return pool[named]
        kind, _, id_ = named.partition("/")
        held = self._store.get(agency, kind, id_) if kind and id_ and named.isprintable() else None
        return _part(held) if held is not None and held.value is not None else None

    def _members(self, agency: str, root: Part, pool: dict[str, Part]) -> list[Part]:
        requests = self._below(agency, root, pool)
        patients = list(dict.fromkeys(subject(REQUEST, r.value) for r in requests))
        found = [*requests, *(p for named in patients if (p := self._named_part(agency, named, pool)) is not None)]
        keys = [name(self._pepper, "patient", named) for named in patients if named]
        personal = self._kept_or_sent(agency, keys, pool, _PERSONAL)
        found += [p for p in personal if subject(p.kind, p.value) in patients]
        keys = [name(self._pepper, "focus", r.name) for r in requests]
        focused = {r.name for r in requests}
        tasks = self._kept_or_sent(agency, keys, pool, frozenset({"Task"}))
        found += [p for p in tasks if reference(p.value.get("focus")) in focused]
        return list({p.name: p for p in found}.values())

    def _below(self, agency: str, root: Part, pool: dict[str, Part]) -> list[Part]:
        found = {root.name: root}
        level = [root]
        while level and len(found) <= ENTRIES_LIMIT:
            keys = [name(self._pepper, "based", part.name) for part in level]
            above = {part.name for part in level}
            near = self._kept_or_sent(agency, keys, pool, frozenset({REQUEST}))
            level = [p for p in near if p.name not in found and above.intersection(bases(p.value))]
            found |= {p.name: p for p in level}
        return list(found.values())

    def _kept_or_sent(
        self, agency: str, keys: list[bytes], pool: dict[str, Part], kinds: frozenset[str]
    ) -> Iterable[Part]:
        held = (_part(h) for h in self._store.named(agency, keys) if h.kind in kinds and h.value is not None)
        known = {part.name: part for part in held} | {p.name: p for p in pool.values() if p.kind in kinds}
        return known.values()

    # ------------------------------------------------------------- the message
    def _family(self, agency: str, root: Part, pool: dict[str, Part], sent: Resource | None) -> Family:
        members = self._members(agency, root, pool)
        bundle, places = _bundle(members) if sent is None else _completed(sent, members, pool)
        if len(bundle["entry"]) > ENTRIES_LIMIT:
            raise wrong("too_large", root.place, "too_long", f"More than {ENTRIES_LIMIT} resources belong together.")
        message = self._message(agency, root, bundle)
        family = Family(members, message, places)
        claim = normalize(message.envelope, self._deps.policy.mapping)
        if isinstance(claim, ReferralClaim):
            family.number_key = keyed_digest(self._pepper, agency, claim.number)[:16]
            family.flags = claim.flags
        return family

    def _says_more(self, agency: str, family: Family, parts: Sequence[Part]) -> bool:
        """A Task by itself asks for nothing the ledger does not know, unless it sends a draft or contradicts it."""
        if any(p.changed and p.kind != "Task" for p in parts) or not any(p.held for p in family.members):
            return True
        new = {p.name for p in parts if p.kind == "Task"}
        root = family.members[0]
        if root.held is None or not root.held.message or not family.number_key:
            return root.held is None or not root.held.message
        without = [p for p in family.members if p.name not in new]
        claim = normalize(self._message(agency, root, _bundle(without)[0]).envelope, self._deps.policy.mapping)
        return not isinstance(claim, ReferralClaim) or set(claim.flags) != set(family.flags)

    def _message(self, agency: str, root: Part, bundle: Resource) -> Message:
        """The bundle in its envelope. Its id follows from its content: the same content is the same message."""
        packed = orjson.dumps(bundle, option=orjson.OPT_SORT_KEYS)
        value: dict[str, Any] = {
            "specversion": "1.0",
            "id": keyed_digest(self._pepper, "fhir message", agency, packed).hex()[:32],
            "source": f"//agency/{agency}/{SYSTEM}",
            "type": Types.REFERRAL,
            "time": self._deps.now(),
            "dataschema": Formats.FHIR,
            "datacontenttype": "application/fhir+json",
            "partitionkey": keyed_digest(self._pepper, "fhir subject", agency, root.name).hex()[:32],
            "data": bundle,
        }
        message = intake.one(orjson.dumps(value), agency)
        if isinstance(message, Refusal):
            raise invalid(message.reasons, root.place)
        return message


def _part(held: Held) -> Part:
    return Part(held.kind, held.id, held.value or {}, held.kind, held, changed=False)


def _bundle(members: Sequence[Part]) -> tuple[Resource, list[str]]:
    """A transaction of these resources."""
    entries = [{"resource": p.value | {"id": p.id}, "request": {"method": "PUT", "url": p.name}} for p in members]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}, [p.place for p in members]


def _completed(sent: Resource, members: Sequence[Part], pool: dict[str, Part]) -> tuple[Resource, list[str]]:
    """The sender's own transaction as it is; with what was kept from before, one of ours in which all ids are local."""
    count = len(sent["entry"])
    if all(p.name in pool for p in members):
        return sent, [f"Bundle.entry[{place}].resource" for place in range(count)]
    bundle, places = _bundle(members)
    unserved = [n for n in range(count) if sent["entry"][n]["resource"].get("resourceType") not in MODELS]
    bundle["entry"] += [sent["entry"][n] for n in unserved]
    return bundle, [*places, *(f"Bundle.entry[{n}].resource" for n in unserved)]
