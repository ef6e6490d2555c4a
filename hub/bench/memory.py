"""Memory: what one worker keeps resident while it works. Owns sampling it and saying whether it grows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from statistics import median
from typing import Final

import msgspec
import psutil

EVERY_S: Final = 0.25
#: Growth of the medians' last third over the first that still counts as flat: caches fill, and samples are noisy.
FLAT: Final = 1.10


class Memory(msgspec.Struct, frozen=True):
    """Megabytes (10^6 bytes) of one worker: medians of the first and last third of its messages, and the most."""

    messages: int
    first_third_mb: float
    last_third_mb: float
    max_mb: float
    flat: bool
    samples: list[tuple[int, float]]


class Sampler:
    """Samples a process in a thread until told to stop. `decided` tells how many messages there were."""

    def __init__(self, pid: int, decided: Callable[[], int]) -> None:
        self._process, self._decided = psutil.Process(pid), decided
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="memory-sampler", daemon=True)
        self.samples: list[tuple[int, float]] = []
        self._thread.start()

    def _sample(self) -> None:
        while not self._ended.wait(EVERY_S):
            try:
                self.samples.append((self._decided(), self._process.memory_info().rss / 1e6))
            except psutil.NoSuchProcess:
                return

    def stop(self) -> Memory:
        """The summary. A sample counts by the messages decided before it, so idle time weighs nothing."""
        self._ended.set()
        self._thread.join()
        return summed(self.samples)


def summed(samples: list[tuple[int, float]]) -> Memory:
    """Thirds by messages."""
    total = max((done for done, _ in samples), default=0)
    first = [mb for done, mb in samples if 0 < done <= total / 3]
    last = [mb for done, mb in samples if done > total * 2 / 3]
    early, late = median(first or [0.0]), median(last or [0.0])
    most = max((mb for _, mb in samples), default=0.0)
    thinned = [(done, round(mb, 1)) for done, mb in samples[:: max(1, len(samples) // 500)]]
    return Memory(total, round(early, 1), round(late, 1), round(most, 1), late <= early * FLAT, thinned)
