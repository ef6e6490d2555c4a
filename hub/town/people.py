"""Households and persons of the town: each computed from the seed and its index, so a town of any size is streamed.

Owns who exists: names, births, kin, homes, numbers. Knows nothing of agencies and makes no mistakes (`noise` does).
A hundred households hold exactly 220 persons (sizes after the 2023 register census: 35, 30, 19, 12 and 4 of one to
five and more), so person and household indexes translate into each other without a table.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, timedelta
from hashlib import blake2b
from itertools import accumulate
from random import Random
from typing import Final

import msgspec

from hub.town import names
from hub.town.rates import Rates, load
from hub.town.streets import Dwelling, dwelling, facility

NOW: Final = 2026
_SIZES: Final = [1] * 35 + [2] * 30 + [3] * 19 + [4] * 12 + [5] * 4
Random(5).shuffle(_SIZES)  # mixed once; the order is part of the town
_STARTS: Final = (0, *accumulate(_SIZES))
_BLOCK: Final = 100
_BLOCK_PEOPLE: Final = 220
_NEIGHBORS: Final = 200  # household indexes from which a shared house takes its own
_CHILD: Final = 2015  # born since: no phone of one's own
_DAYS: Final = tuple((date(2026, 1, 1) + timedelta(days)).strftime("-%m-%d") for days in range(365))
_PLACES: Final = 1_000_000  # of a resident number after the seventh digit

#: By size: share, the head's years of birth, who else: s spouse, c child, t twin of the child before, b twin of the
#: head, p parent, g grandchild. Shares assumed; a welfare register is older than the country.
_FORMS: Final = {
    1: ((0.4, (1932, 1960), ""), (0.75, (1961, 1990), ""), (1.0, (1991, 2006), "")),
    2: ((0.38, (1935, 1962), "s"), (0.58, (1963, 1999), "s"), (0.78, (1968, 1995), "c"), (0.92, (1950, 1972), "p"),
        (1.0, (1942, 1962), "g")),
    3: ((0.7, (1965, 1993), "sc"), (0.85, (1962, 1980), "sp"), (1.0, (1966, 1990), "cc")),
    4: ((0.85, (1968, 1992), "scc"), (1.0, (1965, 1985), "scp")),
    5: ((0.6, (1970, 1990), "sccp"), (1.0, (1972, 1990), "sccc")),
}  # fmt: skip
_TWIN_FORMS: Final = {
    2: ((1935, 2005), "b"),
    3: ((1966, 1990), "ct"),
    4: ((1968, 1992), "sct"),
    5: ((1970, 1990), "sctp"),
}
#: Years between the head and a spouse, a parent, a grandchild.
_KIN_YEARS: Final = {"s": (-4, 4), "p": (-34, -23), "g": (52, 64)}


class Person(msgspec.Struct):
    """One person as they are, in the register's words: birth is ISO.

    phone and old_phone: 010-… or a landline, '' for none. twin: offset of the other twin in the household, or 0.
    """

    index: int
    household: int
    role: str
    sex: str
    surname: str
    given: str
    birth: str
    phone: str
    old_phone: str
    rrn: str
    old_given: str = ""
    twin: int = 0
    foreign: str = ""

    @property
    def name(self) -> str:
        """The whole name, as written in Korea."""
        return self.foreign or self.surname + self.given

    @property
    def id(self) -> str:
        """The person in the truth."""
        return f"p{self.index}"


class Household(msgspec.Struct):
    """People who live together. old_home: where they lived before, when they moved of late."""

    index: int
    members: list[Person]
    home: Dwelling
    old_home: Dwelling | None
    landline: str

    @property
    def id(self) -> str:
        """The household in the truth."""
        return f"h{self.index}"


class Town:
    """A town of `people` persons. twins: share of persons who are twins, instead of the rate file's."""

    def __init__(self, people: int, seed: int, rates: Rates | None = None, twins: float | None = None) -> None:
        self.people = people
        self.rates = rates or load()
        self.households = self.locate(people - 1)[0] + 1
        self._key = blake2b(f"ieum town {seed}".encode(), digest_size=32).digest()
        share = self.rates.share
        pairs = share("twin_persons") if twins is None else twins
        # Only households of two and more (65 of 100, of 220 persons) can hold twins, two persons each.
        self._twin = pairs * _BLOCK_PEOPLE / (2 * sum(size > 1 for size in _SIZES))
        self._facility, self._moved = share("facility_households"), share("moved_households")
        self._shared_house = share("shared_houses")
        self._landline, self._foreign = share("landline_households"), share("foreign_names")
        self._renamed, self._generation = share("renamed_persons"), share("generation_syllable")
        self._shared_phone, self._recycled = share("shared_phone"), share("phone_recycled")
        self._home_phone, self._no_mobile = share("facility_phone"), share("elderly_without_mobile")
        self._alike = share("twins_of_one_sex")

    def locate(self, person: int) -> tuple[int, int]:
        """Household and place in it of a person's index."""
        block, rest = divmod(person, _BLOCK_PEOPLE)
        place = bisect_right(_STARTS, rest) - 1
        return block * _BLOCK + place, rest - _STARTS[place]

    def digest(self, *parts: object, size: int = 16) -> str:
        """A name for something, hex, keyed by the seed: it tells nothing about what it names."""
        return blake2b("\0".join(map(str, parts)).encode(), digest_size=size, key=self._key).hexdigest()

    def household(self, index: int) -> Household:
        """The household of that index; the same every time."""
        rng = Random(int(self.digest("household", index, size=8), 16))
        block, place = divmod(index, _BLOCK)
        first = block * _BLOCK_PEOPLE + _STARTS[place]
        size = min(_SIZES[place], self.people - first)
        home, old_home = self._homes(rng, index, size)
        landline = _landline(index) if rng.random() < self._landline else ""
        household = Household(index, [], home, old_home, landline)
        self._populate(rng, household, first, size)
        return household

    def _homes(self, rng: Random, index: int, size: int) -> tuple[Dwelling, Dwelling | None]:
        form = rng.random()
        if size == 1 and rng.random() * 0.35 < self._facility:  # 35 of 100 households are of one person
            return facility(index % max(1, self.households // 9000)), dwelling(index, form)
        moved = dwelling(self.households + index, rng.random()) if rng.random() < self._moved else None
        if rng.random() < self._shared_house:
            return dwelling(index - index % _NEIGHBORS, 1.0), moved
        return dwelling(index, form), moved

    def _populate(self, rng: Random, household: Household, first: int, size: int) -> None:
        years, roles = self._form(rng, size)
        shared = "영정민재현지수은경성"[int(rng.random() * 10)] if rng.random() < self._generation else ""
        for n, role in enumerate(("h" + roles)[:size]):
            person = self._person(rng, household, first + n, role, years)
            self._name(rng, household.members, person, shared)
            household.members.append(person)

    def _form(self, rng: Random, size: int) -> tuple[tuple[int, int], str]:
        if size > 1 and rng.random() < self._twin:
            return _TWIN_FORMS[size]
        draw = rng.random()
        return next((years, roles) for upto, years, roles in _FORMS[size] if draw < upto)

    def _person(self, rng: Random, household: Household, index: int, role: str, years: tuple[int, int]) -> Person:
        members = household.members
        sex = self._sex(rng, role, members, years)
        birth = (
            members[-1].birth
            if role in "tb"
            else f"{_year(rng, role, members, years)}{_DAYS[int(rng.random() * len(_DAYS))]}"
        )
        phone = self._phone(rng, household, index, int(birth[:4]))
        old_phone = self._old_phone(rng, index)
        person = Person(index, household.index, role, sex, "", "", birth, phone, old_phone, "")
        if role in "tb":
            person.twin, members[-1].twin = -1, 1
        return person

    def _phone(self, rng: Random, household: Household, index: int, year: int) -> str:
        if household.members and (year >= _CHILD or rng.random() < self._shared_phone):
            return household.members[0].phone
        if household.home.facility and rng.random() < self._home_phone:
            return _landline(household.home.facility)
        if household.landline and year < 1950 and rng.random() < self._no_mobile:  # noqa: PLR2004 - in their late 70s
            return household.landline
        return _mobile(index)

    def _old_phone(self, rng: Random, index: int) -> str:
        """A number given up: nobody's, or handed on by now, so that it is a stranger's."""
        stranger = (index + 1 + int(rng.random() * (self.people - 1))) % self.people
        return _mobile(stranger if rng.random() < self._recycled else index + self.people)

    def _name(self, rng: Random, members: list[Person], person: Person, shared: str) -> None:
        """Surname by kin, given name by cohort; siblings may share a syllable, twins always do."""
        year = int(person.birth[:4])
        person.surname = _surname(rng, members, person.role)
        person.rrn = _rrn(person)
        if person.role in "tb":
            person.given = _twin_given(rng, members[-1].given, person.sex, year)
            return
        syllable = shared if person.role == "c" else ""
        person.given = names.given(rng, person.sex, year, syllable, first=ord(shared[0]) % 2 == 0 if shared else True)
        while any(person.given == other.given for other in members):
            person.given = names.given(rng, person.sex, year)
        if rng.random() < self._renamed:
            person.old_given = names.given(rng, person.sex, year - 20)
        if person.role in "hs" and 1970 < year < 2004 and rng.random() < self._foreign * 2.5:  # noqa: PLR2004 - 4 in 10
            person.foreign = names.foreign(rng)
            person.rrn = _rrn(person)

    def _sex(self, rng: Random, role: str, members: list[Person], years: tuple[int, int]) -> str:
        if role == "s":
            return "F" if members[0].sex == "M" else "M"
        if role in "tb" and rng.random() < self._alike:
            return members[-1].sex
        women = 0.7 if role in "pg" and years[0] < 1945 else 0.8 if role == "p" else 0.48  # noqa: PLR2004 - assumed
        return "F" if rng.random() < women else "M"


def _year(rng: Random, role: str, members: list[Person], years: tuple[int, int]) -> int:
    """Year of birth by kin, none after last year; brothers and sisters at least two years apart."""
    if role == "h":
        return _between(rng, *years)
    head = int(members[0].birth[:4])
    if role == "c":
        before = [int(m.birth[:4]) for m in members if m.role in "ct"]
        return before[-1] - _between(rng, 2, 4) if before else min(NOW - 1, head + _between(rng, 25, 38))
    return max(1925, min(NOW - 1, head + _between(rng, *_KIN_YEARS[role])))


def _between(rng: Random, low: int, high: int) -> int:
    """Both ends included; a third of randint's time, and this is drawn for everybody."""
    return low + int(rng.random() * (high - low + 1))


def _surname(rng: Random, members: list[Person], role: str) -> str:
    if role in "tb":
        return members[-1].surname
    fathers = [m.surname for m in members if m.sex == "M" and m.role in "hs"]
    if role == "c" and fathers:
        return fathers[0]
    if role == "g" and rng.random() < 0.5:  # noqa: PLR2004 - a son's child or a daughter's
        return members[0].surname
    return names.surname(rng)


def _twin_given(rng: Random, other: str, sex: str, year: int) -> str:
    """Another name that keeps the first syllable."""
    while True:
        given = names.given(rng, sex, year, other[0], first=True)
        if given != other and len(given) > 1:
            return given


def _mobile(index: int) -> str:
    """A number of one's own: a permutation of 80 million, so that nobody shares it by chance."""
    number = 20_000_000 + (index * 37_847_153 + 1_234_577) % 80_000_000
    return f"010-{number // 10_000}-{number % 10_000:04d}"


def _landline(index: int) -> str:
    number = 400_000 + (index * 387_413 + 91_813) % 600_000
    return f"055-7{number // 10_000}-{number % 10_000:04d}"


def _rrn(person: Person) -> str:
    """A number of one's own: no two persons born on one day share the rest, in a town of up to a million."""
    birth = person.birth
    seventh = (1 if person.sex == "M" else 2) + (2 if birth >= "2000" else 0) + (4 if person.foreign else 0)
    return f"{birth[2:4]}{birth[5:7]}{birth[8:]}{seventh}{person.index * 618_033 % _PLACES:06d}"
