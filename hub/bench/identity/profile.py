"""What kinds of errors the duplicates of a set have, and how often: is one set a fair imitation of another?

Owns the description. It reads the truth to find each duplicate's original; what it says is shown to a reader and is
never used to fit a weight, a threshold or a rate of `corrupt`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec
from rapidfuzz.distance import OSA

from hub.bench.identity.corrupt import RATES, SWAPS
from hub.bench.identity.febrl import Rows, original

KINDS: Final = ("typing", "two errors", "spacing", "other value", "lost", "found", "swapped")
_TWO = 2


class Profile(msgspec.Struct, frozen=True):
    """fields: share of duplicates with each kind of error in each field ('surname', 'typing').

    changed: share of duplicates by how many of their fields differ from the original.
    """

    fields: dict[tuple[str, str], float]
    changed: dict[int, float]

    def average(self) -> float:
        """Fields changed per duplicate."""
        return sum(count * share for count, share in self.changed.items())


def profile(found: Rows) -> Profile:
    """The errors of the duplicates in `found`."""
    kinds: Counter[tuple[str, str]] = Counter()
    changed: Counter[int] = Counter()
    for id_, row in found.items():
        if not id_.endswith("-org"):
            errors = dict(_errors(found[f"{original(id_)}-org"], row))
            kinds.update(errors.items())
            changed[len(errors)] += 1
    count = changed.total()
    return Profile(
        {each: times / count for each, times in kinds.items()},
        {fields: times / count for fields, times in sorted(changed.items())},
    )


def _errors(of: dict[str, str], copy: dict[str, str]) -> Iterator[tuple[str, str]]:
    swapped = {field for one, other, _ in SWAPS for field in (one, other) if _is_swapped(of, copy, one, other)}
    for field in RATES:
        if of[field] != copy[field]:
            yield field, "swapped" if field in swapped else _kind(of[field], copy[field])


def _is_swapped(of: dict[str, str], copy: dict[str, str], one: str, other: str) -> bool:
    across = ((of[one], copy[other]), (of[other], copy[one]))
    return of[one] != copy[one] and all(a and b and OSA.distance(a, b) <= _TWO for a, b in across)


def _kind(before: str, after: str) -> str:
    if not before or not after:
        return "found" if after else "lost"
    if before.replace(" ", "") == after.replace(" ", ""):
        return "spacing"
    distance = OSA.distance(before, after)
    return "typing" if distance == 1 else "two errors" if distance == _TWO else "other value"


def table(published: Profile, ours: Profile) -> list[str]:
    """Lines of percent, published / ours, a row a field."""
    lines = [f"{'field':<14}" + "".join(f"{kind:>15}" for kind in KINDS)]
    for field in RATES:
        shares = ((published.fields.get((field, kind), 0.0), ours.fields.get((field, kind), 0.0)) for kind in KINDS)
        lines.append(f"{field:<14}" + "".join(f"{f'{a:.1%} / {b:.1%}':>15}" for a, b in shares))
    counts = sorted(published.changed | ours.changed)
    spread = (f"{n}: {published.changed.get(n, 0):.1%} / {ours.changed.get(n, 0):.1%}" for n in counts)
    return [*lines, "fields changed " + ", ".join(spread)]
