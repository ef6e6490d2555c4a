"""A report: the clerk's own rows with what became of each beside them. Owns which row says what and what it is called.

Holds nothing of anybody that is not in the clerk's own row. Refused rows are mended in the report itself, which is
dropped again: `connectors.reading_report` takes the hub's columns off.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from connectors.files import words
from connectors.files.outcomes import Outcome, Outcomes
from connectors.files.slices import slices
from connectors.files.workbook import Book
from connectors.protocol import REFUSED, Broken
from connectors.reading import Placed, Sender, placed
from connectors.reading_kind import Kind, kind
from connectors.reading_report import COLUMNS, CSV_SHEET, OURS, harmless, list_name, readable
from connectors.reading_tables import charset
from connectors.standing import KOREAN

#: Kinds of files that hold no rows of columns.
MESSAGES: Final = frozenset({"hl7", "json"})
UTF_8: Final = "utf-8-sig"


class Row(msgspec.Struct, frozen=True):
    """One line of a report: the clerk's cells, ours, and which of the clerk's columns (from 0) are to be mended."""

    sheet: str
    header: Sequence[str]
    cells: Sequence[str]
    ours: Sequence[str]
    bad: bool = False
    mend: frozenset[int] = frozenset()


class Wanted(msgspec.Struct, frozen=True):
    """What to report on: an archived file, by its number and the name it was dropped under; how wide its sheets are."""

    seq: int

    local: Path
    name: str
    wide: Mapping[str, int]
    fmt: str | None
    names: Mapping[str, str]


def report_name(name: str, held: Kind, choice: str) -> str:
    """What the report on a file is called. Of a dropped report: the same name again."""
    ending = "xlsx" if choice == "xlsx" or held == "book" else "csv"
    stem = list_name(name) if held not in MESSAGES else list_name(readable(name) + ".")
    return f"{stem}.report.{ending}"


def write(target: Path, wanted: Wanted, sender: Sender, outcomes: Outcomes) -> None:
    """Write a report there; its ending says which kind. Raises `OSError` where it cannot."""
    held = kind(wanted.local)
    found = _rows(wanted, held, sender, outcomes)
    if target.name.removesuffix(".part").endswith(".xlsx"):
        with Book(target) as book:
            for row in found:
                book.add(row.sheet or CSV_SHEET, row.header, row.cells, row.ours, bad=row.bad, mend=row.mend)
            book.save()
    else:
        _write_csv(target, found, charset(wanted.local) if held == "table" else UTF_8)


def _write_csv(target: Path, rows: Iterable[Row], encoding: str) -> None:
    """In the charset the clerk's own program writes; what that lacks becomes a question mark."""
    with target.open("w", encoding=encoding, errors="replace", newline="") as handle:
        writer = csv.writer(handle)
        header: Sequence[str] = ()
        for row in rows:
            if not header:
                header = row.header
                writer.writerow([harmless(cell) for cell in header])
            writer.writerow([harmless(cell) for cell in (*row.cells, *row.ours)])


def _rows(wanted: Wanted, held: Kind, sender: Sender, outcomes: Outcomes) -> Iterator[Row]:
    asked = slices(placed(wanted.local, sender, wanted.fmt, wanted.name))
    return _messages(asked, outcomes, wanted) if held in MESSAGES else _lines(asked, outcomes, wanted)


def _known(some: Iterable[Placed], outcomes: Outcomes, wanted: Wanted) -> dict[str, Outcome]:
    """What became of these rows, by the ids of their contents: of each attempt the one that this file was."""
    firsts = [place.item["id"] for place in some if not isinstance(place.item, Broken)]
    later = outcomes.attempts(firsts, wanted.seq)
    told = outcomes.outcomes([later.get(first, first) for first in firsts])
    return {first: told[id_] for first in firsts if (id_ := later.get(first, first)) in told}


