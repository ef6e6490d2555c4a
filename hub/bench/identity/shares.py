"""How common names are in a register: the frequencies of a weight file, counted where there is enough to count.

Owns the counting. A person mentioned ten times is counted once as long as name and birth date are written alike; that
needs no truth. Names seen too seldom keep the share they have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from hub.core.identity.features import Features

NAME_LEAST: Final = 20  # mentions of a name: its share is then known to about a fifth
COHORT_LEAST: Final = 500  # people of some years and a sex


def count_names(file: dict[str, Any], records: Sequence[Features]) -> int:
    """Puts the register's shares into `file`; gives the number of shares that were counted."""
    people = {(f.written, f.split, f.birth, f.sex) for f in records if f.written and not f.written.isascii()}
    surnames = Counter(written[:split] for written, split, _, _ in people if split)
    counted = _count(file["frequencies"]["surname"]["shares"], surnames)
    for cohort, shares in file["frequencies"]["given"]["shares"].items():
        names = Counter(_given_names(people, cohort))
        if names.total() >= COHORT_LEAST:
            counted += _count(shares, names)
    source = f"; shares of names met {NAME_LEAST} times or more: counted in {len(people):,} people of the register"
    for kind in ("surname", "given"):
        file["frequencies"][kind]["source"] += source
    return counted


def _given_names(people: Iterable[tuple[str, int, str, str]], cohort: str) -> Iterable[str]:
    """Given names of those born in 'first year-last year/sex'."""
    years, sex = cohort.split("/")
    first, last = years.split("-")
    return (w[split:] for w, split, birth, of in people if of == sex and birth and first <= birth[:4] <= last)


def _count(shares: dict[str, float], names: Counter[str]) -> int:
    total = names.total()
    often = {name: count / total for name, count in sorted(names.items()) if count >= NAME_LEAST}
    shares.update({name: round(share, 6) for name, share in often.items()})
    return len(often)
