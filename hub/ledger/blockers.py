"""Ends whoever blocks us too long: a worker stopped in the middle of a COPY would otherwise hold the head for ever.

One watcher thread per process. No server timeout covers that case (all were tried): the blocker's backend waits for
bytes that never come, inside a transaction that is neither idle nor waiting for a lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog

from hub.errors import Retry
from hub.ledger import sql
from hub.ledger.connect import connect

log = structlog.get_logger()


class BlockerWatch:
    """`with watch.over(pid)`: after `after_s` seconds inside the block, the blockers of `pid` are ended."""

    def __init__(self, url: str, after_s: float) -> None:
        self._url, self._after_s = url, after_s
        self._over: tuple[int, float] | None = None
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="blocker-watch", daemon=True)
        self._thread.start()

    @contextmanager
    def over(self, pid: int) -> Iterator[None]:
        """Watch one wait of the backend `pid`."""
        self._over = pid, time.monotonic()
        self._wake.set()
        try:
            yield
        finally:
            self._over = None

    def close(self) -> None:
        """Stop the thread."""
        self._closed.set()
        self._wake.set()

    def _run(self) -> None:
        # Looks a few times per wait instead of arming a timer per statement: a wait costs its caller next to nothing.
        while not self._closed.is_set():
            self._wake.wait()
            self._wake.clear()
            while (over := self._over) is not None and not self._closed.wait(self._after_s / 5):
                if self._over is over and time.monotonic() - over[1] >= self._after_s:
                    self._end_blockers(over[0])

    def _end_blockers(self, pid: int) -> None:
        try:
            with connect(self._url, name="hub-blockers", owner=True) as connection:
                ended = connection.execute(sql.END_BLOCKERS, (pid,)).fetchall()
        except (psycopg.Error, Retry) as error:
            log.warning("blocker_not_ended", error=type(error).__name__)
            return
        if ended:
            log.warning("blocker_ended", count=len(ended))
