"""What a JSON Schema (2020-12) says at one level: types, values, bounds, and the ways a document can satisfy it.

Owns reading schemas, for `inclusion`. Everything here errs to one side: what it claims of *every* document that
satisfies some parts is true, and what it cannot see it leaves out. Decides nothing about compatibility.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

Schema = dict[str, Any]
#: A number is an integer or a fraction: 1.0 is an integer in JSON Schema.
ALL_TYPES: Final = frozenset({"null", "boolean", "object", "array", "string", "integer", "fraction"})
NUMERIC: Final = frozenset({"integer", "fraction"})
WAYS_LIMIT: Final = 512
DEPTH_LIMIT: Final = 32


class Unproven(Exception):  # noqa: N818 - nothing is wrong, it only cannot be seen
    """A schema is too large, too deep, or refers to what is not in its document."""


class Part(NamedTuple):
    """One schema a document must satisfy, the document it stands in (for `$ref`), and where in it."""

    schema: Schema | bool
    root: Schema
    at: str = ""

    def inner(self, schema: Schema | bool, *steps: str | int) -> Part:  # noqa: FBT001 - true and false are schemas
        """A schema within this one."""
        return Part(schema, self.root, self.at + "".join(f"/{_escaped(str(step))}" for step in steps))

    def get(self, keyword: str, otherwise: Any = None) -> Any:  # noqa: ANN401 - a schema holds any JSON
        """The keyword's value."""
        return self.schema.get(keyword, otherwise) if isinstance(self.schema, dict) else otherwise

    def resolved(self) -> Part:
        """What its `$ref` leads to. Only references within the document are followed."""
        reference = str(self.get("$ref"))
        held: Any = self.root
        if reference != "#" and not reference.startswith("#/"):
            raise Unproven(f"the reference {reference} leads out of the document")
        for step in reference.split("/")[1:]:
            held = held.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(held, dict) else None
        if not isinstance(held, dict | bool):
            raise Unproven(f"the reference {reference} leads nowhere")
        return Part(held, self.root, reference[1:])


Way = tuple[Part, ...]
#: What is spread over ways, or says nothing by itself.
_SPREAD: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf", "$defs"})


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


# ------------------------------------------------------------------ values and types
def key(value: object) -> str:
    """A text that is the same for equal JSON values only: 1 and 1.0 are equal, 1 and true are not."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return {name: _plain(held) for name, held in value.items()} if isinstance(value, dict) else value


def type_of(value: object) -> str:
    """The type of a JSON value, as `ALL_TYPES` names it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    names: dict[type, str] = {str: "string", list: "array", dict: "object"}
    return names.get(type(value), "fraction")


def types_named(said: object) -> frozenset[str]:
    """The types a `type` keyword allows."""
    names = {str(name) for name in said} if isinstance(said, list) else {str(said)}
    return frozenset(NUMERIC | (names - {"number"}) if "number" in names else names)


def types(way: Way) -> frozenset[str]:
    """The types a document that satisfies all of this may have."""
    found = ALL_TYPES
    for part in way:
        if (said := part.get("type")) is not None:
            found &= types_named(said)
        if (listed := _listed(part)) is not None:
            found &= frozenset(map(type_of, listed))
    return found


def _listed(part: Part) -> list[Any] | None:
    """The values of `const` or `enum`, whatever else is said."""
    if not isinstance(part.schema, dict):
        return None
    if "const" in part.schema:
        return [part.schema["const"]]
    return list(part.schema["enum"]) if "enum" in part.schema else None


def values(way: Way) -> list[Any] | None:
    """All values a document that satisfies this can have, where they are few and known; else None."""
    allowed = types(way)
    found: dict[str, Any] | None = None
    if allowed <= {"null", "boolean"}:
        found = {key(value): value for value in (None, False, True)}
    for part in way:
        if (said := _listed(part)) is not None:
            listed = {key(value): value for value in said}
            found = listed if found is None else {k: v for k, v in found.items() if k in listed}
    if found is None:
        return None
    barred = {key(value) for part in way for value in _barred(part)}
    return [value for name, value in found.items() if type_of(value) in allowed and name not in barred]


def _barred(part: Part) -> list[Any]:
    """Values that `not` excludes, where it lists values and says nothing else."""
    said = part.inner(part.get("not", True))
    alone = isinstance(said.schema, dict) and len(said.schema) == 1
    return (_listed(said) or []) if alone else []


