"""Owns processes of servers: starting them through `child.py`, knowing them again, stopping them, free ports.

Never knows which server it handles. A process is remembered by pid *and* start time, because pids are used again;
a zombie counts as gone.
"""

from __future__ import annotations

import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from infra.local.errors import LocalServerError

_CHILD: Final = Path(__file__).with_name("child.py")
_POLL_S: Final = 0.02
_LOG_TAIL_LINES: Final = 12
_LOG_BYTES: Final = 8 << 20
# Below the range the kernel takes for outgoing connections: a client that keeps calling a stopped server on a port of
# that range sooner or later gets the same port for itself, connects to itself, and the server cannot come back.
_PORTS: Final = range(20_000, 32_000)
_PORT_TRIES: Final = 200
_OURS: Final[dict[int, subprocess.Popen[bytes]]] = {}  # children of this process, kept so that they can be reaped


@dataclass(frozen=True, slots=True)
class Process:
    """A server's process: its pid and the second it started (from the kernel)."""

    pid: int
    started: float


def command(argv: Sequence[str], *, deathsig: int = 0) -> list[str]:
    """`argv` run through `child.py`: root in a user namespace, with `deathsig` (0: none) when the parent dies."""
    namespace = "1" if os.geteuid() == 0 or not _named(os.geteuid()) else "0"
    return [sys.executable, "-I", "-S", str(_CHILD), str(int(deathsig)), str(os.getpid()), namespace, "--", *argv]


def _named(uid: int) -> bool:
    """Whether the user has a name: PostgreSQL looks it up, and a container's arbitrary user has none."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def spawn(argv: Sequence[str], *, log: Path, cwd: Path, env: Mapping[str, str], deathsig: int = 0) -> Process:
    """Start a server in its own session, output appended to `log`.

    With a `deathsig`, the kernel sends it when the *thread* that called this ends: call from the main thread.
    """
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("ab") as output:
        child = subprocess.Popen(
            command(argv, deathsig=deathsig),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(env),
            start_new_session=True,
        )
    _OURS[child.pid] = child
    return Process(child.pid, psutil.Process(child.pid).create_time())


def run(argv: Sequence[str], *, what: str, cwd: Path, env: Mapping[str, str]) -> None:
    """Run a short program to its end; `what` names it in the error."""
    done = subprocess.run(command(argv), cwd=cwd, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LocalServerError(
            f"{what} failed (exit {done.returncode}): {(done.stderr or done.stdout).strip()[-2000:]}",
            remedy="`hub doctor` checks what is needed; removing the state folder starts from nothing",
        )


def alive(process: Process) -> bool:
    """Whether it still runs: same pid, same start, no zombie. Reaps it if it was our child."""
    running = _runs(process)
    if not running and (child := _OURS.pop(process.pid, None)) is not None:
        child.wait()
    return running


def _runs(process: Process) -> bool:
    try:
        found = psutil.Process(process.pid)
        return abs(found.create_time() - process.started) < 1 and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def send(process: Process, signal_number: int) -> None:
    """Send a signal if it still runs; nothing otherwise."""
    if alive(process):
        os.kill(process.pid, signal_number)


def stop(process: Process, signal_number: int, *, within_s: float) -> None:
    """Ask with `signal_number`, then insist with SIGKILL; returns when it is gone."""
    send(process, signal.SIGCONT)  # a stopped process cannot answer
    send(process, signal_number)
    if not _gone(process, within_s):
        send(process, signal.SIGKILL)
        _gone(process, within_s)


def _gone(process: Process, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def wait_ready(name: str, process: Process, ready: Callable[[], bool], *, log: Path, within_s: float) -> None:
    """Poll `ready` until it holds; fails at once when the process ends, with the end of its log."""
    deadline = time.monotonic() + within_s
    while not ready():
        if not alive(process):
            raise LocalServerError(f"{name} ended while starting:\n{_tail(log)}", remedy=f"read {log}")
        if time.monotonic() > deadline:
            raise LocalServerError(f"{name} did not answer in {within_s:.0f} s:\n{_tail(log)}", remedy=f"read {log}")
        time.sleep(_POLL_S)


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-_LOG_TAIL_LINES:])


def port(preferred: int | None = None, *, avoid: Collection[int] = ()) -> int:
    """A port free on the loopback now: the preferred one if nobody listens there, else a random one not in `avoid`."""
    tries = (secrets.choice(_PORTS) for _ in range(_PORT_TRIES))
    for wanted in (preferred, *tries) if preferred else tries:
        if wanted not in avoid and _free(wanted):
            return wanted
    raise LocalServerError("no free port on 127.0.0.1", remedy="close programs that hold many ports")


def _free(wanted: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed server's TIME_WAIT is no occupant
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return False
        return True
