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
#: Another name, sex or date: where two records with one number differ like this, one of them was miswritten.
SLIPS = frozenset({"twin", "sex_conflict", "birth_conflict"})


def guard(a: Features, b: Features, model: Model, given: str, birth: str) -> str:
    """The first guard that speaks, of those the model has, given the levels already found; '' for none."""
    found = _identity(a, b, given, birth) or _two_people(a, b, given, birth)
    return found if found in model.guards else ""


def parts(name: str) -> bool:
    """Whether a guard is evidence of two people (and not only of too little to go by)."""
    return name not in ("", "unnamed")


def _identity(a: Features, b: Features, given: str, birth: str) -> str:
    if a.substitute or b.substitute:
        return "substitute"
    if a.protected or b.protected:
        return "protected"
    if a.rrn_index and b.rrn_index and a.rrn_index != b.rrn_index:
        return "number_conflict"
    other_sex, other_birth = bool(a.sex and b.sex and a.sex != b.sex), birth in _OTHER_BIRTH
    if _is_one_number(a, b) and other_sex + other_birth + (given in _OTHER_GIVEN) <= 1:
        return ""  # one difference beside the number is a slip; two are another member under the head's number
    return "sex_conflict" if other_sex else "birth_conflict" if other_birth else ""


def _two_people(a: Features, b: Features, given: str, birth: str) -> str:
    if a.row and a.row == b.row and a.written != b.written:
        return "same_register"
    if is_known(a, b):
        return ""
    if given == "":
        return "unnamed"
    if birth in _TWIN_BIRTH and given in _OTHER_GIVEN and (given == "final" or _is_household(a, b)):
        return "twin"
    return ""


def is_known(a: Features, b: Features) -> bool:
    """The number or the agency's own id says it is one person, whatever became of the name."""
    return _is_one_number(a, b) or bool(a.local_id and a.local_id == b.local_id)


def _is_one_number(a: Features, b: Features) -> bool:
    return bool(a.rrn_index and a.rrn_index == b.rrn_index)


def _is_household(a: Features, b: Features) -> bool:
    return levels.phone(a, b) == "same" or levels.address(a, b) in ("unit", "building")
