"""Chance as the judge of compatibility: whatever two schemas it draws, what is proven compatible is accepted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator as Validator

from hub.schemas.compatibility import findings

NAMES = st.sampled_from(["a", "b"])
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 1.5, "", "a", "ab"])
BOUND = st.integers(0, 3)


def _members(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", ["object", "null"]]),
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "required": st.lists(NAMES, unique=True, max_size=2),
            "additionalProperties": inner,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=1),
            "propertyNames": st.sampled_from([{"maxLength": 1}, {"enum": ["a"]}]),
            "maxProperties": BOUND,
        },
    )


def _elements(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.just("array"),
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "items": inner,
            "minItems": BOUND,
            "maxItems": BOUND,
            "uniqueItems": st.booleans(),
        },
    )


TYPE = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
SIMPLE = st.one_of(
    st.booleans(),
    st.fixed_dictionaries({}, optional={"type": TYPE | st.lists(TYPE, unique=True, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"enum": st.lists(SCALARS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"const": SCALARS}),
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["integer", "number", "string", ["string", "integer"]]),
            "minimum": BOUND,
            "maximum": BOUND,
            "exclusiveMinimum": BOUND,
            "exclusiveMaximum": BOUND,
            "multipleOf": st.sampled_from([1, 2, 0.5]),
            "minLength": BOUND,
            "maxLength": BOUND,
            "pattern": st.sampled_from(["^a", "b"]),
        },
    ),
)


def _choices(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {}, optional={"anyOf": several, "oneOf": several, "allOf": several, "not": inner, "type": TYPE}
    )


SCHEMAS = st.recursive(
    SIMPLE | st.just({"$ref": "#/$defs/X"}),
    lambda inner: _members(inner) | _elements(inner) | _choices(inner),
    max_leaves=5,
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "ab"]), inner),
    max_leaves=5,
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two schemas; often the second is the first with one keyword changed, as in life."""
    old = {"$defs": {"X": draw(SIMPLE)}, **_as_object(draw(SCHEMAS))}
    if draw(st.booleans()):
        return old, {"$defs": {"X": draw(SIMPLE)}, **_as_object(draw(SCHEMAS))}
    other = _as_object(draw(SCHEMAS))
    new = old | dict(list(other.items())[:1])
    if draw(st.booleans()) and (gone := draw(st.sampled_from(sorted(new)))) != "$defs":
        new = {name: held for name, held in new.items() if name != gone}
    return (old, new) if draw(st.booleans()) else (new, old)


def _as_object(schema: Any) -> dict[str, Any]:
    return schema if isinstance(schema, dict) else {"allOf": [schema]}


def check(pair: tuple[dict[str, Any], dict[str, Any]], documents: list[Any]) -> None:
    old, new = pair
    assume("$ref" not in str(old["$defs"]) and "$ref" not in str(new["$defs"]))
    if findings("backward", new, old):
        return
    old_accepts, new_accepts = Validator(old).is_valid, Validator(new).is_valid
    for document in documents:
        assert not old_accepts(document) or new_accepts(document), (old, new, document)


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(pairs(), st.lists(DOCUMENTS, min_size=20, max_size=30))
def test_what_is_proven_compatible_is_accepted(pair: Any, documents: list[Any]) -> None:
    check(pair, documents)


@pytest.mark.faults
@pytest.mark.timeout(1200)
@settings(max_examples=20_000, suppress_health_check=list(HealthCheck))
@given(pairs(), st.lists(DOCUMENTS, min_size=20, max_size=30))
def test_what_is_proven_compatible_is_accepted_twenty_thousand_times(pair: Any, documents: list[Any]) -> None:
    check(pair, documents)


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(SCHEMAS, SIMPLE)
def test_a_check_ends_with_an_answer_for_any_schema(schema: Any, other: Any) -> None:
    held = {"$defs": {"X": other}, **_as_object(schema)}
    assert isinstance(findings("backward", held | {"title": "x", "minItems": 0}, held), list)
