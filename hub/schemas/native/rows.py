"""One row of an agency's spreadsheet, as text, beside its header. Owns the shape; what columns mean is a rule."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.schemas.native.wire import Own, Text, Word

COLUMNS_LIMIT = 100


class Row(Own):
    """`header` and `cells` side by side; `row` as people count it, from 1; `register` names the list it is a row of."""

    header: Annotated[tuple[Word, ...], Field(min_length=1, max_length=COLUMNS_LIMIT)]
    cells: Annotated[tuple[Text, ...], Field(min_length=1, max_length=COLUMNS_LIMIT)]
    row: Annotated[int, Field(ge=1, le=10_000_000)]
    list_name: Annotated[Word, Field(alias="register")] = ""  # BaseModel has a method of that name
