"""Rows of registers and lists (welfare centers, the housing corporation) to referrals.

Owns what a cell of each column says. Which title names which column is the mapping's; paths are column titles as the
mapping spells them, never other words of a header: a shifted sheet can have a person's name there.
"""

from __future__ import annotations

import re
from typing import Final

from hub.core.normalize.draft import Draft
from hub.core.normalize.mapping import Mapping, Sheet
from hub.core.normalize.person import NO_CELLS
from hub.core.normalize.placeholders import squeeze
from hub.core.normalize.referral import finish, words_to_needs
from hub.core.normalize.written import AS_EVERYBODY
from hub.schemas.canonical import ConsentClaim, Reason, ReferralClaim, Refusal
from hub.schemas.native.rows import Row

_MANY: Final = frozenset(("phone", "note", "need", "guardian_phone"))
_AMOUNT: Final = re.compile(r"-?[0-9][0-9,]*(?:\.[0-9]+)?(?: ?(?:원|만원|천원|개월|월|회|건))?")
#: Columns that hold a number, and what refuses the row when it is none.
_NUMBERS: Final = (("amount", "amount_not_a_number"), ("count", "count_not_a_number"))


def normalize(row: Row, mapping: Mapping, kind: str, agency: str, heard: str) -> ReferralClaim | Refusal:
    """The referral in one row. `kind` is 'housing' or 'welfare'; `agency` owns the register."""
    sheet = mapping.sheets[kind]
    draft = Draft()
    if any(row.cells[len(row.header) :]):
        return Refusal((Reason("", "cells_misaligned", "The row has more cells than its header has columns."),))
    _fill(draft, row, sheet)
    if lacking := [title for field, title in sheet.required.items() if field not in draft.places]:
        return Refusal(tuple(Reason(title, "column_missing", "This column is not in the header.") for title in lacking))
    _localize(draft, agency)
    _check_numbers(draft)
    _needs(draft, mapping, sheet)
    _urgency(draft, mapping)
    draft.consent = _consent(draft, mapping)
    return finish(draft, mapping, heard, row=f"{kind}-row:{agency}/{row.list_name}")


def _fill(draft: Draft, row: Row, sheet: Sheet) -> None:
    columns, cells = sheet.columns, row.cells
    for place, title in enumerate(row.header):
        field = columns.get(title)
        if field is None:
            title = squeeze(title)  # noqa: PLW2901 - from here on only the mapping's own spelling is used
            field = columns.get(title)
        if field is None or field == "ignore":
            continue
        text = cells[place] if place < len(cells) else ""
        if sheet.written is not AS_EVERYBODY:
            text = sheet.written.cell(draft, field, text)
        if field in _MANY:
            draft.places.setdefault(field, title)
            draft.add(field, title, text)
        else:
            draft.put(field, title, text)
    sheet.written.fill(draft)
    draft.adult = draft.path("name") in sheet.heads


def _localize(draft: Draft, agency: str) -> None:
    """A person's number is only known to the agency that gave it."""
    if cell := draft.cells.get("local_id"):
        draft.cells["local_id"] = (cell[0], f"{agency}:{cell[1]}")


def _check_numbers(draft: Draft) -> None:
    """Amounts are kept as notes for the worker; one that is no number makes the row untrustworthy."""
    for field, code in _NUMBERS:
        text = draft.take(field)
        if not text:
            continue
        if _AMOUNT.fullmatch(text):
            draft.many.setdefault("note", []).append((draft.path(field), f"{draft.path(field)} {text}"))
        else:
            draft.refuse(draft.path(field), code, "This column holds a number.")


def _needs(draft: Draft, mapping: Mapping, sheet: Sheet) -> None:
    if draft.many.get("need", NO_CELLS):
        words_to_needs(draft, mapping)
    elif sheet.default_need:
        draft.need(sheet.default_need)
        draft.note("need", ("default",))


def _urgency(draft: Draft, mapping: Mapping) -> None:
    text = draft.take("urgent")
    if text and mapping.is_mark("yes", text):
        draft.urgent_mark = True
    elif text and not mapping.is_mark("no", text):
        draft.note("urgent", ("unreadable",))


def _consent(draft: Draft, mapping: Mapping) -> ConsentClaim | None:
    """A register says how consent was given, not for which purposes; a refusal is no consent, and is flagged."""
    text = draft.take("consent")
    if not text:
        return None
    if mapping.is_mark("refused", text):
        draft.flag("consent_refused")
        return None
    for form in ("written", "spoken"):
        if mapping.is_mark(form, text):
            return ConsentClaim(form=form)
    draft.note("consent", ("unreadable",))
    return None
