"""Whether every document one JSON Schema (2020-12) accepts is accepted by another one: a proof, or what prevents it.

Owns members, elements, references and choices, and the order of the proof. Conservative: no finding means proven, and
what is not understood is a finding. Knows nothing of versions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from hub.schemas import narrowing, shapes
from hub.schemas.narrowing import SPEAKS_OF, Finding, as_text, finding
from hub.schemas.shapes import Part, Unproven, Way, key, types, values, ways

ANNOTATIONS: Final = frozenset({
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
    "discriminator", "$comment", "$schema", "$defs",
})  # fmt: skip
#: The document of parts that refer to nothing.
_NOWHERE: Final[shapes.Schema] = {}
Rule = Callable[["Inclusion", Part, Way], Iterator[Finding]]


class Inclusion:
    """One proof. `skips_unknown`: the accepting side passes over a document none of its outermost choices can mean."""

    def __init__(self, *, skips_unknown: bool = False) -> None:
        self.skips_unknown = skips_unknown
        self._assumed: dict[str, int] = {}
        self.depth = 0

    def findings(self, accepting: Part, given: Way) -> list[Finding]:
        """What prevents that every document of `given` (all its parts) satisfies `accepting`; each finding once.

        A question met again further inside is taken as answered (a document is finite); met again at the same depth, it
        refers to nothing but itself and is a finding.
        """
        question = key([[part.schema, id(part.root)] for part in (accepting, *given)])
        if question in self._assumed:
            circle = Finding(accepting.at, "$ref", "refers to itself without an end")
            return [] if self.depth > self._assumed[question] else [circle]
        self._assumed[question] = self.depth
        try:
            return list(dict.fromkeys(f for way in ways(given) for f in self.of_way(accepting, way)))
        except Unproven as reason:
            return [Finding(accepting.at, "unprovable", f"{reason}")]
        finally:
            del self._assumed[question]

    def inside(self, accepting: Part, given: Way) -> list[Finding]:
        """The same for a member or an element: one level further inside."""
        self.depth += 1
        try:
            return self.findings(accepting, given)
        finally:
            self.depth -= 1

    def of_way(self, accepting: Part, way: Way) -> list[Finding]:
        """What prevents it on one way; every keyword of the accepting schema must be proven by itself."""
        if isinstance(accepting.schema, bool):
            return [] if accepting.schema else [Finding(accepting.at, "false", "nothing is accepted here any more")]
        found: list[Finding] = []
        for keyword in sorted(accepting.schema.keys() - ANNOTATIONS):
            if not types(way) & SPEAKS_OF.get(keyword, shapes.ALL_TYPES):
                continue
            if keyword in _RULES:
                found += _RULES[keyword](self, accepting, way)
            else:
                found += narrowing.RULES.get(keyword, as_text(keyword))(accepting, way)
        return found


# ------------------------------------------------------------------ members and elements
def _named(proof: Inclusion, accepting: Part, way: Way) -> Iterator[Finding]:
    """Named members: what each may hold, and that its absence still means the same."""
    for name, schema in accepting.get("properties").items():
        yield from proof.inside(accepting.inner(schema, "properties", name), shapes.member(way, name))
        for part in way:
            before = part.get("properties", {}).get(name)
            both = isinstance(before, dict) and isinstance(schema, dict) and "default" in before and "default" in schema
            if both and key(before["default"]) != key(schema["default"]):
                inner = accepting.inner(True, "properties", name)
                yield finding(inner, "default", "an absent member would mean something else")


def _patterned(proof: Inclusion, accepting: Part, way: Way) -> Iterator[Finding]:
    """Members by pattern. Which names a pattern means is not asked: every name may be one."""
    for pattern, schema in accepting.get("patternProperties").items():
        target = accepting.inner(schema, "patternProperties", pattern)
        for name in sorted(shapes.names(way) | set(accepting.get("properties", ()))):
            yield from proof.inside(target, shapes.member(way, name))
        yield from _others(proof, target, [_sources(part, only=pattern) for part in way])


def _additional(proof: Inclusion, accepting: Part, way: Way) -> Iterator[Finding]:
    """Members that are not named: those the other side names, and all the rest."""
    target = accepting.inner(accepting.get("additionalProperties"), "additionalProperties")
    for name in sorted(shapes.names(way) - set(accepting.get("properties", ()))):
        found = proof.inside(target, shapes.member(way, name))
        refused = found and target.schema is False
        yield from [Finding(target.at, "additionalProperties", f"the member {name!r} was taken")] if refused else found
    kept = accepting.get("patternProperties", {})
    found = _others(proof, target, [_sources(part, without=kept) for part in way])
    refused = found and target.schema is False
    yield from (
        [Finding(target.at, "additionalProperties", "members without a name here were taken")] if refused else found
    )


def _sources(part: Part, *, only: str | None = None, without: Collection[str] = ()) -> list[Part]:
    """What a member without a name here satisfies, one of these: one that matches `only`, or none of `without`."""
    held = part.get("patternProperties", {})
    if only is not None and only in held:
        return [part.inner(held[only], "patternProperties", only)]
    matched = [part.inner(held[name], "patternProperties", name) for name in held if name not in without]
    return [*matched, part.inner(part.get("additionalProperties", True), "additionalProperties")]


def _others(proof: Inclusion, target: Part, sources: list[list[Part]]) -> list[Finding]:
    """Members nobody names: one part that says enough of them is enough."""
    tried = [[one for source in each for one in proof.inside(target, (source,))] for each in sources]
    return min(tried, key=len) if tried else proof.inside(target, ())


def _member_names(proof: Inclusion, accepting: Part, way: Way) -> Iterator[Finding]:
    given = [part.inner(part.get("propertyNames", True), "propertyNames") for part in way]
    target = accepting.inner(accepting.get("propertyNames"), "propertyNames")
    yield from proof.inside(target, (Part({"type": "string"}, _NOWHERE), *given))


def _elements(proof: Inclusion, accepting: Part, way: Way) -> Iterator[Finding]:
    """Elements at their places, then the rest."""
    most = shapes.upper(way, "maxItems")
    placed = max(len(part.get("prefixItems", ())) for part in (accepting, *way))
    for index in range(placed + 1):  # the last one stands for all the rest
        if most is None or index < most.limit:
            yield from proof.inside(shapes.element_of(accepting, index), shapes.element(way, index))


# ------------------------------------------------------------------ choices
def _reference(proof: Inclusion, accepting: Part, way: Way) -> Iterator[Finding]:
    yield from proof.findings(accepting.resolved(), way)


def _all_of(proof: Inclusion, accepting: Part, way: Way) -> Iterator[Finding]:
    for n, schema in enumerate(accepting.get("allOf")):
        yield from proof.findings(accepting.inner(schema, "allOf", n), way)


def _choice(keyword: str) -> Rule:
    def rule(proof: Inclusion, accepting: Part, way: Way) -> Iterator[Finding]:
        branches = [accepting.inner(schema, keyword, n) for n, schema in enumerate(accepting.get(keyword))]
        near = [branch for branch in branches if not shapes.is_empty((*way, branch))]
        if not near and proof.skips_unknown and proof.depth == 0 and accepting.at == "":
            return
        taken = [branch for branch in near if not proof.findings(branch, way)]
        if taken and keyword == "oneOf" and not any(_alone(branch, branches, way) for branch in taken):
            yield finding(accepting, keyword, "more than one choice may take what was taken before")
        if taken:
            return
        parts = _split(way)
        if parts:
            yield from (found for part in parts for found in rule(proof, accepting, part))
        elif len(near) == 1:
            yield from proof.findings(near[0], way)
        else:
            yield finding(accepting, keyword, "no choice takes all that was taken before")

    return rule


def _alone(branch: Part, branches: list[Part], way: Way) -> bool:
    return all(other is branch or shapes.is_empty((*way, branch, other)) for other in branches)


def _split(way: Way) -> list[Way]:
    """The same way in smaller ones: by value where they are known, else by type."""
    held = values(way)
    if held is not None:
        return [(*way, Part({"const": value}, _NOWHERE)) for value in held] if len(held) > 1 else []
    several = sorted(types(way))
    return [(*way, Part({"type": one}, _NOWHERE)) for one in several] if len(several) > 1 else []


_RULES: Final[dict[str, Rule]] = {
    "properties": _named,
    "patternProperties": _patterned,
    "additionalProperties": _additional,
    "propertyNames": _member_names,
    "prefixItems": _elements,
    "items": _elements,
    "$ref": _reference,
    "allOf": _all_of,
    "anyOf": _choice("anyOf"),
    "oneOf": _choice("oneOf"),
}
