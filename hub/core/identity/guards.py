"""What no number of bits may overrule: reasons to leave two records to a human.

Owns the guards of `identity.md`. Never weighs. A guard on a pair stops that pair from being linked by the machine; all
but `unnamed` also keep the two records apart inside a larger group, since they are evidence of two people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.core.identity import levels

if TYPE_CHECKING:
    from hub.core.identity.features import Features
    from hub.core.identity.model import Model

_OTHER_GIVEN = frozenset({"near", "near2", "final", "syllable", "different"})
_TWIN_BIRTH = frozenset({"exact", "default"})
_OTHER_BIRTH = frozenset({"year", "different"})  # a swap or a single digit is one date written wrongly
OF_NAMES = frozenset({"twin", "same_register"})  # a human who merged two spellings has answered these


def guard(a: Features, b: Features, model: Model, given: str, birth: str) -> str:
    """The first guard that speaks, of those the model has, given the levels already found; '' for none."""
    found = _identity(a, b, birth) or _two_people(a, b, given, birth)
    return found if found in model.guards else ""


def parts(name: str) -> bool:
    """Whether a guard is evidence of two people (and not only of too little to go by)."""
    return name not in ("", "unnamed")


def _identity(a: Features, b: Features, birth: str) -> str:
    if a.substitute or b.substitute:
        return "substitute"
    if a.protected or b.protected:
        return "protected"
    if a.rrn_index and b.rrn_index and a.rrn_index != b.rrn_index:
        return "number_conflict"
    if a.sex and b.sex and a.sex != b.sex:
        return "sex_conflict"
    return "birth_conflict" if birth in _OTHER_BIRTH else ""


def _two_people(a: Features, b: Features, given: str, birth: str) -> str:
    if a.row and a.row == b.row and a.written != b.written:
        return "same_register"
    if _is_known(a, b):
        return ""
    if given == "":
        return "unnamed"
    if birth in _TWIN_BIRTH and given in _OTHER_GIVEN and (given == "final" or _is_household(a, b)):
        return "twin"
    return ""


def _is_known(a: Features, b: Features) -> bool:
    """The number or the agency's own id says it is one person, whatever became of the name."""
    return bool((a.rrn_index and a.rrn_index == b.rrn_index) or (a.local_id and a.local_id == b.local_id))


def _is_household(a: Features, b: Features) -> bool:
    return levels.phone(a, b) == "same" or levels.address(a, b) in ("unit", "building")
