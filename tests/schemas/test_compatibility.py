"""Each rule of compatibility in both directions: the narrower is refused, the wider is not."""

from __future__ import annotations

from typing import Any

import pytest

from hub.schemas.compatibility import findings, meaning

S = {"type": "string"}
N = {"type": "integer"}


def member(schema: Any, *required: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}, **({"required": list(required)} if required else {}), **more}


def referring(schema: Any) -> dict[str, Any]:
    return {"$ref": "#/$defs/X", "$defs": {"X": schema}}


def tagged(**kinds: Any) -> dict[str, Any]:
    return {
        "oneOf": [
            {"type": "object", "properties": {"kind": {"const": kind}, "a": held}, "required": ["kind"]}
            for kind, held in kinds.items()
        ]
    }


#: rule → narrow, wide, where the rule is broken when the narrow one follows the wide one. The reverse is compatible.
NARROWER: dict[str, tuple[Any, Any, str, str]] = {
    "a type fewer": (S, {"type": ["string", "null"]}, "/type", "type"),
    "integers of numbers": (N, {"type": "number"}, "/type", "type"),
    "a type where any was": (S, {}, "/type", "type"),
    "a member required": (member(S, "a"), member(S), "/required", "required"),
    "an enum value fewer": ({"enum": ["a"]}, {"enum": ["a", "b"]}, "/enum", "enum"),
    "an enum where any text was": ({"type": "string", "enum": ["a"]}, S, "/enum", "enum"),
    "a const of an enum": ({"const": "a"}, {"enum": ["a", "b"]}, "/const", "const"),
    "a const of another type": ({"const": 1}, {"enum": [1, True]}, "/const", "const"),
    "closed": (member(S, additionalProperties=False), member(S), "/additionalProperties", "additionalProperties"),
    "a member fewer of a closed object": (
        member(S, additionalProperties=False),
        {"type": "object", "properties": {"a": S, "b": S}, "additionalProperties": False},
        "/additionalProperties",
        "additionalProperties",
    ),
    "others typed": (
        {"type": "object", "additionalProperties": S},
        {"type": "object"},
        "/additionalProperties/type",
        "type",
    ),
    "longer at least": (S | {"minLength": 2}, S | {"minLength": 1}, "/minLength", "minLength"),
    "a length where none was": (S | {"minLength": 1}, S, "/minLength", "minLength"),
    "shorter at most": (S | {"maxLength": 9}, S | {"maxLength": 10}, "/maxLength", "maxLength"),
    "more at least": (N | {"minimum": 1}, N | {"minimum": 0}, "/minimum", "minimum"),
    "less at most": (N | {"maximum": 1}, N, "/maximum", "maximum"),
    "the bound itself": (N | {"exclusiveMaximum": 5}, N | {"maximum": 5}, "/exclusiveMaximum", "exclusiveMaximum"),
    "the lower bound itself": (
        N | {"exclusiveMinimum": 5},
        N | {"minimum": 5},
        "/exclusiveMinimum",
        "exclusiveMinimum",
    ),
    "multiples": (N | {"multipleOf": 4}, N | {"multipleOf": 2}, "/multipleOf", "multipleOf"),
    "fewer elements": ({"type": "array", "maxItems": 1}, {"type": "array", "maxItems": 2}, "/maxItems", "maxItems"),
    "more elements": ({"type": "array", "minItems": 2}, {"type": "array", "minItems": 1}, "/minItems", "minItems"),
    "members at least": (
        {"type": "object", "minProperties": 1},
        {"type": "object"},
        "/minProperties",
        "minProperties",
    ),
    "an element at its place alone": (
        {"type": "array", "prefixItems": [S]},
        {"type": "array"},
        "/prefixItems/0/type",
        "type",
    ),
    "elements once": ({"type": "array", "uniqueItems": True}, {"type": "array"}, "/uniqueItems", "uniqueItems"),
    "fewer members": (
        {"type": "object", "maxProperties": 1},
        {"type": "object", "maxProperties": 2},
        "/maxProperties",
        "maxProperties",
    ),
    "a pattern where none was": (S | {"pattern": "^a"}, S, "/pattern", "pattern"),
    "a format where none was": (S | {"format": "date"}, S, "/format", "format"),
    "elements": ({"type": "array", "items": S}, {"type": "array"}, "/items/type", "type"),
    "an element at its place": (
        {"type": "array", "prefixItems": [S], "items": N},
        {"type": "array", "prefixItems": [{}], "items": N},
        "/prefixItems/0/type",
        "type",
    ),
    "no more elements": (
        {"type": "array", "prefixItems": [S], "items": False},
        {"type": "array", "prefixItems": [S]},
        "/items",
        "false",
    ),
    "a choice fewer": ({"anyOf": [S]}, {"anyOf": [S, {"type": "null"}]}, "/anyOf", "anyOf"),
    "a narrower choice": (
        {"anyOf": [S | {"maxLength": 1}, {"type": "null"}]},
        {"anyOf": [S, {"type": "null"}]},
        "/anyOf/0/maxLength",
        "maxLength",
    ),
    "a kind fewer": (tagged(x=S), tagged(x=S, y=S), "/oneOf", "oneOf"),
    "a narrower kind": (
        tagged(x=S | {"maxLength": 1}, y=N),
        tagged(x=S, y=N),
        "/oneOf/0/properties/a/maxLength",
        "maxLength",
    ),
    "one more condition": ({"allOf": [S, {"minLength": 1}]}, {"allOf": [S]}, "/allOf/1/minLength", "minLength"),
    "behind a reference": (
        referring(member(S | {"maxLength": 1})),
        referring(member(S)),
        "/$defs/X/properties/a/maxLength",
        "maxLength",
    ),
    "a reference instead of the same": (
        member({"$ref": "#/$defs/X"}) | {"$defs": {"X": S}},
        member({}),
        "/$defs/X/type",
        "type",
    ),
    "names of members": (
        {"type": "object", "propertyNames": {"maxLength": 2}},
        {"type": "object"},
        "/propertyNames/maxLength",
        "maxLength",
    ),
    "members by pattern": (
        {"type": "object", "patternProperties": {"^x": S}},
        {"type": "object", "patternProperties": {"^x": {}}},
        "/patternProperties/^x/type",
        "type",
    ),
    "nothing": (member(False), member(S), "/properties/a", "false"),
}
SAME = {
    "a type said by a value": ({"const": "a"}, {"type": "string", "const": "a"}),
    "an enum of one": ({"const": 1}, {"enum": [1.0]}),
    "a choice of types": ({"type": ["string", "null"]}, {"anyOf": [S, {"type": "null"}]}),
    "a choice of values": ({"enum": ["a", "b"]}, {"anyOf": [{"const": "a"}, {"const": "b"}]}),
    "a choice in another order": ({"anyOf": [S, N]}, {"anyOf": [N, S]}),
    "kinds in another order": (tagged(x=S, y=N), tagged(y=N, x=S)),
    "conditions in one": ({"allOf": [S, {"minLength": 1}]}, S | {"minLength": 1}),
    "a reference and what it means": (referring(member(S)), member(S)),
    "a tree": (
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "properties": {"a": {"$ref": "#/$defs/T"}}}}},
    ),
    "a bound that says nothing of the type": (S | {"minimum": 3}, S),
    "a length that is no condition": (S | {"minLength": 0}, S),
}
#: old, new, where, rule: what is refused in either direction, or since nobody can prove it.
REFUSED: dict[str, tuple[Any, Any, str, str]] = {
    "another pattern": (S | {"pattern": "^a"}, S | {"pattern": "^[ab]"}, "/pattern", "pattern"),
    "another format": (S | {"format": "date"}, S | {"format": "date-time"}, "/format", "format"),
    "another default": (member(S | {"default": ""}), member(S | {"default": "x"}), "/properties/a/default", "default"),
    "choices that overlap": ({"oneOf": [S]}, {"oneOf": [S, {"minLength": 1}]}, "/oneOf", "oneOf"),
    "what nobody understands": (S, S | {"unevaluatedItems": False}, "/unevaluatedItems", "unevaluatedItems"),
    "a reference to nowhere": (S, {"$ref": "#/$defs/Y"}, "", "unprovable"),
    "a reference outside": (S, {"$ref": "https://example.org/x"}, "", "unprovable"),
    "a reference to itself": (S, referring({"$ref": "#/$defs/X"}), "/$defs/X", "$ref"),
    "a negation": (S, {"not": N}, "/not", "not"),
}


