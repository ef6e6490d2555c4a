"""What one message says, field by field, while it is being read: texts with their places, findings, repairs.

Owns collecting. Every format puts its texts in here under canonical names, with the path in the source's own words, and
the same code then makes claims of them. Holds no rules and never keeps a draft beyond one message.
"""

from __future__ import annotations

from typing import Final

from hub.core.normalize.placeholders import clean
from hub.schemas.canonical import ConsentClaim, Reason, Refusal, Urgency

LIMITS: Final = {"address": 500, "note": 10_000, "observed": 10_000}
LIMIT: Final = 256
MANY_LIMIT: Final = 50

Cell = tuple[str, str]


class Draft:
    """Texts by canonical field: `cells` one each, `many` several (phone, note, need), as (path, text)."""

    __slots__ = (
        "adult",
        "cells",
        "consent",
        "flags",
        "many",
        "needs",
        "places",
        "provenance",
        "reasons",
        "repairs",
        "urgency",
        "urgent_mark",
    )

    def __init__(self) -> None:
        self.adult = False  # the person heads a household
        self.cells: dict[str, Cell] = {}
        self.places: dict[str, str] = {}
        self.many: dict[str, list[Cell]] = {}
        self.needs: list[str] = []
        self.urgency: Urgency | None = None
        self.urgent_mark = False
        self.consent: ConsentClaim | None = None
        self.flags: list[str] = []
        self.provenance: dict[str, str] = {}
        self.repairs: list[str] = []
        self.reasons: list[Reason] = []

    def put(self, field: str, path: str, text: str) -> None:
        """A text for `field`, unless it has one already; an empty one only says where it should stand."""
        if field in self.cells:
            return
        self.places[field] = path
        if text and (text := clean(text)):
            self.cells[field] = (path, text[: LIMITS.get(field, LIMIT)])

    def add(self, field: str, path: str, text: str) -> None:
        """One more text for a field that can have several; more than fifty of them say nothing more."""
        if text and (text := clean(text)):
            held = self.many.setdefault(field, [])
            if len(held) < MANY_LIMIT:
                held.append((path, text[: LIMITS.get(field, LIMIT)]))

    def take(self, field: str) -> str:
        """The text of `field` ('' when there is none); where it stands is noted."""
        cell = self.cells.get(field)
        if cell is None:
            return ""
        self.provenance[field] = cell[0]
        return cell[1]

    def path(self, field: str) -> str:
        """Where `field` stands, or should stand."""
        return self.places.get(field, field)

    def need(self, code: str) -> None:
        """One more need code, once."""
        if code not in self.needs:
            self.needs.append(code)

    def flag(self, code: str) -> None:
        """Something a worker should see."""
        if code not in self.flags:
            self.flags.append(code)

    def note(self, field: str, codes: tuple[str, ...]) -> None:
        """What was repaired, as 'field:code'."""
        for code in codes:
            repair = f"{field}:{code}"
            if repair not in self.repairs:
                self.repairs.append(repair)

    def refuse(self, path: str, code: str, text: str, allowed: tuple[str, ...] = ()) -> None:
        """A reason that makes the message unacceptable; reading goes on, so that all reasons are told at once."""
        self.reasons.append(Reason(path, code, text, allowed))

    def refusal(self) -> Refusal:
        """The refusal of all reasons."""
        return Refusal(tuple(self.reasons))
