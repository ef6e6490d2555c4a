"""What the web is given: readers, a way to publish, keys, limits. Owns these contracts, and makes none of the things.

Everything that asks the clock or draws at random comes from `hub.app` as a callable, so a test can answer instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from hub.core.bodies import IdentityBody
from hub.core.directory import Agency
from hub.core.identity.identify import Explanation
from hub.core.listings import Listing
from hub.core.mentions import Happened, Mention
from hub.core.policy import Policy
from hub.core.rules import Rules
from hub.core.sealing import Keys
from hub.core.state import Case, Review
from hub.core.tiles import Tile
from hub.ledger.fhir import Held
from hub.ledger.reads import Head, Person, Posted, Verdict
from hub.ledger.reads_log import Published
from hub.ledger.receipts import Told
from hub.schemas.envelope import RAW_LIMIT


class Reader(Protocol):
    """The read side (`hub.ledger.reads.Reads`). Blocking; each method raises `Retry` while PostgreSQL is away."""

    def verdicts(self, causes: Collection[bytes]) -> Mapping[bytes, Verdict]:
        """The verdicts there are by now."""
        ...

    def receipts(self, causes: Collection[bytes]) -> Mapping[bytes, Told]:
        """As `verdicts`, with the referrals that came of each message."""
        ...

    def head(self) -> Head:
        """The newest committed head."""
        ...

    def entries(self, after: int, limit: int) -> list[Posted]:
        """Entries behind a position."""
        ...

    def entries_of(self, agency: str, after: int, upto: int, limit: int) -> list[Posted]:
        """Entries of a stretch that name an agency, and maybe some more."""
        ...

    def timeline(self, case: str, after: int, limit: int) -> list[Posted]:
        """Entries of one case behind a position."""
        ...

    def cases(self, ids: Iterable[str]) -> Mapping[str, Case]:
        """The cases of these ids that exist."""
        ...

    def case_of(self, referral: str) -> Case | None:
        """The case a referral is in."""
        ...

    def persons_of(self, records: Iterable[str]) -> Mapping[str, str]:
        """The person each record belongs to."""
        ...

    def person(self, id: str) -> Person | None:  # noqa: A002 - the domain's name
        """A person by id, former ones included."""
        ...

    def identities(self, records: Iterable[str]) -> Mapping[str, IdentityBody]:
        """The identity bodies that still open."""
        ...

    def directory(self) -> Mapping[str, Agency]:
        """All accounts by code."""
        ...

    def listings(self, listeners: Collection[str], after: int, limit: int) -> list[Listing]:
        """Published organizations for one of these listeners, behind a position."""
        ...

    def listing(self, id: str, listeners: Collection[str]) -> Listing | None:  # noqa: A002 - the domain's name
        """One published organization, if it is for one of these listeners."""
        ...


class PeopleReader(Protocol):
    """Who is who (`hub.ledger.people.People`). Blocking; raises `Retry` while PostgreSQL is away."""

    def person(self, id_: str) -> list[Mention]:
        """All mentions of the person an id means, a record's and former ones included."""
        ...

    def mentions(self, ids: Iterable[str]) -> list[Mention]:
        """These mentions."""
        ...

    def around(self, mine: Collection[Mention]) -> list[Mention]:
        """Mentions of other persons that met one of these."""
        ...

    def recorded(self, positions: Iterable[int]) -> list[Happened]:
        """The entries at these positions."""
        ...

    def decided(self, ids: Collection[str], since: int) -> list[Happened]:
        """Merges, splits and workers' words that name one of these, from a position on."""
        ...

    def explanations(self, records: Iterable[str]) -> Mapping[str, Explanation]:
        """Why each record was linked or not on the day it came."""
        ...

    def review(self, id_: str) -> Review | None:
        """One review."""
        ...

    def reviews(self, behind: tuple[int, str], limit: int, *, every: bool = False) -> list[Review]:
        """Reviews behind a (rank, id), gravest first."""
        ...


class FhirStore(Protocol):
    """Hospitals' resources on their way (`hub.ledger.fhir.FhirResources`). Blocking; raises `Retry` as the others."""

    def get(self, agency: str, kind: str, id_: str) -> Held | None:
        """One resource of an agency."""
        ...

    def named(self, agency: str, names: Collection[bytes]) -> list[Held]:
        """Resources of an agency that go by one of these names."""
        ...

    def put(self, agency: str, rows: Sequence[tuple[Held, bytes]]) -> None:
        """Keep these, each under its own random key."""
        ...

    def referrals(self, agency: str, number_key: bytes) -> Mapping[str, Case]:
        """The referrals an agency's number means, each with its case."""
        ...


class LogReader(Protocol):
    """The published log (`hub.ledger.reads_log.LogReads`)."""

    def checkpoint(self) -> Published | None:
        """The newest checkpoint."""
        ...

    def tile(self, tile: Tile) -> bytes | None:
        """A tile's content, None when there is none."""
        ...


class Publish(Protocol):
    """One Kafka message, acknowledged by all in-sync replicas when the call returns. Raises `Retry` otherwise."""

    async def __call__(self, topic: str, key: str, value: bytes) -> None:
        """Publish and wait for the acknowledgment."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may cost. Sizes in bytes, times in seconds."""

    single: int = RAW_LIMIT
    batch: int = 8 * 1024 * 1024
    #: Events of one batch: parsing more would keep every other client waiting.
    batch_events: int = 2000
    #: Of a request that changes something or asks nothing: its body is a few fields.
    form: int = 64 * 1024
    #: Events an agency may send a second, lastingly and at once. A whole hospital sends a few a minute.
    events_per_s: float = 2000.0
    burst: float = 20_000.0
    #: A body that has not arrived by then is given up (408): slow clients hold memory.
    body_s: float = 30.0
    #: Kafka's acknowledgment; after it the answer is 503 and the client sends again, with the same ids.
    publish_s: float = 10.0
    wait_s: float = 5.0
    #: How long an account may go on after it was suspended, and how long it outlives PostgreSQL's absence.
    account_s: float = 1.0
    stale_s: float = 60.0
    heartbeat_s: float = 15.0
    #: How often the one follower looks for new positions while somebody listens.
    follow_s: float = 0.1
    #: How often the one poller asks for verdicts while somebody waits.
    verdict_s: float = 0.01


DEFAULT: Final = Limits()


@dataclass(frozen=True, slots=True)
class WebDeps:
    """All the web needs. `hub.app` builds it; tests build it of fakes.

    account: the agency a bearer token belongs to, None if none does (blocking, raises `Retry`).
    kafka_away: why Kafka cannot take messages now, '' when it can.
    rates: events a second of the accounts that have a rate of their own (blocking, raises `Retry`).
    now: RFC 3339 UTC with milliseconds. clock: seconds that only grow. draw: that many random bytes.
    """

    reads: Reader
    people: PeopleReader
    fhir: FhirStore
    log: LogReader
    publish: Publish
    account: Callable[[str], str | None]
    kafka_away: Callable[[], Awaitable[str]]
    policy: Policy
    now: Callable[[], str]
    clock: Callable[[], float]
    draw: Callable[[int], bytes]
    limits: Limits = field(default=DEFAULT)
    rates: Callable[[], Mapping[str, float]] = field(default=dict)

    @property
    def keys(self) -> Keys:
        """The installation's keys."""
        return self.policy.keys

    @property
    def rules(self) -> Rules:
        """The rule files."""
        return self.policy.rules

    @property
    def release(self) -> str:
        """The release that answers."""
        return self.policy.release
