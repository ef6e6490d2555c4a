"""The weights of one model version, turned from probabilities into centibits once.

Owns the shape of a weight file and the thresholds that travel with it. Never learns anything (`hub identity train`
does, offline) and never changes while running: priors and frequencies are fixed per version, so that a decision of
last year can be explained by last year's file.

A level weighs log2(m/u) (Fellegi and Sunter 1969); where u is null it is the frequency of the value itself.
"""

from __future__ import annotations

import hashlib
from math import log2
from typing import TYPE_CHECKING

import msgspec

from hub.core.identity import names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """m, u: how often this level is seen between two records of one person, of two people; u None: by frequency."""

    m: float
    u: float | None
    source: str


class Bits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A weight given in bits, with its reason."""

    bits: float
    source: str


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In bits, except `generic` (members of a key) and `cap` (records of a person)."""

    auto: float
    margin: float
    review: float
    generic: int
    cap: int
    source: str


class SurnameShares(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Share of each surname as written; unlisted ones have `least`, those in Latin letters `foreign`."""

    source: str
    least: float
    foreign: float
    shares: dict[str, float]


class GivenShares(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares per 'first year-last year/sex'; unlisted names have `least`, those in Latin letters `foreign`."""

    source: str
    least: float
    foreign: float
    shares: dict[str, dict[str, float]]


class Frequencies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How common names are."""

    surname: SurnameShares
    given: GivenShares


class Extra(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A further text field, `Features.extra` at its position here. `shares`: how common its values are.

    crossed: the next field's value sometimes stands here and this one's there (given name and surname do that).
    """

    name: str
    least: float = 0.0
    shares: dict[str, float] = {}
    crossed: bool = False


class WeightFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A weight file as it is written."""

    version: str
    about: str
    thresholds: Thresholds
    prior: Bits
    household_cap: Bits
    guards: list[str]
    fields: dict[str, dict[str, Level]]
    frequencies: Frequencies
    extra: list[Extra] = []


class Rarity(msgspec.Struct, frozen=True):
    """Centibits a shared value is worth by its rarity: -100·log2(share)."""

    of: dict[str, int]
    otherwise: int
    foreign: int

    def __call__(self, value: str) -> int:
        """Bits of `value`; unlisted values are as rare as the file's `least` or `foreign` says."""
        found = self.of.get(value)
        if found is not None:
            return found
        return self.foreign if value.isascii() else self.otherwise


class Model(msgspec.Struct, frozen=True):
    """Everything the scorer weighs with. All weights are centibits; `bits` is keyed 'field:level'."""

    version: str
    digest: str
    auto: int
    margin: int
    review: int
    generic: int
    cap: int
    prior: int
    household_cap: int
    guards: frozenset[str]
    bits: dict[str, int]
    surname: Rarity
    given: dict[str, Rarity]
    extra: tuple[tuple[str, Rarity | None, bool], ...] = ()

    @property
    def link(self) -> int:
        """From here on two records belong to one component: margins are decided inside it."""
        return self.auto - self.margin

    @classmethod
    def load(cls, text: str | bytes) -> Model:
        """The model of a weight file. Raises msgspec.ValidationError naming the place that is wrong."""
        raw = text.encode() if isinstance(text, str) else text
        file = msgspec.json.decode(raw, type=WeightFile)
        limits = file.thresholds
        return cls(
            version=file.version,
            digest=hashlib.sha256(raw).hexdigest(),
            auto=_centibits(limits.auto),
            margin=_centibits(limits.margin),
            review=_centibits(limits.review),
            generic=limits.generic,
            cap=limits.cap,
            prior=_centibits(file.prior.bits),
            household_cap=_centibits(file.household_cap.bits),
            guards=frozenset(file.guards),
            bits=_weights(file.fields),
            surname=_surname(file.frequencies.surname),
            given=_given(file.frequencies.given),
            extra=tuple((extra.name, _extra(extra), extra.crossed) for extra in file.extra),
        )

    def given_rarity(self, given: str, cohort: str, other: str) -> int:
        """What sharing this given name is worth: by cohort and sex; the lesser where the two records disagree."""
        tables = self.given
        everyone = tables[""]
        mine = tables.get(cohort, everyone)(given)
        return mine if cohort == other else min(mine, tables.get(other, everyone)(given))


def _centibits(bits: float) -> int:
    return round(bits * 100)


def _weights(fields: Mapping[str, Mapping[str, Level]]) -> dict[str, int]:
    return {
        f"{field}:{name}": _centibits(log2(level.m / (level.u or 1.0)))
        for field, levels in fields.items()
        for name, level in levels.items()
    }


def _rarity(shares: Mapping[str, float], least: float, foreign: float, fold: Callable[[str], str]) -> Rarity:
    """Names that sound alike count together: a match on either is as common as both."""
    together: dict[str, float] = {}
    for name, share in shares.items():
        folded = fold(name)
        together[folded] = together.get(folded, 0.0) + share
    of = {name: _centibits(-log2(max(share, least))) for name, share in together.items()}
    return Rarity(of, _centibits(-log2(least)), _centibits(-log2(foreign)))


def _surname(surname: SurnameShares) -> Rarity:
    return _rarity(surname.shares, surname.least, surname.foreign, names.fold_surname)


def _given(given: GivenShares) -> dict[str, Rarity]:
    """By decade and sex ('194F'), and '' for unknown cohorts: there a name counts as common as it ever was."""
    tables: dict[str, Rarity] = {}
    ever: dict[str, int] = {}
    for cohort, shares in given.shares.items():
        table = _rarity(shares, given.least, given.foreign, names.fold_given)
        tables.update(dict.fromkeys(_decades(cohort), table))
        for name, bits in table.of.items():
            ever[name] = min(bits, ever.get(name, bits))
    return {"": Rarity(ever, _centibits(-log2(given.least)), _centibits(-log2(given.foreign))), **tables}


def _decades(cohort: str) -> list[str]:
    years, sex = cohort.split("/")
    first, last = years.split("-")
    return [f"{decade}{sex}" for decade in range(int(first) // 10, int(last) // 10 + 1)]


def _extra(extra: Extra) -> Rarity | None:
    return _rarity(extra.shares, extra.least, extra.least, str) if extra.least else None
