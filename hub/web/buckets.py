"""Token buckets: how many events each agency may send. Owns the arithmetic; the clock is asked by the caller."""

from __future__ import annotations


class Buckets:
    """One bucket per agency, full at first. A request larger than a bucket empties a full one and passes."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._level: dict[str, tuple[float, float]] = {}

    def take(self, agency: str, amount: int, now: float) -> float:
        """Take, and 0.0; or take nothing, and the seconds until it would fit."""
        level, since = self._level.get(agency, (self._burst, now))
        level = min(self._burst, level + max(0.0, now - since) * self._per_s)
        missing = min(float(amount), self._burst) - level
        if missing > 0:
            self._level[agency] = (level, now)
            return missing / self._per_s
        self._level[agency] = (level - amount, now)
        return 0.0
