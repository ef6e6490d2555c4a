"""Token buckets: how many events each agency may send. Owns the arithmetic; the clock is asked by the caller."""

from __future__ import annotations


class Buckets:
    """One bucket per agency, full at first. A request larger than a bucket empties a full one and passes."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._level: dict[str, tuple[float, float]] = {}

    def take(self, agency: str, amount: int, now: float, per_s: float | None = None) -> float:
        """Take, and 0.0; or take nothing, and the seconds until it would fit.

        per_s: the agency's own rate; its bucket holds as many seconds of it as everybody's does.
        """
        rate = self._per_s if per_s is None else per_s
        burst = max(1.0, self._burst * rate / self._per_s)
        level, since = self._level.get(agency, (burst, now))
        level = min(burst, level + max(0.0, now - since) * rate)
        missing = min(float(amount), burst) - level
        if missing > 0:
            self._level[agency] = (level, now)
            return missing / rate
        self._level[agency] = (level - amount, now)
        return 0.0
