"""What another threshold would give: precision, recall and reviews of the same edges, from 6 to 16 bits.

Owns the trade-off's figures. Every edge is weighed once, when its record arrives; for each threshold the persons are
made again from the stored edges, by the hub's own rule. Shows the choice, never makes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hub.bench.identity.tally import tally
from hub.core.identity.partition import persons

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.bench.identity.mentions import Mentions
    from hub.bench.identity.register import Register
    from hub.core.identity.model import Model
    from hub.core.identity.partition import Record

_CENT = 100


class Point(msgspec.Struct, frozen=True):
    """One threshold in bits; shares of pairs, and of records (review) as they stand once everybody has arrived."""

    auto: int
    precision: float
    auto_recall: float
    review: float


def curve(register: Register, town: Mentions, thresholds: Iterable[int] = range(6, 17)) -> list[Point]:
    """A point for each threshold; margin and review threshold stay those of the register's model."""
    return [_point(register.records, town, _at(register.model, bits), bits) for bits in thresholds]


def _at(model: Model, bits: int) -> Model:
    return msgspec.structs.replace(model, auto=bits * _CENT)


def _point(records: Mapping[str, Record], town: Mentions, model: Model, bits: int) -> Point:
    person_of = {id_: id_ for id_ in records}
    for component in _components(records, model):
        for group in persons({id_: records[id_] for id_ in component}, model):
            person_of.update(dict.fromkeys(group, group[0]))
    counted = tally(person_of, town)
    reviews = sum(_is_possibly(record, person_of, model) for record in records.values())
    return Point(bits, counted.precision, counted.auto_recall, reviews / max(1, len(records)))


def _components(records: Mapping[str, Record], model: Model) -> list[list[str]]:
    """Records held together by edges strong enough to matter, where there are several."""
    part_of: dict[str, list[str]] = {}
    for id_, record in records.items():
        for other, bits in record.edges.items():
            if bits >= model.link and other not in record.guards:
                mine, theirs = part_of.setdefault(id_, [id_]), part_of.setdefault(other, [other])
                if mine is not theirs:
                    larger, smaller = (mine, theirs) if len(mine) >= len(theirs) else (theirs, mine)
                    larger += smaller
                    part_of.update(dict.fromkeys(smaller, larger))
    return list({id(part): part for part in part_of.values()}.values())


def _is_possibly(record: Record, person_of: Mapping[str, str], model: Model) -> bool:
    """The rule of `identify`, for a record among those that came before it."""
    person = person_of[record.id]
    own = max((bits for other, bits in record.edges.items() if person_of[other] == person), default=None)
    least = model.review if own is None else own - model.margin
    return any(bits >= least and person_of[other] != person for other, bits in record.edges.items())
