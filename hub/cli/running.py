"""What runs in a state folder, as remembered in `processes.json`: names, pids, start times, the web's address.

Owns that file. Several supervisors may share it (`hub run web` beside `hub run consumers`): each replaces only its own
entries, and entries of the dead are dropped by whoever writes next. Never starts or stops anything.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import psutil

from hub.cli.installation import write_private

FILE: Final = "processes.json"


class Running(msgspec.Struct, frozen=True, omit_defaults=True):
    """One process of the hub. `started` is the kernel's time, since pids are used again."""

    name: str
    pid: int
    started: float
    supervisor: int
    url: str = ""


class Remembered(msgspec.Struct, frozen=True):
    """The file: the web's address, and the processes."""

    web: dict[str, str]
    processes: tuple[Running, ...]


def started(pid: int) -> float:
    """When a process started; 0.0 when there is none (a zombie is none)."""
    try:
        found = psutil.Process(pid)
        return 0.0 if found.status() == psutil.STATUS_ZOMBIE else found.create_time()
    except psutil.NoSuchProcess:
        return 0.0


def alive(state_dir: Path) -> tuple[Running, ...]:
    """The remembered processes that still run."""
    path = state_dir / FILE
    if not path.exists():
        return ()
    known = msgspec.json.decode(path.read_bytes(), type=Remembered).processes
    return tuple(one for one in known if abs(started(one.pid) - one.started) < 1)


def web_url(processes: Iterable[Running]) -> str:
    """The address of the web process, '' when none runs."""
    return next((one.url for one in processes if one.url), "")


def remember(state_dir: Path, mine: Iterable[Running]) -> None:
    """Replace this supervisor's entries."""
    with _locked(state_dir):
        others = [one for one in alive(state_dir) if one.supervisor != os.getpid()]
        processes = (*others, *mine)
        if not processes:
            (state_dir / FILE).unlink(missing_ok=True)
            return
        content = Remembered({"url": web_url(processes)}, processes)
        write_private(state_dir / FILE, msgspec.json.format(msgspec.json.encode(content), indent=1))


@contextmanager
def _locked(state_dir: Path) -> Iterator[None]:
    with (state_dir / "processes.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
