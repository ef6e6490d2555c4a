"""Changes captured in an agency's database to referrals: the row as it stands now, read like a row of a list.

Owns what a change of a row means: one that was written or rewritten is the referral or its correction. A deleted row is
no withdrawal, since systems delete what they archive: it is refused, and its sender is told how to withdraw.
"""

from __future__ import annotations

import json
from typing import Any, Final

from hub.core.normalize import rows
from hub.core.normalize.mapping import Mapping
from hub.schemas.canonical import Reason, ReferralClaim, Refusal
from hub.schemas.native.change import UNAVAILABLE, Change
from hub.schemas.native.rows import Row
from hub.schemas.native.wire import read

_DELETED: Final = "A deleted row withdraws nothing: answer the referral with withdraw, or mark the row and send it."
_UNAVAILABLE: Final = "The database did not tell this long value: ALTER TABLE … REPLICA IDENTITY FULL."


def normalize(change: Change, mapping: Mapping, agency: str, heard: str) -> ReferralClaim | Refusal:
    """The referral in the row as it stands after the change."""
    if change.op == "d":
        return Refusal((Reason("/op", "row_deleted", _DELETED),))
    if not change.after:
        return Refusal((Reason("/after", "missing", "The row as it stands now is not there."),))
    if any(cell == UNAVAILABLE for cell in change.after.values()):
        return Refusal(tuple(_untold(change.after, mapping.sheets[change.rows].columns)))
    cells = [_text(cell) for cell in change.after.values()]
    row = read(Row, {"header": list(change.after), "cells": cells, "row": 1, "register": change.source.table})
    return row if isinstance(row, Refusal) else rows.normalize(row, mapping, change.rows, agency, heard)


def _untold(after: dict[str, Any], columns: dict[str, str]) -> list[Reason]:
    """One reason a column; a title that the mapping does not know is not repeated."""
    titles = [title if title in columns else "" for title, cell in after.items() if cell == UNAVAILABLE]
    return [Reason(title, "value_unavailable", _UNAVAILABLE) for title in titles]


def _text(cell: object) -> str:
    """A cell as a person reads it."""
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "Y" if cell else "N"
    return str(cell) if isinstance(cell, int | float) else json.dumps(cell, ensure_ascii=False)
