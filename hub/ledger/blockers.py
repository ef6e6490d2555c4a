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
        self._pid = 0
        self._epoch = 0
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="blocker-watch", daemon=True)
        self._thread.start()

    @contextmanager
    def over(self, pid: int) -> Iterator[None]:
        """Watch one wait of the backend `pid`."""
        self._pid, self._epoch = pid, self._epoch + 1
        self._wake.set()
        try:
            yield
        finally:
            self._pid = 0

    def close(self) -> None:
        """Stop the thread."""
        self._closed = True
        self._wake.set()

    def _run(self) -> None:
        # Sleeps in steps instead of arming a timer per statement: a wait costs its caller two assignments.
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            pid, epoch = self._pid, self._epoch
            while pid and not self._sleep():
                if (self._pid, self._epoch) == (pid, epoch):
                    self._end_blockers(pid)
                pid, epoch = self._pid, self._epoch

    def _sleep(self) -> bool:
        """Wait a watch's length; True when the watch is over."""
        time.sleep(self._after_s)
        return self._closed

    def _end_blockers(self, pid: int) -> None:
        try:
            with connect(self._url, name="hub-blockers", owner=True) as connection:
                ended = connection.execute(sql.END_BLOCKERS, (pid,)).fetchall()
        except (psycopg.Error, Retry) as error:
            log.warning("blocker_not_ended", error=type(error).__name__)
            return
        if ended:
            log.warning("blocker_ended", count=len(ended))
