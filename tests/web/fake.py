"""A ledger of dictionaries and a Kafka that remembers, for tests of the web; and what they are filled with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson

from hub.core.bodies import IdentityBody
from hub.core.directory import Agency
from hub.core.rules import Rules
from hub.core.sealing import Keys
from hub.core.state import Case, Referral
from hub.core.tiles import Tile
from hub.errors import Retry
from hub.ledger.reads import Head, Person, Posted, Told, Verdict
from hub.ledger.reads_log import Published
from hub.rules import texts
from hub.schemas.canonical import AddressClaim, DateClaim, GuardianClaim, PersonClaim
from hub.schemas.envelope import Envelope, parse
from hub.schemas.topics import Formats, Types, agency_of
from hub.web.verdicts import Ticket
from tests.core.decide.world import policy

KEYS = Keys(kek=b"k" * 32, pepper=b"p" * 32)
RULES = Rules.load(texts())
POLICY = msgspec.structs.replace(policy(), keys=KEYS, rules=RULES, release="0.0.0")
NOW = "2026-11-22T03:00:00.000Z"


def uid(number: int) -> str:
    return f"00000000-0000-8000-8000-{number:012x}"


#: Codes that name no case, person or referral.
NONSENSE = uid(0xDEAD)
AGENCIES = (
    Agency("hosp", "hospital", "병원", ("treatment", "welfare"), "consent_self"),
    Agency("lh", "housing_corporation", "주택공사", ("housing",), "other_law"),
    Agency("victim", "victim_support_office", "피해자지원실", ("victim_support",), "consent_self"),
    Agency("dong", "dong_center", "행정복지센터", ("welfare",), "other_law", ("상봉동",)),
    Agency("city", "city_desk", "시", ("welfare",), "other_law"),
    Agency("auditor", "city_team", "감사", ("audit",), "other_law"),
    Agency("none", "citizens", "시민", (), "consent_self"),
)

Decide = Callable[[Envelope], Verdict | None]


def recorded(envelope: Envelope) -> Verdict:
    """A ledger that accepts everything; a change leads where its name says."""
    change = envelope.data.get("change") if isinstance(envelope.data, dict) else None
    return Verdict("recorded", 7, b"", {"to": f"{change}ed"} if change else {})


def refusing(code: str, **more: Any) -> Decide:
    reason = {"code": code, "path": "/data/change", "text": "no", **more}
    return lambda _: Verdict("refused", 8, b"", {"reasons": [reason]})


@dataclass
class FakeHub:
    """What the ledger and Kafka would be. `decide` gives the verdict on what is published; None leaves it pending."""

    agencies: dict[str, Agency] = field(default_factory=lambda: {a.code: a for a in AGENCIES})
    decide: Decide = recorded
    found: dict[bytes, Verdict] = field(default_factory=dict)
    brought: dict[bytes, list[Referral]] = field(default_factory=dict)
    ledger: list[bytes] = field(default_factory=list)
    case_docs: dict[str, Case] = field(default_factory=dict)
    records: dict[str, tuple[str, str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, IdentityBody] = field(default_factory=dict)
    published: list[tuple[str, str, bytes]] = field(default_factory=list)
    checkpoints: Published | None = None
    kafka_away: bool = False
    postgresql_away: bool = False
    time: float = 1000.0
    drawn: int = 0
    polls: int = 0

    # -- the clock and chance
    def clock(self) -> float:
        return self.time

    def draw(self, count: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(count, "big")

    # -- Kafka
    async def publish(self, topic: str, key: str, value: bytes) -> None:
        await asyncio.sleep(0)
        if self.kafka_away:
            raise Retry("Kafka is away")
        self.published.append((topic, key, value))
        envelope = parse(value, agency_of(topic))
        assert isinstance(envelope, Envelope), envelope
        self._decided(envelope)

    def _decided(self, envelope: Envelope) -> None:
        ticket, verdict = Ticket.of(envelope, KEYS.pepper), self.decide(envelope)
        if verdict is None:
            return
        known = self.found.get(ticket.cause)
        if known is None:
            self.found[ticket.cause] = _with(verdict, ticket.digest)
        elif known.data_digest != ticket.digest:
            self.found[ticket.conflict] = _with(refusing("id_conflict")(envelope), ticket.digest)

    async def kafka(self) -> str:
        return "away" if self.kafka_away else ""

    # -- PostgreSQL
    def account(self, token: str) -> str | None:
        self._there()
        return token.removeprefix("token-") if token.startswith("token-") else None

    def directory(self) -> dict[str, Agency]:
        self._there()
        return dict(self.agencies)

    def verdicts(self, causes: Collection[bytes]) -> dict[bytes, Verdict]:
        self._there()
        self.polls += 1
        return {c: self.found[c] for c in causes if c in self.found}

    def receipts(self, causes: Collection[bytes]) -> dict[bytes, Told]:
        return {c: Told(v, tuple(self.brought.get(c, ()))) for c, v in self.verdicts(causes).items()}

    def head(self) -> Head:
        self._there()
        return Head(len(self.ledger), NOW, "e1", "ieum.hub/test")

    def entries(self, after: int, limit: int) -> list[Posted]:
        self._there()
        return [Posted(after + i + 1, e) for i, e in enumerate(self.ledger[after : after + limit])]

    def entries_of(self, agency: str, after: int, upto: int, limit: int) -> list[Posted]:
        self._there()
        named = f'"a:{agency}"'.encode()
        found = [Posted(i, e) for i, e in enumerate(self.ledger, 1) if after < i <= upto and named in e]
        return found[:limit]

    def timeline(self, case: str, after: int, limit: int) -> list[Posted]:
        self._there()
        rows = [Posted(i, e) for i, e in enumerate(self.ledger, 1) if i > after and orjson.loads(e)["case"] == case]
        return rows[:limit]

    def cases(self, ids: Iterable[str]) -> dict[str, Case]:
        self._there()
        return {i: self.case_docs[i] for i in ids if i in self.case_docs}

    def case_of(self, referral: str) -> Case | None:
        self._there()
        return next((c for c in self.case_docs.values() if referral in c.referrals), None)

    def persons_of(self, records: Iterable[str]) -> dict[str, str]:
        self._there()
        return {r: self.records[r][0] for r in records if r in self.records}

    def person(self, id: str) -> Person | None:  # noqa: A002
        self._there()
        now = self.aliases.get(id, id)
        mine = {r: case for r, (person, case) in self.records.items() if person == now}
        return Person(now, mine) if mine else None

    def identities(self, records: Iterable[str]) -> dict[str, IdentityBody]:
        self._there()
        return {r: self.bodies[r] for r in records if r in self.bodies}

    # -- the log
    def checkpoint(self) -> Published | None:
        self._there()
        return self.checkpoints

    def tile(self, tile: Tile) -> bytes | None:
        self._there()
        held = self.checkpoints
        return f"{tile.path}".encode() if held is not None and tile.exists(held.size) else None

    def _there(self) -> None:
        if self.postgresql_away:
            raise Retry("PostgreSQL is away")

    # -- building
    def post(self, kind: str, facts: dict[str, Any], case: str = "") -> int:
        """Append an entry."""
        position = len(self.ledger) + 1
        entry = {"id": uid(0xE000 + position), "kind": kind, "case": case, "heard": NOW, "facts": facts}
        self.ledger.append(orjson.dumps(entry))
        return position

    def refer(self, referral: Referral, case: str, person: str) -> None:
        """File a referral, with its record and its identity body."""
        doc = self.case_docs.setdefault(case, Case(id=case, seq=40))
        doc.referrals[referral.id] = referral
        doc.members.setdefault(person, NOW)
        if referral.record:
            self.records[referral.record] = (person, case)
            self.bodies[referral.record] = identity(f"대상자{referral.record[-2:]}")


def _with(verdict: Verdict, digest: bytes) -> Verdict:
    return Verdict(verdict.verdict, verdict.position, digest, verdict.facts)


def identity(name: str, *, protected: bool = False) -> IdentityBody:
    claim = PersonClaim(
        name=name,
        birth=DateClaim("1948-03-02", "1948-03-02", "exact"),
        sex="F",
        phones=("+821012345678",),
        address=AddressClaim(raw="진주대로 1052", dong="상봉동", protected=protected),
        rrn="4803021234567",
    )
    guardian = GuardianClaim("박보호", "조모", ("+821099999999",))
    return IdentityBody(
        number="N-1", claim=claim, at=NOW, guardian=guardian, offence_class="protected", notes=("고관절",)
    )


def referral(number: int, agency: str, code: str = "food", **more: Any) -> Referral:
    """A referral whose ids follow from its number: referral n, record 0x100+n, need 0x200+n."""
    values: dict[str, Any] = {
        "id": uid(number), "number": f"N-{number}", "agency": agency, "need": uid(0x200 + number), "code": code,
        "urgency": "routine", "state": "offered", "seq": number, "heard": NOW, "record": uid(0x100 + number),
        "dong": "상봉동",
    }  # fmt: skip
    return Referral(**(values | more))


def event(agency: str = "hosp", **more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "m-1",
        "source": f"//agency/{agency}/his",
        "type": Types.REFERRAL,
        "time": NOW,
        "dataschema": Formats.HOUSING,
        "data": {"header": ["이름"], "cells": ["김민준"], "row": 1},
        **more,
    }
