"""Who stands in the register that is measured against, and what agencies write about them and about others.

Owns the choice of people: of a town of N people and a ninth, every tenth stays out of the register, so newcomers have
kin, homes and twins inside it. A large register is of several cities, each of Jinju's size. Mentions go through the
hub's own normalization, features and keys. Never reads or writes a database.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from random import Random
from typing import Final

import msgspec

from hub.core.identity.features import Features, build
from hub.core.identity.keys import blocking, unit_key
from hub.core.normalize.draft import Draft
from hub.core.normalize.mapping import Mapping
from hub.core.normalize.person import read_person
from hub.core.policy import Policy
from hub.core.sealing import derive_id
from hub.schemas.canonical import PersonClaim
from hub.town.noise import Clerk, Mention
from hub.town.people import NOW, Person, Town

TODAY: Final = f"{NOW}-11-22"
OUT_OF: Final = 10  # one person in so many is not in the register
#: Of fresh mentions: about somebody in the register. The others are heard of for the first time.
KNOWN: Final = 0.7
#: Jinju's inhabitants, rounded; the next as many are those of the next city. No city or district has 2 million.
CITY: Final = 345_000
BLOCK: Final = 22_000  # people whose households are made together: a multiple of the town's 220


class Arriving(msgspec.Struct, frozen=True):
    """One mention, prepared as the hub prepares it before the lock. `person` is the truth: an index in the town."""

    id: str
    person: int
    features: Features
    keys: tuple[int, ...]
    unit: int | None


class Population:
    """The people of a register of `registered` persons, and of those who are not in it."""

    def __init__(self, registered: int, policy: Policy, seed: int) -> None:
        self.registered = registered
        self.total = -(-registered * OUT_OF // (OUT_OF - 1))
        self.town = Town(self.total, seed)
        self._clerk = Clerk(self.town.rates)
        self._mapping, self._pepper = policy.mapping, policy.keys.pepper
        self._seed = seed

    def blocks(self) -> list[range]:
        """All people, in parts that can be made independently of each other."""
        return [range(first, min(first + BLOCK, self.total)) for first in range(0, self.total, BLOCK)]

    def register(self, people: range) -> Iterator[Arriving]:
        """The first mention of everybody of a block who is in the register."""
        rng = Random(f"{self._seed} register {people.start}")
        household = self.town.locate(people.start)[0]
        while household < self.town.households:
            home = self.town.household(household)
            for person in home.members:
                if person.index >= people.stop:
                    return
                if is_registered(person.index):
                    yield self._arriving(_first(person.index), person, self._clerk.mention(person, home, rng))
            household += 1

    def fresh(self, count: int, part: object) -> list[Arriving]:
        """That many new mentions; the same for the same part of the run."""
        rng = Random(f"{self._seed} fresh {part}")
        return [self._fresh(rng, f"fresh {part} {n}") for n in range(count)]

    def _fresh(self, rng: Random, name: str) -> Arriving:
        wanted = rng.random() < KNOWN
        index = rng.randrange(self.total)
        while is_registered(index) != wanted:
            index = rng.randrange(self.total)
        household, place = self.town.locate(index)
        home = self.town.household(household)
        person = home.members[place]
        return self._arriving(name, person, self._clerk.mention(person, home, rng))

    def registered_id(self, person: int) -> str:
        """The id of that person's record in the register."""
        return self._id(_first(person))

    def _id(self, name: str) -> str:
        return derive_id(blake2b(f"{self._seed} {name}".encode()).digest(), "record", 0)

    def _arriving(self, name: str, person: Person, mention: Mention) -> Arriving:
        said = _elsewhere(claim(mention, self._mapping), person.index // CITY)
        features = build(said, self._pepper)
        keys = blocking(features, self._pepper)
        return Arriving(self._id(name), person.index, features, keys, unit_key(said.address, self._pepper))


def _elsewhere(said: PersonClaim, city: int) -> PersonClaim:
    """The same in another city. Its buildings are its own already: every household of the town has its own address."""
    address = said.address
    if city == 0 or address is None or not address.sigungu:
        return said
    moved = msgspec.structs.replace(address, sigungu=f"제{city + 1}시")
    return msgspec.structs.replace(said, address=moved)


def _first(person: int) -> str:
    return f"register {person}"


def is_registered(index: int) -> bool:
    """Whether that person of the town has a record in the register."""
    return index % OUT_OF != OUT_OF - 1


def claim(mention: Mention, mapping: Mapping) -> PersonClaim:
    """What the hub reads out of a clerk's words."""
    draft = Draft()
    for field, text in (
        ("name", mention.name),
        ("birth", mention.birth),
        ("sex", mention.sex),
        ("address", mention.address),
        ("resident", mention.rrn),
    ):
        draft.put(field, field, text)
    draft.add("phone", "phone", mention.phone)
    return read_person(draft, mapping, TODAY)
