"""Whether a changed schema still fits everybody: senders of older versions, or readers of older versions.

Owns the two directions and what counts as a change. Transitive by being asked of every version there ever was; the
proof itself is `inclusion`. Pure: where versions are kept is the caller's matter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

from hub.schemas.inclusion import Inclusion
from hub.schemas.narrowing import Finding
from hub.schemas.shapes import Part, Schema

Direction = Literal["backward", "forward"]
REMEDIES: Final[dict[Direction, str]] = {
    "backward": "Make the change optional or wider, or raise the format's version (…:v2) and keep this one.",
    "forward": "Add an optional fact instead, or give the message a type of its next version (….v2).",
}
#: What may be worded otherwise without a new version. `default` is not here: it says what absence means.
_WORDS: Final = frozenset({"title", "description", "examples", "$comment", "$schema", "discriminator", "deprecated"})
_NAMED: Final = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
_VALUES: Final = frozenset({"const", "enum", "default", "examples", "required", "dependentRequired"})


def findings(direction: Direction, current: Schema, former: Schema) -> list[Finding]:
    """What forbids the change from `former` to `current`; empty: proven compatible.

    backward: every document `former` accepts, `current` accepts. forward: every document of `current` can be read by
    who knows `former`, passes over members it does not know, and over messages whose type it does not know.
    """
    if meaning(current) == meaning(former):
        return []
    if direction == "backward":
        return Inclusion().findings(_whole(current), (_whole(former),))
    return Inclusion(skips_unknown=True).findings(_whole(as_read(former)), (_whole(current),))


def _whole(schema: Schema) -> Part:
    return Part(schema, schema)


def meaning(schema: Schema) -> Schema:
    """The schema without words for people: two of the same meaning accept the same and read the same."""
    return _rebuilt(schema, lambda held: {name: value for name, value in held.items() if name not in _WORDS})


def as_read(schema: Schema) -> Schema:
    """The schema of a reader who passes over members that are not named."""

    def opened(held: Schema) -> Schema:
        closed = held.get("additionalProperties") is False
        return {name: value for name, value in held.items() if not (closed and name == "additionalProperties")}

    return _rebuilt(schema, opened)


def _rebuilt(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Every schema within, changed; names of members and values are no schemas."""

    def inner(name: str, held: Any) -> Any:  # noqa: ANN401 - a keyword holds any JSON
        if name in _VALUES or isinstance(held, bool):
            return held
        if name in _NAMED:
            return {key: inner("", value) for key, value in held.items()}
        if isinstance(held, list):
            return [inner("", value) for value in held]
        return _rebuilt(held, change) if isinstance(held, dict) else held

    return {name: inner(name, held) for name, held in change(schema).items()}
