"""The simulated town's referrals as the matcher gets them: features and keys, with the truth beside them.

Owns the way there, which is the hub's own: parse, normalize, features, blocking keys. Never decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import msgspec
import orjson

from hub.core import urgency
from hub.core.decide.referral import is_restricted
from hub.core.identity.features import Features, build
from hub.core.identity.keys import blocking
from hub.core.normalize import Mapping, normalize, read_crosswalk
from hub.core.rules import Rules
from hub.rules import texts
from hub.schemas.canonical import ReferralClaim, Refusal
from hub.schemas.envelope import parse
from hub.town.people import Person, Town
from hub.town.referrals import Event, generate, town_of

#: Asked of the town: this share of newcomers is the twin of somebody known. Of all arrivals that is over 1.5 %.
TWINS: Final = 0.022
_PEPPER: Final = b"a pepper for measuring"
_TOLD_EVERY: Final = 100_000
_HELD_TWICE: Final = ("written", "surname", "given", "birth", "cohort", "building", "unit", "sigungu", "row")
T = TypeVar("T")


class Mentioned(msgspec.Struct, frozen=True):
    """One referral's person, ready to be matched. `person` is the truth, a number of the town.

    sos: one of the needs cannot wait; hidden: only victim support may know of it.
    """

    id: str
    features: Features
    keys: tuple[int, ...]
    person: int
    needs: tuple[str, ...]
    sos: bool
    hidden: bool


class Mentions(msgspec.Struct, frozen=True):
    """The records of one town in order of time, and the town, to look up who somebody is."""

    records: tuple[Mentioned, ...]
    town: Town
    rules: Rules

    def person(self, index: int) -> Person:
        """A person of the town."""
        household, place = self.town.locate(index)
        return self.town.household(household).members[place]

    def twins_share(self) -> float:
        """Of arrivals: the first mention of somebody whose twin has been mentioned before."""
        met: set[int] = set()
        second = 0
        for record in self.records:
            if record.person not in met:
                twin = self.person(record.person).twin
                second += twin != 0 and record.person + twin in met
                met.add(record.person)
        return second / max(1, len(self.records))

    def number_missing(self) -> float:
        """Share of records without a resident number."""
        return sum(not record.features.rrn_index for record in self.records) / max(1, len(self.records))


def mentions(people: int, referrals: int, seed: int, say: Callable[[str], None]) -> Mentions:
    """All records that `referrals` messages of a town of `people` make: repeats, refusals and signals make none."""
    files = texts()
    rules = Rules.load(files)
    mapping = Mapping.load(
        files["mapping.toml"], read_crosswalk(files["areas.csv"], files["town-areas.csv"]), rules.needs
    )
    town = town_of(people, seed, TWINS)
    return Mentions(tuple(_records(generate(people, referrals, seed, twins=TWINS), rules, mapping, say)), town, rules)


def _records(
    events: Iterator[Event], rules: Rules, mapping: Mapping, say: Callable[[str], None]
) -> Iterator[Mentioned]:
    held: dict[object, object] = {}
    for count, event in enumerate(events):
        if count % _TOLD_EVERY == 0 and count:
            say(f"{count} messages prepared")
        if event.truth["expect"] != "recorded":
            continue
        envelope = parse(orjson.dumps(event.message), event.agency)
        claim = None if isinstance(envelope, Refusal) else normalize(envelope, mapping)
        if isinstance(claim, ReferralClaim):
            yield _mentioned(f"r{count:09}", event, claim, rules, held)


def _mentioned(id_: str, event: Event, claim: ReferralClaim, rules: Rules, held: dict[object, object]) -> Mentioned:
    features, needs = build(claim.person, _PEPPER), [rules.needs[code] for code in claim.needs]
    shared = {name: _once(getattr(features, name), held) for name in _HELD_TWICE}
    return Mentioned(
        id=id_,
        features=msgspec.structs.replace(features, **shared),
        keys=blocking(features, _PEPPER),
        person=int(event.truth["person"][1:]),
        needs=_once(claim.needs, held),
        sos=any(urgency.decide(claim.urgency, claim.urgent_mark, need) == "sos" for need in needs),
        hidden=is_restricted(claim) or claim.offence_class != "" or any(need.secret for need in needs),
    )


def _once(value: T, held: dict[object, object]) -> T:
    """The equal value met first: names and streets of a million records are few."""
    return held.setdefault(value, value)  # type: ignore[return-value] # an equal value of the same type
