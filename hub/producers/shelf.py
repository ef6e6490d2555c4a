"""What was recorded of late, sorted by the agencies it concerns: read once from the ledger, however many are told.

Owns a bounded memory of notices. Whoever is behind it searches the ledger for itself. Never says what may be known.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from threading import Lock
from typing import Final

from hub.core.feedview import read
from hub.core.notices import Notice, notice
from hub.ledger.webhooks import Postbox

#: Entries read at a time, and pages at a time, so that endpoints begin to hear of a backlog.
PAGE: Final = 2000
PAGES: Final = 10
#: Notices held at most; then the shelf begins anew, and whoever did not keep up searches the ledger.
HELD: Final = 20_000

_position = attrgetter("position")


class Shelf:
    """Notices of the positions behind `floor`, up to `size`. One thread fills it, others may look at the same time."""

    def __init__(self, box: Postbox) -> None:
        self._box = box
        self._lock = Lock()
        self._held: dict[str, list[Notice]] = {}
        self._count = 0
        self.floor = self.size = -1

    def fill(self) -> None:
        """Read what is new. The first time only how far the ledger is. Blocking; raises `Retry`, `Halt`."""
        if self.size < 0:
            self.floor = self.size = self._box.size()
        for _ in range(PAGES):
            rows = self._box.after(self.size, PAGE)
            with self._lock:
                self._put(rows)
            if len(rows) < PAGE:
                return

    def clear(self) -> None:
        """Forget everything: nobody listens."""
        with self._lock:
            self._held, self._count = {}, 0
            self.floor = self.size = -1

    def has(self, agency: str, after: int) -> bool:
        """Whether there is, or may be, something for an agency behind a position."""
        with self._lock:
            held = self._held.get(agency)
            return after < self.floor or (held is not None and held[-1].position > after)

    def after(self, agency: str, after: int, limit: int) -> tuple[list[Notice], int] | None:
        """Its next notices, and the position up to which these are all; None where the shelf does not reach."""
        with self._lock:
            if after < self.floor:
                return None
            held = self._held.get(agency, [])
            first = bisect_right(held, after, key=_position)
            page = held[first : first + limit]
            return page, page[-1].position if len(page) == limit else self.size

    def _put(self, rows: list[tuple[int, bytes]]) -> None:
        if self._count > HELD:
            self._held, self._count, self.floor = {}, 0, self.size
        for position, raw in rows:
            entry = read(raw)
            codes = [name[2:] for name in entry.facts["audience"] if name[:2] == "a:"]
            if codes:
                made = notice(entry, position)
                for code in codes:
                    self._held.setdefault(code, []).append(made)
                self._count += len(codes)
            self.size = position
