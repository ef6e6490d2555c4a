"""Keeps the hub's processes running: starts them, starts a crashed one again, ends all of them together.

Owns their environment, logs and `processes.json`. `start_hub(settings, workers=2)` is the library; `hub run` and the
demo are built on it. A process that halted (an invariant is broken) is never started again: then everything stops.

What a crash leaves: children ask the kernel to end with the supervisor's thread, so none outlives a killed one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec
import orjson

from hub.cli.installation import environment
from hub.cli.output import say
from hub.cli.running import Running, alive, remember, started
from hub.errors import Halt, Retry, Usage
from hub.settings import Settings
from infra.local import child
from infra.local.process import port

Part = Literal["all", "consumers", "relay", "web"]
#: Safe path: the folder somebody happens to stand in is no place to load the hub from.
PROGRAM: Final = ("-P", "-m", "hub.app")
#: Exit status of a process that must not be started again before somebody looked (`hub.app.HALTED`).
HALTED: Final = 70
BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
#: A process that ran this long starts with the shortest wait again.
STEADY_S: Final = 30.0
#: So many ends by itself right after the start mean that it cannot start at all.
HOPELESS: Final = 8
#: A consumer ends its batch first; Kafka and PostgreSQL being away must not hold it longer.
END_WITHIN_S: Final = 35.0
LOOK_S: Final = 0.1
LOG_BYTES: Final = 8 << 20


class Role(NamedTuple):
    """A process to run: its name and the arguments of `python -m hub.app`."""

    name: str
    arguments: tuple[str, ...]


class Child(msgspec.Struct):
    """One role's process, and how often it had to be started again."""

    role: Role
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    ends: int = 0
    again_at: float = 0.0


def roles(part: Part, workers: int) -> list[Role]:
    """The processes of a part of the hub."""
    consumers = [Role(f"consumer-{i}", ("consumer", str(i))) for i in range(workers)]
    single = {"relay": Role("relay", ("relay",)), "web": Role("web", ("web",))}
    match part:
        case "all":
            return [*consumers, *single.values()]
        case "consumers":
            return consumers
        case _:
            return [single[part]]


class RunningHub:
    """The processes of one supervisor. `failure` says why they were stopped, when it was not by `stop`."""

    def __init__(self, settings: Settings, wanted: list[Role], program: tuple[str, ...] = PROGRAM) -> None:
        self.settings = settings
        self._program = program
        self.web_url = ""
        self.failure = ""
        self._children = [Child(role) for role in wanted]
        self._ending = threading.Event()
        self._environment = environment(settings)
        if any(role.name == "web" for role in wanted):
            number = settings.web_port or port()
            self.web_url = f"http://{settings.web_host}:{number}"
            self._environment["HUB_WEB_PORT"] = str(number)
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    @property
    def pids(self) -> dict[str, int]:
        """The pids of what runs now, by name."""
        return {c.role.name: c.process.pid for c in self._children if c.process and c.process.poll() is None}

    def start(self) -> None:
        """Start everything and go on watching it."""
        (self.settings.state_dir / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until everything has ended. Returns whether it has."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """End every process cleanly and wait for it."""
        self._ending.set()
        self.wait()

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.settings.state_dir / "logs" / f"{name}.log"

    # ------------------------------------------------------------- the supervisor's thread
    def _supervise(self) -> None:
        """One thread starts all: a death signal fires when the thread that started a child ends."""
        try:
            while not self._ending.is_set() and not self.failure:
                if sum(self._tend(one) for one in self._children):  # each is tended: no short cut
                    self._remember()
                self._ending.wait(LOOK_S)
        finally:
            self._end()
            remember(self.settings.state_dir, ())

    def _tend(self, one: Child) -> bool:
        """Start a child that does not run, note one that ended. Returns whether anything changed."""
        if one.process is None:
            if time.monotonic() >= one.again_at:
                self._spawn(one)
                return True
            return False
        status = one.process.poll()
        if status is None:
            return False
        one.process = None
        self._note_end(one, status)
        return True

    def _note_end(self, one: Child, status: int) -> None:
        ran = time.monotonic() - one.began
        one.ends = 1 if ran > STEADY_S else one.ends + 1
        one.again_at = time.monotonic() + BACKOFF_S[min(one.ends, len(BACKOFF_S)) - 1]
        why = last_words(self.log(one.role.name))
        if status == HALTED:
            self.failure = f"{one.role.name} halted: {why}"
        elif status > 0 and one.ends >= HOPELESS:
            self.failure = f"{one.role.name} cannot start: {why}"
        elif not self._ending.is_set():
            say(f"{one.role.name} ended with status {status} after {ran:.1f} s; it is started again")

    def _spawn(self, one: Child) -> None:
        log = self.log(one.role.name)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_name(f"{log.name}.1"))
        hub = [sys.executable, *self._program, *one.role.arguments]
        # Through child.py: the death signal stands before Python has loaded anything.
        begin = [sys.executable, "-I", "-S", child.__file__, str(int(signal.SIGTERM)), str(os.getpid()), "0", "--"]
        with log.open("ab") as output:
            one.process = subprocess.Popen(  # noqa: S603 - our own program
                [*begin, *hub],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        one.began = time.monotonic()

    def _remember(self) -> None:
        mine = []
        for name, pid in self.pids.items():
            url = self.web_url if name == "web" else ""
            mine.append(Running(name, pid, started(pid), os.getpid(), url))
        remember(self.settings.state_dir, mine)

    def _end(self) -> None:
        running = [c.process for c in self._children if c.process and c.process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGCONT)  # a stopped process cannot answer
            process.terminate()
        deadline = time.monotonic() + END_WITHIN_S
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def start_hub(settings: Settings, workers: int = 1, *, part: Part = "all", within_s: float = 60.0) -> RunningHub:
    """Start the hub on servers that run and return once its web answers (at once where no web is part of it).

    Raises `Usage` when the same processes run already, `Halt` and `Retry` when it does not come up.
    """
    wanted = roles(part, workers)
    names = {role.name for role in wanted}
    taken = [one for one in alive(settings.state_dir) if one.name in names]
    if taken:
        listed = ", ".join(f"{one.name} (pid {one.pid})" for one in taken)
        raise Usage(f"this hub runs already: {listed}.", "Stop it first: hub down, or Ctrl-C where it runs.")
    hub = RunningHub(settings, wanted)
    hub.start()
    try:
        await_web(hub, within_s)
    except BaseException:
        hub.stop()
        raise
    return hub


def await_web(hub: RunningHub, within_s: float) -> None:
    """Wait until the web answers."""
    import httpx  # noqa: PLC0415 - slow to load, and only this needs it

    deadline = time.monotonic() + within_s
    while hub.web_url:
        if hub.wait(0):
            raise Halt(hub.failure or "the hub ended while starting")
        try:
            if httpx.get(f"{hub.web_url}/healthz", timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise Retry(f"the web did not answer in {within_s:.0f} s (see {hub.log('web')})")
        time.sleep(LOOK_S)


def last_words(log: Path) -> str:
    """Why a process ended, as far as its log says."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-200:] if log.exists() else []
    for line in reversed(lines):
        if '"process_halted"' in line or '"consumer_halted"' in line:
            return str(orjson.loads(line).get("reason", line))
    return next((line for line in reversed(lines) if line.strip()), "it left no word")[:500]
