"""What the hub knows while it decides: aggregates in memory, and which of them changed.

Live, a `State` holds the part of the ledger that one batch touches; in replay it holds everything. The decisions
cannot tell the difference: they ask the same questions. Owns no rule. Changed only by `hub.core.apply`.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from hub.core.directory import Agency, Directory
from hub.core.identity.partition import Record
from hub.core.listings import Listings
from hub.core.sealing import own_case

#: States in which a referral still asks for something: a second one for the same need is a duplicate.
LIVE = frozenset({"received", "offered", "accepted", "in_service", "on_hold", "unplaced"})
#: A live offer or a service covers a need; what was delivered stays covered until somebody confirms that it is met.
COVERED = frozenset({"offered", "accepted", "in_service", "on_hold", "delivered", "closed"})
#: A key that more records share says nothing.
GENERIC = 200


class Need(msgspec.Struct, array_like=True):
    """One thing one person or household lacks. `record` names who, through the person it belongs to now."""

    id: str
    code: str
    since: str
    record: str = ""


class Referral(msgspec.Struct, array_like=True):
    """One agency's request that a need be served, and where it stands. Times are RFC 3339 UTC, milliseconds."""

    id: str
    number: str
    agency: str
    need: str
    code: str
    urgency: str
    state: str
    seq: int  # position of the entry that recorded it: the order in which the hub heard
    heard: str
    record: str = ""
    receiver: str = ""
    due: str = ""
    tried: list[str] = []
    dong: str = ""
    stage: str = ""
    needed_by: str = ""
    restricted: bool = False
    secret: bool = False
    origin_hidden: bool = False
    duplicate_of: str = ""
    related_to: str = ""
    household_version: int = 0
    flags: list[str] = []
    number_key: bytes = b""


class Signal(msgspec.Struct, array_like=True):
    """An observation attached to a household."""

    id: str
    kind: str
    agency: str
    urgency: str
    heard: str


class Case(msgspec.Struct, array_like=True):
    """The record of one household: members with the day they joined, needs, referrals, signals.

    `unit` is the dwelling's keyed address (None: no dwelling known). `version` counts changes of membership,
    `seq` counts the case's entries.
    """

    id: str
    unit: int | None = None
    dong: str = ""
    version: int = 0
    seq: int = 0
    members: dict[str, str] = {}
    past: list[tuple[str, str, str]] = []  # (person, joined, left)
    needs: dict[str, Need] = {}
    referrals: dict[str, Referral] = {}
    signals: list[Signal] = []
    joined_into: str = ""

    def needs_state(self, need: str) -> str:
        """`covered` while some referral for it is live and answered, else `open`."""
        states = {r.state for r in self.referrals.values() if r.need == need}
        return "covered" if states & COVERED else "open"


class Filed(msgspec.Struct):
    """Where one record was filed: its case, the dwelling it names (keyed; None: none), the source's date.

    pinned: the household its person belongs to while living there, as a worker said; '' where nobody did.
    """

    case: str
    unit: int | None
    at: str
    pinned: str = ""


class Seen(msgspec.Struct, frozen=True):
    """An earlier verdict on the same (source, id)."""

    data_digest: bytes
    verdict: str
    position: int


class Review(msgspec.Struct):
    """A question only a person may answer: is `record` the same person as `other`? `decided`: '', same or apart."""

    id: str
    record: str
    other: str
    rank: int
    human: bool
    guard: str
    consequences: tuple[str, ...] = ()
    heard: str = ""
    decided: str = ""


