"""What all wire models share: frozen, bounded, and a refusal instead of an exception.

Owns the two attitudes to unknown fields (`Foreign` formats are others' standards and carry more than we read, `Own`
formats are ours and forbid extras) and the translation of pydantic's errors. Never quotes a value that was sent.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from hub.schemas.canonical import Reason, Refusal

TEXT_LIMIT: Final = 10_000  # characters of one text field
REASONS_LIMIT: Final = 20

Text = Annotated[str, StringConstraints(max_length=TEXT_LIMIT)]
Word = Annotated[str, StringConstraints(max_length=256)]
#: A number or id that will stand in facts and topics: no control characters.
Token = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}")


class Foreign(BaseModel):
    """A part of a published standard: fields we do not read are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Own(BaseModel):
    """A part of a format of ours: an unknown field is a misunderstanding and refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], data: object) -> Model | Refusal:
    """`data` (parsed JSON) as `model`, or why not, one reason per field, the path as a JSON pointer into data.

    Many systems write null for "nothing"; only a message that fails pays for looking.
    """
    try:
        return model.model_validate(data)
    except ValidationError:
        pass
    try:
        return model.model_validate(_without_nulls(data))
    except ValidationError as error:
        return refusal_of(error)


def _without_nulls(data: object) -> object:
    """Objects without their null members. Arrays keep theirs, so that pointers still point."""
    if isinstance(data, dict):
        return {key: _without_nulls(held) for key, held in data.items() if held is not None}
    return [_without_nulls(held) for held in data] if isinstance(data, list) else data


def refusal_of(error: ValidationError) -> Refusal:
    """Pydantic's findings without the values: at most `REASONS_LIMIT` of them."""
    found = error.errors(include_url=False, include_context=True, include_input=False)[:REASONS_LIMIT]
    return Refusal(tuple(_reason(item) for item in found))


def _reason(item: Any) -> Reason:  # noqa: ANN401 - pydantic's ErrorDetails, whose context is untyped
    expected = str(item.get("ctx", {}).get("expected", "")) if item["type"] == "literal_error" else ""
    allowed = tuple(re.findall(r"'([^']*)'", expected))
    return Reason(pointer(item["loc"]), str(item["type"]), str(item["msg"]), allowed)


def pointer(loc: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901) of pydantic's location.

    The tag that pydantic inserts behind `resource` is dropped; a key that does not look like a field name (a shifted
    file can make a person's name a key) is shown as `?`.
    """
    steps: list[str] = []
    for place, step in enumerate(loc):
        if place and loc[place - 1] == "resource" and isinstance(step, str) and step[:1].isupper():
            continue
        steps.append(
            step if isinstance(step, str) and _FIELD.fullmatch(step) else str(step) if isinstance(step, int) else "?"
        )
    return "".join(f"/{step}" for step in steps)
