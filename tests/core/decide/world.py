"""A hub without servers: messages go in as bytes, entries and sealed bodies come out. Nothing else is simulated."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import orjson

from hub.audit.opening import open_entry
from hub.core.apply import apply
from hub.core.calendar import later
from hub.core.decide import Outcome, decide
from hub.core.entry import encode
from hub.core.identity.model import Model
from hub.core.normalize import Mapping, read_crosswalk
from hub.core.policy import Policy
from hub.core.prepare import prepare
from hub.core.prepared import Arrival
from hub.core.rules import Rules
from hub.core.sealing import Keys, open_
from hub.core.state import Referral, State
from hub.ledger.continuations import CONTINUATIONS, next_of
from hub.rules import texts
from hub.schemas import topics
from hub.schemas.canonical import AgencyClaim
from hub.schemas.topics import Formats, Types
from hub.town.accounts import accounts
from hub.town.formats import SYSTEMS, WELFARE_HEADER

KEYS = Keys(kek=b"k" * 32, pepper=b"p" * 32)
START = "2026-11-02T00:00:00.000Z"  # a Monday, nine in Seoul


@lru_cache(maxsize=1)
def policy() -> Policy:
    files = texts()
    rules = Rules.load(files)
    mapping = Mapping.load(
        files["mapping.toml"], read_crosswalk(files["areas.csv"], files["town-areas.csv"]), rules.needs
    )
    return Policy(rules, Model.load(files["weights.json"]), mapping, KEYS, "0.0.test")


def data_key(key_id: str) -> bytes:
    """Chance as an argument: a data key that follows from its id."""
    return hashlib.sha256(b"data key " + key_id.encode()).digest()


def envelope(agency: str, type_: str, schema: str, data: object, id_: str, at: str = START) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id_,
        "source": f"//agency/{agency}/test",
        "type": type_,
        "time": at,
        "dataschema": schema,
        "data": data,
    }


def registration(claim: AgencyClaim) -> dict[str, Any]:
    data = {
        "code": claim.code,
        "kind": claim.kind,
        "name": claim.name,
        "purposes": list(claim.purposes),
        "legal_basis": claim.legal_basis,
        "areas": list(claim.areas),
        "action": "register",
    }
    return envelope(topics.HUB, Types.AGENCY, Formats.SYSTEM, data, f"register-{claim.code}")


class World:
    """One hub's state, what it wrote, and short ways to speak to it. `now` moves only when a test says so."""

    def __init__(self, agencies: Iterable[AgencyClaim] | None = None, rules: Policy | None = None) -> None:
        self.policy = rules or policy()
        self.state = State()
        self.now = START
        self.entries: list[bytes] = []
        self.bodies: dict[tuple[str, str], bytes] = {}
        self.arrivals: list[tuple[Arrival, Outcome]] = []
        self.work: list[bytes] = []
        self._ids = itertools.count(1)
        self._offsets: Counter[str] = Counter()
        for claim in accounts() if agencies is None else agencies:
            self.post(topics.RULES, registration(claim))

    # ------------------------------------------------------------- in
    def post(self, topic: str, message: dict[str, Any] | bytes) -> Outcome:
        value = message if isinstance(message, bytes) else json.dumps(message).encode()
        arrival = Arrival(topic, 0, self._offsets[topic], self.now, value)
        self._offsets[topic] += 1
        prepared = prepare(arrival, self.policy, data_key)
        outcome = decide(self.state, prepared, self.policy)
        self.arrivals.append((arrival, outcome))
        for place, entry in enumerate(outcome.entries):
            page = next_of(prepared, entry, outcome.first_position + place)
            if page is not None:
                self.work.append(page)
        self.entries += [encode(e) for e in outcome.entries]
        self.bodies.update({(b.key_id, b.cls): b.ciphertext for b in outcome.bodies})
        return outcome

    def send(self, agency: str, type_: str, schema: str, data: object, id_: str = "") -> Outcome:
        id_ = id_ or f"m-{next(self._ids)}"
        return self.post(topics.inbound(agency), envelope(agency, type_, schema, data, id_, self.now))

    def refer(self, need: str = "식품", *, agency: str = "sangbong", id_: str = "", **cells: str) -> Outcome:
        """A row of a welfare register. Cells by their Korean titles; a person of its own unless named."""
        n = next(self._ids)
        row = {
            "의뢰번호": f"{agency}-{n}",
            "성명": "강" + "가나다라마바사아자차"[n % 10] + "순덕옥미자경"[n % 6],
            "생년월일": f"19{40 + n % 50}-0{1 + n % 9}-{10 + n % 18}",
            "성별": "여",
            "전화번호": f"010-{4000 + n}-{7000 + n * 13 % 2000}",
            "주소": f"진주시 평거로 88, 205동 {100 + n}호",
            "욕구": need,
            "긴급여부": "",
            "접수일자": "2026-11-01",
            "동의": "서면",
        } | cells
        header = [*WELFARE_HEADER, *(title for title in row if title not in WELFARE_HEADER)]
        data = {"header": header, "cells": [row[t] for t in header], "row": n, "register": f"대장 {n}"}
        return self.send(agency, Types.REFERRAL, Formats.WELFARE, data, id_)

    def answer(self, agency: str, referral: str, change: str, reason: str = "", **more: str) -> Outcome:
        data = {"referral": referral, "change": change, "reason": reason, **more}
        return self.send(agency, Types.ANSWER, Formats.ANSWER, data)

    def judge(self, decision: str, *, agency: str = "city", **more: object) -> Outcome:
        """A worker's word on persons: persons=, records= or review=."""
        data = {"decision": decision, "reason": "asked_person"} | more
        return self.send(agency, Types.IDENTITY, Formats.IDENTITY, data)

    def settle(self, decision: str, *, agency: str = "city", **more: object) -> Outcome:
        """A worker's word on households: case=, and persons= or other=."""
        data = {"decision": decision, "reason": "asked_person"} | more
        return self.send(agency, Types.HOUSEHOLD, Formats.HOUSEHOLD, data)

    def pages(self) -> int:
        """Decide every page of work that was left, as the hub does behind a tick. Returns how many there were."""
        done = 0
        while self.work:
            done += 1
            self.post(CONTINUATIONS, self.work.pop(0))
        return done

    def close(self, referral: str) -> Outcome:
        data = {"referral": referral, "change": "close"}
        return self.post(
            topics.CONSOLE, envelope(topics.HUB, Types.ANSWER, Formats.ANSWER, data, f"c-{next(self._ids)}")
        )

    def tick(self, at: str = "", **more: object) -> Outcome:
        self.now = max(self.now, at)
        data = {"at": self.now, **more}
        message = envelope(topics.HUB, Types.TICK, Formats.SYSTEM, data, f"tick-{next(self._ids)}", self.now)
        return self.post(topics.CLOCK, message)

    def wait(self, **span: float) -> str:
        self.now = later(self.now, **span)
        return self.now

    @staticmethod
    def system(type_: str, data: object, id_: str, at: str = START) -> dict[str, Any]:
        """One of the hub's own messages."""
        return envelope(topics.HUB, type_, Formats.SYSTEM, data, id_, at)

    # ------------------------------------------------------------- out
    def referral(self, outcome: Outcome, ordinal: int = 0) -> Referral:
        """The referral a message brought about, as it stands now."""
        ids = [e["facts"]["referral"] for e in outcome.entries if e["kind"] == "referral.recorded"]
        found = self.state.find(ids[ordinal])
        assert found is not None
        return found[1]

    def facts(self, kind: str) -> Iterator[dict[str, Any]]:
        return (e["facts"] for e in map(orjson.loads, self.entries) if e["kind"] == kind)

    def body(self, key_id: str, cls: str) -> bytes | None:
        return open_(data_key(key_id), key_id, cls, self.bodies[key_id, cls])

    def reapplied(self) -> State:
        """The state that follows from the entries and the bodies beside them, and from nothing else."""
        state = State()
        for entry in map(orjson.loads, self.entries):
            apply(state, entry, open_entry(entry, self.body, KEYS.pepper))
        return state


def town_messages(people: int, referrals: int, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """A town's messages as (topic, message)."""
    from hub.town.referrals import generate  # noqa: PLC0415 - builds a town

    return ((topics.inbound(e.agency), e.message) for e in generate(people, referrals, seed))


__all__ = ["SYSTEMS", "World", "envelope", "policy", "registration", "town_messages"]
