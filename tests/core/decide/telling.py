"""A lived `World` as readers of the ledger see it, without PostgreSQL: mentions, entries, cases, reviews, verdicts."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping

import msgspec
import orjson

from hub.core.bodies import MATCHING, MatchingBody
from hub.core.directory import Agency
from hub.core.feedview import read
from hub.core.identity.identify import Explanation
from hub.core.mentions import Happened, Mention
from hub.core.state import Case, Review
from hub.ledger.reads import Head, Posted, Told, Verdict
from hub.schemas.envelope import Envelope, parse
from hub.schemas.topics import agency_of
from hub.web.deps import Limits, WebDeps
from hub.web.verdicts import Ticket
from tests.core.decide.world import KEYS, World
from tests.web.kept import Kept

TOLD = {"person.merged", "person.split", "identity.decided"}


class Telling:
    """`PeopleReader`, as much of `Reader` as explanations need, and a Kafka that is decided at once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.found: dict[bytes, Verdict] = {}
        self.published: list[tuple[str, str, bytes]] = []

    # ------------------------------------------------------------- who is who
    def person(self, id_: str) -> list[Mention]:
        state = self.world.state
        known = state.records.get(id_)
        person = known.person if known else state.living(id_)
        return self.mentions(state.persons.get(person, ()))

    def mentions(self, ids: Iterable[str]) -> list[Mention]:
        state = self.world.state
        held = (state.records[i] for i in set(ids) if i in state.records)
        made = [
            Mention(
                r.id, r.person, r.component, state.filed[r.id].case, r.seq, r.features, dict(r.edges), dict(r.guards),
                r.same, r.apart,
            )
            for r in held
        ]  # fmt: skip
        return sorted(made, key=lambda m: (m.position, m.id))

    def around(self, mine: Collection[Mention]) -> list[Mention]:
        state = self.world.state
        ids = {m.id for m in mine}
        met = {other for m in mine for other in m.edges}
        met |= {i for m in mine for i in state.members(m.component)}
        met |= {r.record for r in state.reviews.values() if r.other in ids}
        persons = {m.person for m in mine}
        return [m for m in self.mentions(met) if m.person not in persons]

    def recorded(self, positions: Iterable[int]) -> list[Happened]:
        return [Happened(p, read(self.world.entries[p - 1])) for p in sorted(set(positions))]

    def decided(self, ids: Collection[str], since: int) -> list[Happened]:
        named = [i.encode() for i in ids]
        entries = enumerate(self.world.entries, 1)
        happened = (Happened(p, read(e)) for p, e in entries if p >= since and any(n in e for n in named))
        return [h for h in happened if h.kind in TOLD]

    def explanations(self, records: Iterable[str]) -> dict[str, Explanation]:
        found = {}
        for record in records:
            if (record, MATCHING) not in self.world.bodies:
                continue
            plain = self.world.body(record, MATCHING)
            assert plain is not None
            raw = bytes(msgspec.json.decode(plain, type=MatchingBody).explain)
            if raw != b"{}":
                found[record] = msgspec.json.decode(raw, type=Explanation)
        return found

    def review(self, id_: str) -> Review | None:
        return self.world.state.reviews.get(id_)

    def reviews(self, behind: tuple[int, str], limit: int, *, every: bool = False) -> list[Review]:
        state = self.world.state
        rank, id_ = behind
        ordered = sorted(state.reviews.values(), key=lambda r: (-r.rank, r.id))
        asked = (r for r in ordered if r.rank < rank or (r.rank == rank and r.id > id_))
        waits = (
            r
            for r in asked
            if every or (r.human and not r.decided and state.records[r.record].person != state.records[r.other].person)
        )
        return list(waits)[:limit]

    # ------------------------------------------------------------- the ledger
    def cases(self, ids: Iterable[str]) -> dict[str, Case]:
        return {i: self.world.state.cases[i] for i in ids if i in self.world.state.cases}

    def entries(self, after: int, limit: int) -> list[Posted]:
        behind = self.world.entries[after : after + limit]
        return [Posted(after + n, entry) for n, entry in enumerate(behind, 1)]

    def head(self) -> Head:
        return Head(len(self.world.entries), self.world.now, "e1", "ieum.hub/test")

    def directory(self) -> Mapping[str, Agency]:
        return dict(self.world.state.directory)

    def verdicts(self, causes: Collection[bytes]) -> dict[bytes, Verdict]:
        return {cause: self.found[cause] for cause in causes if cause in self.found}

    def receipts(self, causes: Collection[bytes]) -> dict[bytes, Told]:
        cases = self.world.state.cases.values()
        referrals = {id_: r for case in cases for id_, r in case.referrals.items()}
        entries = [orjson.loads(e) for e in self.world.entries]
        brought = [e for e in entries if e["kind"] == "referral.recorded"]
        return {
            cause: Told(
                verdict,
                tuple(referrals[e["facts"]["referral"]] for e in brought if e["cause"]["digest"] == cause.hex()),
            )
            for cause, verdict in self.verdicts(causes).items()
        }

    async def publish(self, topic: str, key: str, value: bytes) -> None:
        self.published.append((topic, key, value))
        envelope = parse(value, agency_of(topic))
        assert isinstance(envelope, Envelope), envelope
        ticket = Ticket.of(envelope, KEYS.pepper)
        outcome = self.world.post(topic, value)
        if outcome.verdict == "seen":
            return
        facts = orjson.loads(orjson.dumps(outcome.entries[0]["facts"])) if outcome.entries else {}
        self.found[ticket.cause] = Verdict(outcome.verdict, outcome.first_position, ticket.digest, facts)


def web_deps(world: World) -> WebDeps:
    """All the web needs, over a world: every account's token is `token-` and its code."""
    telling, drawn = Telling(world), itertools.count(1)

    async def kafka() -> str:
        return ""

    return WebDeps(
        reads=telling,  # type: ignore[arg-type]
        people=telling,
        fhir=Kept(lambda: world.state.cases),
        log=telling,  # type: ignore[arg-type]
        publish=telling.publish,
        account=lambda token: token.removeprefix("token-"),
        kafka_away=kafka,
        policy=world.policy,
        now=lambda: world.now,
        clock=lambda: 1.0,
        draw=lambda count: next(drawn).to_bytes(count, "big"),
        limits=Limits(verdict_s=0.001, wait_s=0.2),
    )
