"""The same engine for FEBRL's Australian records: another feature builder, other keys, another weight file.

Owns what a FEBRL row means. Never used by the hub itself: it is how the engine is measured against published data
(`identity.md`, "What it must reach"). The social security number is left out unless asked for: with it the sets are
easy, so published comparisons are made without.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from hub.core.identity import keys
from hub.core.identity.features import Features

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXTRA = ("given_name", "surname", "address_1", "address_2", "street_number", "suburb", "postcode", "state")
NUMBER = "soc_sec_id"


def fields(*, with_number: bool) -> tuple[str, ...]:
    """Names of the extra fields by position in `Features.extra`; the number, where it counts, is the last."""
    return (*EXTRA, NUMBER) if with_number else EXTRA


def build(row: Mapping[str, str], *, with_number: bool = False) -> Features:
    """Features of a row; a missing value is ''. Names are extra fields, because FEBRL swaps and misspells them."""
    birth = row["date_of_birth"]
    return Features(
        birth=birth,
        quality="exact" if birth else "missing",
        extra=tuple(row[name] for name in fields(with_number=with_number)),
    )


def blocking(features: Features, pepper: bytes) -> tuple[int, ...]:
    """Keys: every two parts that are seldom wrong together; two names or two streets count in either order.

    The number, where the features hold it, is a key by itself.
    """
    return keys.digest(_texts(features), pepper)


def _texts(f: Features) -> Iterator[str]:
    given, surname, street, other_street, _, suburb, postcode, _, *number = f.extra
    yield from (f"number|{value}" for value in number if value)
    parts = [("name", given), ("name", surname), ("birth", f.birth), ("suburb", suburb), ("postcode", postcode)]
    parts += [("street", street), ("street", other_street)]
    for (kind, value), (other_kind, other) in combinations([part for part in parts if part[1]], 2):
        yield "|".join((kind, other_kind, *sorted((value, other))))
