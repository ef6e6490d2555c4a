"""Text fields that only some models have, by position: FEBRL's names and addresses.

Owns their comparison, also crosswise where two fields are sometimes swapped. Korean models have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.core.identity import levels

if TYPE_CHECKING:
    from hub.core.identity.features import Features
    from hub.core.identity.model import Model, Rarity

Weighed = list[tuple[str, int]]


def weigh(a: Features, b: Features, model: Model) -> Weighed:
    """The weights of all extra fields, each field once."""
    fields: Weighed = []
    place = 0
    while place < len(model.extra):
        width = 2 if model.extra[place][2] else 1
        fields += _straight(a, b, model, place, width) if width == 1 else _best(a, b, model, place)
        place += width
    return fields


def _best(a: Features, b: Features, model: Model, place: int) -> Weighed:
    """Straight, or crosswise where that says clearly more than it costs."""
    straight = _straight(a, b, model, place, 2)
    if a.extra[place] == b.extra[place] or a.extra[place + 1] == b.extra[place + 1]:
        return straight
    crossed = _crossed(a, b, model, place)
    return crossed if _sum(crossed) > _sum(straight) else straight


def _sum(fields: Weighed) -> int:
    return sum(bits for _, bits in fields)


def _straight(a: Features, b: Features, model: Model, place: int, width: int) -> Weighed:
    fields: Weighed = []
    for at in range(place, place + width):
        name, rarity, _ = model.extra[at]
        _add(fields, model, name, (a.extra[at], b.extra[at]), (rarity,))
    return fields


def _crossed(a: Features, b: Features, model: Model, place: int) -> Weighed:
    """Each value against the other field's; a shared value is worth the lesser of what either field says."""
    (name, rarity, _), (other, other_rarity, _) = model.extra[place : place + 2]
    label = f"crossed:{name}"
    fields: Weighed = [(label, model.bits[label])]
    both = (rarity, other_rarity)
    # The record whose text sorts first names the pair, so that either order gives the same fields.
    first, second = sorted((a.extra[place : place + 2], b.extra[place : place + 2]))
    _add(fields, model, name, (first[0], second[1]), both)
    _add(fields, model, other, (first[1], second[0]), both)
    return fields


def _add(
    fields: Weighed, model: Model, name: str, values: tuple[str, str], rarities: tuple[Rarity | None, ...]
) -> None:
    level = levels.text(*values)
    if not level:
        return
    rare = min((rarity(values[0]) for rarity in rarities if rarity is not None), default=0) if level == "exact" else 0
    fields.append((f"{name}:{level}", model.bits[f"{name}:{level}"] + rare))
