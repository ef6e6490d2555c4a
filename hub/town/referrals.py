"""The town's stream of messages, each with the truth about it: who was meant, which need, what must come of it.

Owns who is referred by whom, again by others, twice, or wrongly. Streams: it keeps the last few thousand persons and
messages and nothing else. Personal data stands in `data` only; ids and partition keys are digests keyed by the seed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any, Final, NamedTuple

from hub.core.calendar import instant, life_stage
from hub.core.rules import Rules
from hub.rules import texts
from hub.town.formats import SEOUL, SYSTEMS, Order, System
from hub.town.noise import Clerk
from hub.town.people import Household, Person, Town

START: Final = datetime(2026, 9, 1, 9, 0, tzinfo=SEOUL)
SPAN: Final = timedelta(days=80)
_REMEMBERED: Final = 4000  # persons who may be referred again
_RESENT: Final = 200  # messages a connector may send again
_SHEET: Final = 500  # rows of one register
_SIGNALS: Final = frozenset({"citizens", "devices"})
_REGISTERS: Final = {"lh": "임대료 체납 명단", "sangbong": "의뢰대장"}
_ADULT: Final = "2007-09-01"
_FALLS: Final = 3  # of ten devices are fall sensors, the others water meters; assumed

#: What each agency refers, and how often in a hundred (assumed).
NEEDS: Final[dict[str, dict[str, int]]] = {
    "gyeongsang": {"discharge_care": 32, "medical_bill": 20, "dementia": 12, "mental_health": 10, "elder_care": 8,
                   "assistive_device": 8, "home_safety": 6, "disability_care": 3, "suicide_risk": 1},
    "jeil": {"discharge_care": 34, "dementia": 24, "medical_bill": 20, "elder_care": 10, "bathing": 6, "outing": 6},
    "lh": {"rent_arrears": 100},
    "sangbong": {"meal_delivery": 20, "food": 20, "heating_fuel": 14, "dementia": 9, "cleaning": 8, "laundry": 6,
                 "companionship": 6, "wallpaper": 5, "flooring": 4, "haircut": 4, "counseling": 4},
    "prosecutors": {"crime_victim": 40, "trauma_counseling": 25, "legal_advice": 15, "emergency_shelter": 12,
                    "home_security": 8},
    "citizens": {"": 100},
    "devices": {"": 100},
}  # fmt: skip
#: What the sample's register calls a need, where that is not its Korean name in needs.csv.
WORDS: Final = {
    ("sangbong", "meal_delivery"): "밑반찬",
    ("sangbong", "food"): "식품",
    ("sangbong", "dementia"): "치매 돌봄",
    ("sangbong", "heating_fuel"): "난방유",
    ("lh", "rent_arrears"): "임대료 체납",
}
#: Born before: likelier to be referred. Chance that a draw of this age stands (assumed; a register is old).
_AGES: Final = (("1962", 1.0), ("1990", 0.55), ("2100", 0.3))


Whom = tuple[Household, Person]


class Event(NamedTuple):
    """One message. agency: whose topic; message: the CloudEvents object.

    truth: message (its id), person ('' for a device: it does not know one), household, need ('|' between several, ''
    for a signal), referral_number (of a device: its id), expect (recorded, refused or seen).
    """

    agency: str
    message: dict[str, Any]
    truth: dict[str, str]


def generate(people: int, referrals: int, seed: int, *, twins: float | None = None) -> Iterator[Event]:
    """`referrals` messages of a town of `people` persons, in order of time; the same for the same arguments.

    twins: at least this share of newcomers is the twin of somebody referred before (default: as it happens).
    """
    stream = _Stream(town_of(people, seed, twins), Random(f"ieum referrals {seed}"), twins or 0.0)
    step = SPAN / max(1, referrals)
    for n in range(referrals):
        yield stream.next(START + n * step)


def town_of(people: int, seed: int, twins: float | None = None) -> Town:
    """The town that `generate` writes about. Four times the twins live in it, so that of some one is always known."""
    return Town(people, seed, twins=None if twins is None else min(0.9, 4 * twins))


class _Sheet:
    """One register of a row-writing agency. Nobody stands on it twice: two rows of one register are two people."""

    def __init__(self, title: str) -> None:
        self._title, self._number, self._persons = title, 1, set[int]()

    def place(self, person: int) -> tuple[str, int]:
        """Register and row for a person; a new register where this one is full or has the person already."""
        if person in self._persons or len(self._persons) == _SHEET:
            self._number, self._persons = self._number + 1, set()
        self._persons.add(person)
        return f"{self._title} {self._number}", 1 + len(self._persons)


class _Stream:
    """The state between two messages, bounded."""

    def __init__(self, town: Town, rng: Random, twins: float) -> None:
        self._town, self._rng = town, rng
        self._twins, self._newcomers, self._second_twins = twins, 0, 0
        self._unmet: deque[int] = deque(maxlen=_REMEMBERED)  # twins of persons met
        self._clerk = Clerk(town.rates)
        self._share = {name: rate.value for name, rate in town.rates.rates.items()}
        self._agencies = tuple(town.rates.mix)
        self._mix = tuple(accumulate(town.rates.mix.values()))
        self._needs = Rules.load(texts()).needs
        self._serials = dict.fromkeys(self._agencies, 0)
        self._offsets = {agency: int(town.digest("offset", agency, size=4), 16) for agency in self._agencies}
        self._sheets = {agency: _Sheet(title) for agency, title in _REGISTERS.items()}
        self._met: deque[tuple[int, str, str]] = deque(maxlen=_REMEMBERED)
        self._sent: deque[Event] = deque(maxlen=_RESENT)

    def next(self, at: datetime) -> Event:
        """The next message: an old one again, or a new one about somebody."""
        rng = self._rng
        if self._sent and rng.random() < self._share["repeated_messages"]:
            again = rng.choice(self._sent)
            return again._replace(truth={**again.truth, "expect": "seen"})
        agency = self._agencies[bisect_right(self._mix, rng.randrange(self._mix[-1]))]
        household, person, need = self._whom(agency)
        needs = self._several(agency, need)
        event = self._event(agency, household, person, needs, at)
        if event.truth["expect"] == "recorded":
            self._sent.append(event)
        return event

    # ------------------------------------------------------------------------------------------ who and what
    def _whom(self, agency: str) -> tuple[Household, Person, str]:
        """Somebody another agency referred before (with luck for the same need), or somebody new."""
        rng, share = self._rng, self._share
        need = self._drawn(agency)
        if self._met and rng.random() < share["referred_again"]:
            index, before, by = self._met[rng.randrange(len(self._met))]
            if by != agency:
                same = before in NEEDS[agency] and rng.random() < share["same_need_again"]
                return (*self._met_again(agency, index), before if same else need)
        if self._unmet and agency != "lh" and self._second_twins < self._twins * self._newcomers:
            household, person, need = self._second_twin(agency)
        else:
            household, person = self._newcomer(agency, need)
        self._met.append((person.index, need, agency))
        return household, person, need

    def _met_again(self, agency: str, index: int) -> Whom:
        household, person = self._find(index)
        if agency == "lh":
            return household, household.members[0]
        if person.twin and self._rng.random() < self._share["sibling_of_twin"]:
            person = household.members[household.members.index(person) + person.twin]
        return household, person

    def _second_twin(self, agency: str) -> tuple[Household, Person, str]:
        """The other one of twins, with a need that fits the age where the agency has one."""
        household, person = self._find(self._unmet.popleft())
        self._newcomers, self._second_twins = self._newcomers + 1, self._second_twins + 1
        fitting = [need for need in NEEDS[agency] if self._stage_fits(person, need)]
        return household, person, self._rng.choice(fitting) if fitting else self._drawn(agency)

    def _newcomer(self, agency: str, need: str) -> Whom:
        """Somebody whose age fits the need, as far as a few draws find one; of a rented home its head."""
        household, person = self._find(self._rng.randrange(self._town.people))
        for _ in range(12):
            if self._fits(person, need):
                break
            household, person = self._find(self._rng.randrange(self._town.people))
        person = household.members[0] if agency == "lh" else person
        self._newcomers += 1
        if person.twin:
            self._unmet.append(person.index + person.twin)
        return household, person

    def _fits(self, person: Person, need: str) -> bool:
        chance = next(chance for before, chance in _AGES if person.birth < before)
        return self._rng.random() < chance and self._stage_fits(person, need)

    def _stage_fits(self, person: Person, need: str) -> bool:
        stages = self._needs[need].life_stages if need else ("전체",)
        return "전체" in stages or life_stage(person.birth, "2026-09-01") in stages

    def _find(self, index: int) -> Whom:
        where, place = self._town.locate(index)
        household = self._town.household(where)
        return household, household.members[place]

    def _drawn(self, agency: str) -> str:
        needs = NEEDS[agency]
        return self._rng.choices(tuple(needs), tuple(needs.values()))[0]

    def _several(self, agency: str, need: str) -> tuple[str, ...]:
        """Prosecutors ask for two things as often as for one."""
        second = self._drawn(agency) if agency == "prosecutors" and self._rng.random() < 0.5 else need  # noqa: PLR2004
        return (need,) if second == need else (need, second)

    # ------------------------------------------------------------------------------------------ the message
    def _event(self, agency: str, household: Household, person: Person, needs: tuple[str, ...], at: datetime) -> Event:
        self._serials[agency] += 1
        serial, system = self._serials[agency], SYSTEMS[agency]
        order = self._order(agency, serial, (household, person), needs, at)
        mention = self._clerk.mention(person, household, self._rng)
        message = self._envelope(agency, system, order) | system.build(order, mention, self._rng)
        truth = {
            "message": message["id"],
            "person": "" if agency == "devices" else person.id,
            "household": household.id,
            "need": "|".join(needs),
            "referral_number": order.number,
            "expect": "refused" if order.broken else "recorded",
        }
        return Event(agency, message, truth)

    def _order(self, agency: str, serial: int, whom: Whom, needs: tuple[str, ...], at: datetime) -> Order:
        rng, (household, person) = self._rng, whom
        # Signals are hardly ever unreadable; the share falls on the five referral formats.
        broken = agency not in _SIGNALS and rng.random() < self._share["broken_messages"] / 0.94
        register, row = self._sheets[agency].place(person.index) if agency in self._sheets else ("", 0)
        local = self._local(agency, household.index if agency == "devices" else person.index)
        return Order(
            needs=needs,
            words=WORDS.get((agency, needs[0])) or self._korean(needs[0]),
            number=_number(agency, serial, local),
            serial=serial,
            local=str(local),
            at=at.replace(microsecond=0) - timedelta(minutes=rng.randint(1, 600)),
            urgent=rng.random() < self._share["urgent_messages"],
            broken=broken,
            token=self._town.digest("token", agency, serial),
            register=register,
            row=row,
            guardian=_guardian(household, person),
            protected=agency == "prosecutors" and rng.random() < self._share["victim_protected"],
        )

    def _local(self, agency: str, index: int) -> int:
        """An agency's own number for a person or a home: a permutation, so that no two share one."""
        return (index * 61_803_399 + self._offsets[agency]) % 100_000_000

    def _korean(self, code: str) -> str:
        return self._needs[code].ko if code else ""

    def _envelope(self, agency: str, system: System, order: Order) -> dict[str, Any]:
        sent = instant(order.at)
        return {
            "specversion": "1.0",
            "id": self._town.digest("message", agency, order.serial),
            "source": f"//agency/{agency}/{system.name}",
            "type": system.type,
            "time": sent,
            "dataschema": system.format,
            "datacontenttype": system.content,
            "partitionkey": self._town.digest("key", agency, order.local, size=8),
        }


def _number(agency: str, serial: int, local: int) -> str:
    if agency == "devices":
        return f"{'sos' if local // 7 % 10 < _FALLS else 'wm'}-{local}"
    return f"{SYSTEMS[agency].prefix}{serial:06d}"


def _guardian(household: Household, person: Person) -> dict[str, str] | None:
    """Who speaks for a minor: the head of the household, with the kinship a clerk writes down."""
    head = household.members[0]
    if person.birth < _ADULT or head is person:
        return None
    father, mother = {"c": ("부", "모"), "t": ("부", "모"), "g": ("조부", "조모")}.get(person.role, ("친척", "친척"))
    return {"name": head.name, "relation": father if head.sex == "M" else mother, "phone": head.phone}