class State:
    """The aggregates, by id, with the indexes decisions ask through. Not thread-safe: one decider, one state."""

    def __init__(self, directory: Directory | None = None) -> None:
        self.directory = directory or Directory()
        self.records: dict[str, Record] = {}
        self.filed: dict[str, Filed] = {}
        self.components: dict[str, list[str]] = {}
        self.persons: dict[str, list[str]] = {}
        self.keys: dict[int, list[str]] = {}
        self.units: dict[int, str] = {}
        self.cases: dict[str, Case] = {}
        self.referral_case: dict[str, str] = {}
        self.numbers: dict[bytes, list[str]] = {}
        self.aliases: dict[str, str] = {}
        self.seen: dict[bytes, Seen] = {}
        self.refusals: dict[str, list[int]] = {}
        self.reviews: dict[str, Review] = {}
        self.generic: set[int] = set()  # keys known to be generic though their members are not loaded
        self.asked: frozenset[int] | None = None  # keys that decisions will ask for; None: any key
        self.listings = Listings()
        self.heard, self.size, self.known_size = "", 0, 0  # known: before this batch, tells new rows from changed ones
        self.due_heap: list[tuple[str, str]] = []
        self.changed_cases: set[str] = set()
        self.changed_records: set[str] = set()
        self.new_records: list[str] = []
        self.new_units: dict[int, str] = {}
        self.changed_referrals: set[str] = set()
        self.changed_agencies: set[str] = set()
        self.new_aliases: dict[str, str] = {}
        self.moved_aliases: dict[str, str] = {}
        self.judged: set[str] = set()
        self.unlinked: set[str] = set()
        self.new_reviews: list[str] = []
        self.decided_reviews: set[str] = set()

    def add_record(self, record: Record, filed: Filed) -> None:
        """Index a record: by id, component, person and blocking keys."""
        self.records[record.id] = record
        self.filed[record.id] = filed
        self.components.setdefault(record.component, []).append(record.id)
        self.persons.setdefault(record.person, []).append(record.id)
        for key in record.keys if self.asked is None else self.asked.intersection(record.keys):
            self.keys.setdefault(key, []).append(record.id)

    def add_case(self, case: Case) -> None:
        """Index a case: its referrals by id and number, its dwelling, the offers that can expire."""
        self.cases[case.id] = case
        if case.unit is not None:
            self.units[case.unit] = case.id
        for referral in case.referrals.values():
            self.place(case.id, referral)

    def place(self, case_id: str, referral: Referral) -> None:
        """Index one referral under its case."""
        known = referral.id in self.referral_case
        self.referral_case[referral.id] = case_id
        if not known and referral.number_key:
            self.numbers.setdefault(referral.number_key, []).append(referral.id)
        self.watch(referral)

    def watch(self, referral: Referral) -> None:
        """Put an open offer on the clock."""
        if referral.state == "offered" and referral.due:
            heapq.heappush(self.due_heap, (referral.due, referral.id))

    def settle(self) -> None:
        """Forget what changed: it has been written."""
        marks = (self.changed_cases, self.changed_records, self.changed_referrals, self.changed_agencies)
        for marked in (*marks, self.judged, self.unlinked, self.decided_reviews, self.listings.changed):
            marked.clear()
        for added in (self.new_reviews, self.new_records, self.new_units, self.new_aliases, self.moved_aliases):
            added.clear()

    # ------------------------------------------------------------- the matcher's questions
    def candidates(self, keys: Sequence[int]) -> Collection[str]:
        """Records sharing one of `keys`; keys with more than 200 members are generic and say nothing."""
        found: set[str] = set()
        for key in keys:
            ids = self.keys.get(key)
            if ids and len(ids) <= GENERIC:
                found.update(ids)
        return found

    def record(self, id_: str) -> Record:
        """One record by id."""
        return self.records[id_]

    def members(self, component: str) -> Collection[str]:
        """Record ids of one connected component."""
        return self.components.get(component, ())

    def is_generic(self, key: int) -> bool:
        """Whether too many records share a key for it to say anything."""
        return key in self.generic or len(self.keys.get(key, ())) > GENERIC

    def living(self, person: str) -> str:
        """The person an id stands for now: itself, or the one that absorbed it. Compression keeps the way short."""
        seen = {person}
        while (into := self.aliases.get(person, person)) not in seen:
            seen.add(into)
            person = into
        return person

    # ------------------------------------------------------------- questions of the other decisions
    def person_of(self, record: str) -> str:
        """The person a record belongs to now; '' when the record is none of those loaded (so: somebody else)."""
        known = self.records.get(record)
        return known.person if known else ""

    def dwelling(self, person: str) -> int | None:
        """The dwelling claimed last for a person (ties by record id), None when no record names one."""
        named = [(f.at, r, f.unit) for r in self.persons.get(person, ()) if (f := self.filed[r]).unit is not None]
        return max(named)[2] if named else None

    def home(self, person: str) -> str:
        """The case of a person's household: the dwelling claimed last, else one of its own; '' for none yet."""
        unit = self.dwelling(person)
        if pinned := self.pinned(person, unit):
            return pinned
        if unit is not None:
            return self.units.get(unit, "")
        own = own_case(self.oldest(person))
        return own if own in self.cases else ""

    def homes_of(self, records: Iterable[str]) -> set[str]:
        """Every case in which these records' persons can be members: some may not exist."""
        filed = [(r, self.filed[r]) for r in records if r in self.filed]
        there = {self.units[f.unit] for _, f in filed if f.unit in self.units}
        own = {own_case(r) for r, f in filed if f.unit is None}
        return there | own | {case for _, f in filed for case in (f.case, f.pinned) if case}

    def oldest(self, person: str) -> str:
        """The record a person is called after."""
        return min(self.persons[person], key=lambda r: (self.records[r].seq, r))

    def pinned(self, person: str, unit: int | None) -> str:
        """The household a worker said a person belongs to while living at `unit`; '' where nobody did."""
        said = [(f.at, r, f.pinned) for r in self.persons.get(person, ()) if (f := self.filed[r]).unit == unit]
        return max(((at, r, case) for at, r, case in said if case), default=("", "", ""))[2]

    def find(self, referral: str) -> tuple[Case, Referral] | None:
        """A referral with its case, by the hub's id."""
        case_id = self.referral_case.get(referral)
        if case_id is None:
            return None
        case = self.cases[case_id]
        return case, case.referrals[referral]

    def referrals_of(self, person: str) -> Iterator[tuple[Case, Referral]]:
        """Every referral made for a person, in whatever case it was filed, in the order the hub heard them."""
        cases = [self.cases[c] for c in {self.filed[r].case for r in self.persons.get(person, ())}]
        found = [(c, r) for c in cases for r in c.referrals.values() if r.record and self.person_of(r.record) == person]
        yield from sorted(found, key=lambda pair: pair[1].seq)

    def due(self, at: str) -> Iterable[tuple[str, str]]:
        """Open offers whose clock ran out by `at`, earliest first; taken off the heap."""
        heap = self.due_heap
        while heap and heap[0][0] <= at:
            due, id_ = heapq.heappop(heap)
            found = self.find(id_)
            if found and found[1].state == "offered" and found[1].due == due:
                yield due, id_

    def agency(self, code: str) -> Agency | None:
        """The account, if the directory knows it."""
        return self.directory.get(code)
