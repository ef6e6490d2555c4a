"""Load while things break: the town's messages at a steady rate from a thread, some of them sent again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from typing import Any, Self

from hub.schemas.topics import inbound
from hub.town.accounts import CITY, SAMPLE
from hub.town.referrals import generate
from tests.flow.site import Site

ACCOUNTS = (*SAMPLE, CITY)
PAUSE_S = 0.1
AGAIN = 0.1


def populate(site: Site) -> None:
    """Register the town's agencies and have it decided."""
    site.register(ACCOUNTS)
    site.start("consumer 0")
    site.settle()
    site.stop("consumer 0")


class Load:
    """`with Load(site, seed, per_s): ...`: publishes in the background; ends with everything acknowledged."""

    def __init__(self, site: Site, seed: int, per_s: int) -> None:
        self._site, self._per_s = site, per_s
        self._random = random.Random(seed)  # noqa: S311 - reproducible
        self._events: Iterator[Any] = iter(generate(3000, 1_000_000, seed))
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(60)
        self._site.flush()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ending.is_set():
            for _ in range(int(self._per_s * PAUSE_S)):
                self._send()
            due += PAUSE_S
            self._ending.wait(max(0.0, due - time.monotonic()))

    def _send(self) -> None:
        """One message, as a connector sends it: when in doubt twice, with the same id."""
        agency, message, _ = next(self._events)
        again = 2 if self._random.random() < AGAIN else 1
        self._site.publish(inbound(agency), [message] * again, wait=False)
        self.sent += again
