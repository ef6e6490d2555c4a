"""Two records compared: bits for and against their being one person, field by field.

Owns how evidence adds up, and that phone and address together speak for a household, not for a person. Never decides.
The bits of the fields sum to the score exactly; they are integers (centibits), so every machine agrees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hub.core.identity import extras, guards, levels

if TYPE_CHECKING:
    from hub.core.identity.features import Features
    from hub.core.identity.model import Model

_BY_FREQUENCY = frozenset({"exact", "alike", "reading"})


class Score(msgspec.Struct, frozen=True, array_like=True):
    """`bits` in centibits; `fields` as ('birth:exact', 1450), summing to `bits`; `guard` '' or its name."""

    bits: int
    fields: tuple[tuple[str, int], ...]
    guard: str = ""


def compare(a: Features, b: Features, model: Model) -> Score:
    """The score of two records, the same in either order."""
    reading = a.given != b.given and levels.is_reading(a, b)
    surname, given = ("reading", "reading") if reading else (levels.surname(a, b), levels.given(a, b))
    birth = levels.birth(a, b)
    fields = [("prior", model.prior)]
    _name(fields, a, b, model, (surname, given))
    _level(fields, model, "birth", birth)
    _level(fields, model, "sex", levels.equal(a.sex, b.sex))
    _household(fields, a, b, model)
    _level(fields, model, "rrn", levels.equal(a.rrn_index, b.rrn_index))
    _level(fields, model, "local_id", levels.equal(a.local_id, b.local_id))
    if model.extra:
        fields += extras.weigh(a, b, model)
    bits = sum([weight for _, weight in fields])
    return Score(bits, tuple(fields), guards.guard(a, b, model, given, birth))


def _level(fields: list[tuple[str, int]], model: Model, field: str, level: str) -> int:
    """Adds the weight of a level the model knows, and says it. Not knowing is no evidence and leaves no line."""
    if not level:
        return 0
    label = f"{field}:{level}"
    bits = model.bits.get(label)
    if bits is None:
        return 0
    fields.append((label, bits))
    return bits


def _name(fields: list[tuple[str, int]], a: Features, b: Features, model: Model, found: tuple[str, str]) -> None:
    surname, given = found
    rare_surname, rare_given = 0, 0
    if surname == "reading":
        rare_surname, rare_given = _reading(a, b, model)
    else:
        if surname in _BY_FREQUENCY:
            rare_surname = model.surname(a.surname)
        if given in _BY_FREQUENCY:
            rare_given = model.given_rarity(a.given, a.cohort, b.cohort)
    if surname:
        fields.append((f"surname:{surname}", model.bits[f"surname:{surname}"] + rare_surname))
    if given:
        fields.append((f"given:{given}", model.bits[f"given:{given}"] + rare_given))


def _reading(a: Features, b: Features, model: Model) -> tuple[int, int]:
    """The least any reading that both names share is worth."""
    shared = [reading.partition("|") for reading in levels.readings(a) & levels.readings(b)]
    return min((model.surname(s), model.given_rarity(g, a.cohort, b.cohort)) for s, _, g in shared)


def _household(fields: list[tuple[str, int]], a: Features, b: Features, model: Model) -> None:
    """Phone and address, together worth at most what living together is worth (Newcombe 1967)."""
    phone = _level(fields, model, "phone", levels.phone(a, b))
    address = _level(fields, model, "address", levels.address(a, b))
    surplus = max(phone, 0) + max(address, 0) - model.household_cap
    if surplus > 0:
        fields.append(("household_cap", -surplus))