# ------------------------------------------------------------------ ways
def ways(parts: Iterable[Part], depth: int = 0) -> list[Way]:
    """Every way to satisfy all parts, with references followed and choices spread; what contradicts itself is left out.

    A document that satisfies the parts goes one of these ways. The reverse need not hold (`oneOf` is taken as `anyOf`,
    keywords nobody reads are passed over), and nobody relies on it. Raises `Unproven`.
    """
    found: list[Way] = [()]
    for part in parts:
        own = _ways_of(part, depth)
        found = [way for way in ((*left, *right) for left in found for right in own) if _possible(way)]
        if len(found) > WAYS_LIMIT:
            raise Unproven("there are too many ways to satisfy it")
    return found


def _ways_of(part: Part, depth: int) -> list[Way]:
    if isinstance(part.schema, bool):
        return [()] if part.schema else []
    if depth > DEPTH_LIMIT:
        raise Unproven("references go in a circle")
    plain = {name: held for name, held in part.schema.items() if name not in _SPREAD}
    spread: list[Part] = [part.resolved()] if "$ref" in part.schema else []
    spread += [part.inner(held, "allOf", n) for n, held in enumerate(part.get("allOf", ()))]
    found: list[Way] = [(Part(plain, part.root, part.at), *way) for way in ways(spread, depth + 1)]
    for choice in ("anyOf", "oneOf"):
        if choice in part.schema:
            branches = [part.inner(held, choice, n) for n, held in enumerate(part.schema[choice])]
            each = [way for branch in branches for way in ways([branch], depth + 1)]
            found = [(*left, *right) for left in found for right in each]
    return found


def _possible(way: Way) -> bool:
    return bool(types(way)) and values(way) != []


def is_empty(parts: Iterable[Part], depth: int = 0) -> bool:
    """Whether it is certain that nothing satisfies all parts: no common type, no common value, or none of a member."""
    if depth > DEPTH_LIMIT // 4:
        return False
    return all(_contradicts(way, depth) for way in ways(parts))


def _contradicts(way: Way, depth: int) -> bool:
    if types(way) != {"object"}:
        return False
    return any(is_empty(member(way, name), depth + 1) for name in sorted(required(way)))


# ------------------------------------------------------------------ members and elements
def required(way: Way) -> set[str]:
    """Members that must be there."""
    return {name for part in way for name in part.get("required", ())}


def names(way: Way) -> set[str]:
    """Members that are named."""
    return {name for part in way for name in part.get("properties", ())}


def member(way: Way, name: str) -> Way:
    """What is certain of the member `name`, where it is there. Patterns of names are not read, so they say nothing."""
    found: list[Part] = []
    for part in way:
        if name in (named := part.get("properties", {})):
            found.append(part.inner(named[name], "properties", name))
        elif (others := part.get("additionalProperties")) is not None and not part.get("patternProperties"):
            found.append(part.inner(others, "additionalProperties"))
    return tuple(found)


def element(way: Way, index: int) -> Way:
    """What is certain of the element at `index`, where it is there."""
    return tuple(held for part in way if (held := element_of(part, index)).schema is not True)


def element_of(part: Part, index: int) -> Part:
    """What one schema says of the element at `index`."""
    first = part.get("prefixItems", ())
    if index < len(first):
        return part.inner(first[index], "prefixItems", index)
    return part.inner(part.get("items", True), "items")


class Bound(NamedTuple):
    """A limit, and whether the limit itself is excluded."""

    limit: float
    strict: bool


def lower(way: Way, inclusive: str, exclusive: str = "") -> Bound | None:
    """The highest lower bound."""
    return max(_bounds(way, inclusive, exclusive), default=None)


def upper(way: Way, inclusive: str, exclusive: str = "") -> Bound | None:
    """The lowest upper bound."""
    return min(_bounds(way, inclusive, exclusive), key=lambda bound: (bound.limit, not bound.strict), default=None)


def _bounds(way: Way, inclusive: str, exclusive: str) -> list[Bound]:
    found = [(part.get(inclusive), False) for part in way] + [(part.get(exclusive), True) for part in way]
    return [Bound(limit, strict) for limit, strict in found if limit is not None]
