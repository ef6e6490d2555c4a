"""Parameters as they stand in addresses and queries, each with its bounds. Owns what counts as an id.

What is no UUID names nothing, and PostgreSQL is never asked: it refuses NUL characters and malformed ids with errors.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Header, Query

from hub.web.problems import not_found

#: The largest position PostgreSQL can compare with.
LAST: Final = 2**63 - 1
PAGE: Final = 1000
WAIT_S: Final = 30.0
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)

After = Annotated[int, Query(ge=0, le=LAST, description="Position to go on behind.")]
Limit = Annotated[int, Query(ge=1, le=PAGE)]
Wait = Annotated[float, Query(ge=0, le=WAIT_S, allow_inf_nan=False, description="Seconds to wait for the verdict.")]
LastEventId = Annotated[int | None, Header(ge=0, le=LAST, description="Resumes a stream; stands above `after`.")]
Purpose = Annotated[str, Query(max_length=64, description="The purpose of the read, one of the account's own.")]


def known_id(text: str) -> str:
    """An id as the ledger writes it. What is none is answered as an id nobody has."""
    lowered = text.lower()
    if _UUID.fullmatch(lowered) is None:
        raise not_found()
    return lowered