@pytest.mark.parametrize("rule", NARROWER)
def test_what_is_narrower_is_refused_and_the_reverse_is_not(rule: str) -> None:
    narrow, wide, pointer, keyword = NARROWER[rule]
    assert [(one.pointer, one.rule) for one in findings("backward", narrow, wide)] == [(pointer, keyword)]
    assert findings("backward", wide, narrow) == []


@pytest.mark.parametrize("name", SAME)
def test_what_means_the_same_fits_both_ways(name: str) -> None:
    one, other = SAME[name]
    assert findings("backward", one, other) == findings("backward", other, one) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_proven_is_refused(name: str) -> None:
    old, new, pointer, rule = REFUSED[name]
    assert [(one.pointer, one.rule) for one in findings("backward", new, old)] == [(pointer, rule)]


# ------------------------------------------------------------------ readers of older versions
EMITTED = tagged(x={"enum": ["a", "b"]})
CLOSED = {"oneOf": [EMITTED["oneOf"][0] | {"additionalProperties": False}]}


def changed(**properties: Any) -> dict[str, Any]:
    (shape,) = CLOSED["oneOf"]
    return {"oneOf": [shape | {"properties": shape["properties"] | properties}]}


READABLE = {
    "one more fact": changed(b=S),
    "one more kind": {"oneOf": [*CLOSED["oneOf"], *tagged(y=N)["oneOf"]]},
    "a kind fewer": tagged(y=N),
    "a value never sent any more": changed(a={"enum": ["a"]}),
    "a fact always there": {"oneOf": [CLOSED["oneOf"][0] | {"required": ["kind", "a"]}]},
}
UNREADABLE = {
    "one more value": changed(a={"enum": ["a", "b", "c"]}),
    "another type": changed(a=N),
    "a fact no longer certain": {"oneOf": [CLOSED["oneOf"][0] | {"required": []}]},
}


@pytest.mark.parametrize("name", READABLE)
def test_a_reader_of_an_older_version_reads_on(name: str) -> None:
    assert findings("forward", READABLE[name], CLOSED) == []


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_an_older_reader_would_not_understand_is_refused(name: str) -> None:
    assert findings("forward", UNREADABLE[name], CLOSED)


def test_words_for_people_are_no_change() -> None:
    old = member(S | {"title": "A", "description": "one"})
    assert meaning(old) == meaning(member(S | {"description": "other"})) == member(S)
    # … and a member may be called like one of them
    assert meaning({"properties": {"title": S}}) == {"properties": {"title": S}}
