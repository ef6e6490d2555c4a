"""Keyword by keyword, what a schema says of a value by itself: whether it narrows what was accepted before.

Owns the rules that need no look at members, elements or choices (`inclusion` has those). Each one yields what it cannot
prove: `format` counts as asserted, `pattern` is only compared as text, and an unknown keyword proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from hub.schemas import shapes
from hub.schemas.shapes import NUMERIC, Part, Way, key, types, types_named, values


class Finding(NamedTuple):
    """What prevents the proof: a JSON pointer into the accepting schema, the keyword whose rule is broken, in words."""

    pointer: str
    rule: str
    text: str


Rule = Callable[[Part, Way], Iterator[Finding]]

#: Keywords that are the same statement only where they are the same text; together with the ones they depend on.
_AS_TEXT: Final = {
    **{name: (name,) for name in ("format", "pattern", "not", "dependentRequired", "contentEncoding")},
    **dict.fromkeys(("contains", "minContains", "maxContains"), ("contains", "minContains", "maxContains")),
    **dict.fromkeys(("if", "then", "else"), ("if", "then", "else")),
}
_STRINGS: Final = frozenset({"string"})
_ARRAYS: Final = frozenset({"array"})
_OBJECTS: Final = frozenset({"object"})
#: Of which types a keyword says anything at all.
SPEAKS_OF: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(("minLength", "maxLength", "pattern", "contentEncoding"), _STRINGS),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), NUMERIC),
    **dict.fromkeys(("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"), _ARRAYS),
    **dict.fromkeys(("minContains", "maxContains"), _ARRAYS),
    **dict.fromkeys(("properties", "patternProperties", "additionalProperties", "required"), _OBJECTS),
    **dict.fromkeys(("minProperties", "maxProperties", "propertyNames", "dependentRequired"), _OBJECTS),
}


def finding(accepting: Part, rule: str, text: str) -> Finding:
    """A finding on one keyword of a schema."""
    return Finding(accepting.inner(True, rule).at, rule, text)


def as_text(keyword: str) -> Rule:
    """The rule of a keyword that is compared as text; of one that nobody knows it says so."""
    together = _AS_TEXT.get(keyword, ())

    def rule(accepting: Part, way: Way) -> Iterator[Finding]:
        said = {name: accepting.get(name) for name in together}
        same = any(all(part.get(name) == held for name, held in said.items()) for part in way)
        if not together:
            yield finding(accepting, keyword, "this keyword is not understood, so nothing can be proven")
        elif not same or "$ref" in key(said):
            yield finding(accepting, keyword, "differs from what it was, or is new")

    return rule


def _type(accepting: Part, way: Way) -> Iterator[Finding]:
    if missing := types(way) - types_named(accepting.get("type")):
        yield finding(accepting, "type", f"no longer takes {', '.join(sorted(missing))}")


def _one_of_values(keyword: str) -> Rule:
    def rule(accepting: Part, way: Way) -> Iterator[Finding]:
        said = accepting.get(keyword)
        allowed = {key(value) for value in ([said] if keyword == "const" else said)}
        held = values(way)
        if held is None:
            yield finding(accepting, keyword, "only listed values are taken where any was")
        elif missing := sorted(key(value) for value in held if key(value) not in allowed):
            yield finding(accepting, keyword, f"no longer takes {', '.join(missing)}")

    return rule


def _bound(keyword: str, inclusive: str, exclusive: str = "") -> Rule:
    """The rule of a bound; `inclusive` and `exclusive` are the keywords that imply it."""
    least, counts = "min" in keyword.lower(), not exclusive

    def holds(limit: float, bound: float, *, strict: bool) -> bool:
        if keyword.startswith("exclusive") and not strict:
            return limit > bound if least else limit < bound
        return limit >= bound if least else limit <= bound

    def is_proven(bound: float, way: Way) -> bool:
        held = values(way)
        if held is not None:
            mine = [value for value in held if shapes.type_of(value) in SPEAKS_OF[keyword]]
            return all(holds(len(value) if counts else value, bound, strict=False) for value in mine)
        given = (shapes.lower if least else shapes.upper)(way, inclusive, exclusive)
        if given is None and least and counts:
            given = shapes.Bound(0, strict=False)  # nothing is shorter than nothing
        return given is not None and holds(given.limit, bound, strict=given.strict)

    def rule(accepting: Part, way: Way) -> Iterator[Finding]:
        if not is_proven(accepting.get(keyword), way):
            yield finding(accepting, keyword, f"{accepting.get(keyword)} is a narrower bound than before")

    return rule


def _multiple(accepting: Part, way: Way) -> Iterator[Finding]:
    step = accepting.get("multipleOf")
    given = [part.get("multipleOf") for part in way]
    whole = isinstance(step, int) and any(isinstance(held, int) and held % step == 0 for held in given)
    if not whole and step not in given:
        yield finding(accepting, "multipleOf", "not every number that was taken is a multiple")


def _unique(accepting: Part, way: Way) -> Iterator[Finding]:
    if accepting.get("uniqueItems") and not any(part.get("uniqueItems") for part in way):
        yield finding(accepting, "uniqueItems", "repeated elements were taken before")


def _required(accepting: Part, way: Way) -> Iterator[Finding]:
    for name in sorted(set(accepting.get("required")) - shapes.required(way)):
        yield finding(accepting, "required", f"the member {name!r} could be absent before")


RULES: Final[dict[str, Rule]] = {
    "type": _type,
    "enum": _one_of_values("enum"),
    "const": _one_of_values("const"),
    **{name: _bound(name, "minimum", "exclusiveMinimum") for name in ("minimum", "exclusiveMinimum")},
    **{name: _bound(name, "maximum", "exclusiveMaximum") for name in ("maximum", "exclusiveMaximum")},
    **{name: _bound(name, name) for name in ("minLength", "maxLength", "minItems", "maxItems")},
    **{name: _bound(name, name) for name in ("minProperties", "maxProperties")},
    "multipleOf": _multiple,
    "uniqueItems": _unique,
    "required": _required,
}