def _lines(asked: Iterable[list[Placed]], outcomes: Outcomes, wanted: Wanted) -> Iterator[Row]:
    """Rows of tables. What is unreadable before the first row of a sheet waits for its header."""
    own: list[str] = []
    header: list[str] = []
    sheet = ""
    waiting: list[Placed] = []
    for some in asked:
        known = _known(some, outcomes, wanted)
        for place in some:
            if isinstance(place.item, Broken):
                waiting.append(place)
                continue
            data = place.item["data"]
            if not own or place.sheet != sheet:
                own, sheet = data["header"], place.sheet
                wide = max(len(own), wanted.wide.get(sheet, 0))
                header = [*own, *[""] * (wide - len(own)), *_titles(own)]
            yield from (_unread(p, sheet, header) for p in waiting)
            waiting = []
            cells = data["cells"]
            told = known.get(place.item["id"])
            blank = [""] * (len(header) - len(COLUMNS) - len(cells))
            mend = _mended(own, told)
            ours = [*_told(told, wanted.names, place.notes), str(data["row"])]
            yield Row(sheet, header, [*cells, *blank], ours, _is_bad(told), mend)
    yield from (_unread(p, sheet, header) for p in waiting if header)


def _messages(asked: Iterable[list[Placed]], outcomes: Outcomes, wanted: Wanted) -> Iterator[Row]:
    """Of JSON and HL7, which hold no rows of columns: a line each."""
    header = [words.MESSAGE, *COLUMNS[:-1]]
    for some in asked:
        known = _known(some, outcomes, wanted)
        for place in some:
            if isinstance(place.item, Broken):
                yield Row(
                    "", header, [str(place.row or "")], ["", words.UNREADABLE, "", "", _why(place.item)], bad=True
                )
            else:
                told = known.get(place.item["id"])
                yield Row("", header, [str(place.row or "")], _told(told, wanted.names), _is_bad(told))


def _unread(place: Placed, sheet: str, header: Sequence[str]) -> Row:
    cells = [""] * (len(header) - len(COLUMNS))
    why = _why(place.item) if isinstance(place.item, Broken) else ""
    return Row(sheet, header, cells, ["", words.UNREADABLE, "", "", why, str(place.row or "")], bad=True)


def _why(broken: Broken) -> str:
    return words.unread(broken)


def _titles(own: Sequence[str]) -> list[str]:
    """Our columns' names, apart from the clerk's."""
    return [column + OURS if column in own else column for column in COLUMNS]


def _told(told: Outcome | None, names: Mapping[str, str], notes: Sequence[str] = ()) -> list[str]:
    """Number, state, holder, due, errors and what else is to be known of the row."""
    noted = [words.note(one) for one in notes]
    if told is None:
        return ["", words.WAITING, "", "", "; ".join(noted)]
    held = told.referrals
    numbers = _joined(str(r.get("id") or r.get("number") or "") for r in held)
    states = _joined(KOREAN.get(str(r.get("state", "")), str(r.get("state", ""))) for r in held)
    holders = _joined(names.get(str(r.get("receiver") or ""), str(r.get("receiver") or "")) for r in held)
    due = _joined(words.instant(str(r.get("due") or "")) for r in held)
    status = words.STATUSES.get(told.status, told.status)
    why = words.reasons(told.reasons)
    return [numbers, states or status, holders, due, "; ".join([why, *noted] if why else noted)]


def _joined(texts: Iterable[str]) -> str:
    """Several referrals of one row, each in its place; nothing where none says anything."""
    found = list(texts)
    return " / ".join(found) if any(found) else ""


def _is_bad(told: Outcome | None) -> bool:
    return told is not None and told.status == REFUSED


def _mended(own: Sequence[str], told: Outcome | None) -> frozenset[int]:
    """Columns that the reasons name, with or without spaces."""
    named = {"".join(str(r.get("path", "")).split()) for r in told.reasons} if told else set()
    return frozenset(place for place, title in enumerate(own) if "".join(title.split()) in named)
