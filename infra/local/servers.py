"""Owns the pair of servers a hub stands on: `Servers(state_dir)` starts, stops, restarts and describes them.

    with Servers(Path(".state"), deathsig=True) as info:   # stopped at the end, and if this process is killed
        connect(info.database_url)

    Servers(Path(".state")).start()                        # stays until Servers(Path(".state")).stop()

With HUB_KAFKA_BOOTSTRAP and HUB_DATABASE_URL set, those servers are used and nothing is started or stopped; with
HUB_TEST_CONTAINERS=1 they come from containers. Never creates topics, users or tables.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Literal

from infra.local import containers, kafka, postgres, process, state
from infra.local.errors import LocalServerError
from infra.local.state import ServerInfo, State

Mode = Literal["smart", "fast", "immediate"]
Action = Callable[[], None]
_DEFAULT_STATE: Final = Path(__file__).resolve().parents[2] / ".state"


def default_state_dir() -> Path:
    """The state folder: HUB_STATE, or `.state` in the checkout."""
    return Path(os.environ.get("HUB_STATE") or _DEFAULT_STATE).resolve()


class Servers:
    """PostgreSQL and Kafka for one state folder.

    Args:
        state_dir: where data, logs and `servers.json` live; restarting on it finds the same data and, when they are
            free, the same ports.
        deathsig: the servers end when the *thread* that starts them ends, however it ends; so start from the main
            thread. Otherwise they stay until `stop`.
        tls: the broker also listens for certificates (HUB_KAFKA_TLS=1), now and whenever it is started again.
    """

    def __init__(self, state_dir: Path | None = None, *, deathsig: bool = False, tls: bool = False) -> None:
        self.state_dir = (state_dir or default_state_dir()).resolve()
        self.deathsig = deathsig
        self.tls = tls or os.environ.get("HUB_KAFKA_TLS") == "1"
        self.started_here: tuple[str, ...] = ()
        self._containers: containers.Pair | None = None

    def start(self) -> ServerInfo:
        """Start what does not run yet, both at once, and return when both answer.

        Raises:
            LocalServerError: with what, why and the remedy; what had been started is stopped again.
        """
        if (given := external(os.environ)) is not None:
            return given
        if containers.wanted(os.environ):
            self._containers = self._containers or containers.start(self.state_dir)
            return self._containers.info
        with state.locked(self.state_dir):
            remembered = state.load(self.state_dir) or state.new(self.state_dir)
            return self._start_missing(state.with_free_ports(remembered, tls=self.tls)).info

    def stop(self) -> None:
        """Stop both; data stays. Nothing happens to external servers."""
        if self._containers is not None:
            self._containers.stop()
            self._containers = None
        if state.load(self.state_dir) is not None:
            with state.locked(self.state_dir):
                known = self._known()
                self._stop(known, tuple(known.processes))
        self.started_here = ()

    def status(self) -> ServerInfo | None:
        """The servers as remembered, with the pids of those that run now; None if there never were any."""
        if (given := external(os.environ)) is not None:
            return given
        if self._containers is not None:
            return self._containers.info
        known = state.load(self.state_dir)
        return known.info if known is not None else None

    def restart_postgres(self, mode: Mode = "immediate") -> ServerInfo:
        """Stop PostgreSQL in this mode and start it on the same port. `immediate` is a crash with recovery."""
        with state.locked(self.state_dir):
            known = self._known()
            if known.postgres_process is not None:
                postgres.stop(known.postgres_process, mode)
            return self._start_missing(known).info

    def signal_postgres(self, signal_number: int) -> None:
        """Send a signal to PostgreSQL's first process (SIGSTOP, SIGCONT, SIGKILL, ...)."""
        if (running := self._known().postgres_process) is not None:
            process.send(running, signal_number)

    def kill_kafka(self, signal_number: int = signal.SIGKILL) -> None:
        """Send a signal to the broker; SIGKILL and SIGTERM return when it is gone, SIGSTOP and SIGCONT at once."""
        if (running := self._known().kafka_process) is None:
            return
        if signal_number in {signal.SIGKILL, signal.SIGTERM}:
            process.stop(running, signal_number, within_s=30)
        else:
            process.send(running, signal_number)

    def start_kafka(self) -> ServerInfo:
        """Start the broker again on the same port and wait until it answers (about 4 s after a SIGKILL)."""
        with state.locked(self.state_dir):
            return self._start_missing(self._known()).info

    def __enter__(self) -> ServerInfo:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop what this object started, and only that: servers found running are somebody else's."""
        if self._containers is not None:
            self.stop()
        if self.started_here:
            with state.locked(self.state_dir):
                self._stop(self._known(), self.started_here)
        self.started_here = ()

    def _known(self) -> State:
        known = state.load(self.state_dir)
        if known is None:
            raise LocalServerError(f"no local servers in {self.state_dir}", remedy="start them: hub up")
        return known

    def _start_missing(self, known: State) -> State:
        missing = tuple(name for name in ("postgres", "kafka") if name not in known.processes)
        if not missing:
            return known
        state.save(self.state_dir, known)  # before anything exists that needs the passwords
        prepare: dict[str, Action] = {
            "postgres": lambda: postgres.prepare(known.postgres),
            "kafka": lambda: kafka.prepare(known.kafka),
        }
        _each(prepare, missing)
        try:
            running = self._launch(known, missing)
            _wait(running, missing)
        except BaseException:
            self._stop(self._known(), missing)
            raise
        self.started_here = tuple(dict.fromkeys((*self.started_here, *missing)))
        return running

    def _launch(self, known: State, missing: tuple[str, ...]) -> State:
        """Here and not in a pool's thread: a death signal fires when the launching thread ends."""
        if "kafka" in missing:
            known = replace(known, kafka_process=kafka.launch(known.kafka, deathsig=self.deathsig))
            state.save(self.state_dir, known)
        if "postgres" in missing:
            known = replace(known, postgres_process=postgres.launch(known.postgres, deathsig=self.deathsig))
            state.save(self.state_dir, known)
        return known

    def _stop(self, known: State, names: tuple[str, ...]) -> None:
        stops: dict[str, Action] = {}
        if (broker := known.kafka_process) is not None:
            stops["kafka"] = lambda: kafka.stop(broker)
        if (database := known.postgres_process) is not None:
            stops["postgres"] = lambda: postgres.stop(database)
        _each(stops, tuple(name for name in names if name in stops))


def external(environ: Mapping[str, str]) -> ServerInfo | None:
    """The servers the environment names, if it names both; a half-named pair is an error, not a guess."""
    bootstrap, url = environ.get("HUB_KAFKA_BOOTSTRAP"), environ.get("HUB_DATABASE_URL")
    if not bootstrap and not url:
        return None
    if not bootstrap or not url:
        raise LocalServerError(
            "only one of HUB_KAFKA_BOOTSTRAP and HUB_DATABASE_URL is set",
            remedy="set both to use servers of your own, or neither to have local ones started",
        )
    username = environ.get("HUB_KAFKA_ADMIN_USERNAME")
    return ServerInfo(
        kafka_bootstrap=bootstrap,
        database_url=url,
        kafka_admin_username=username,
        kafka_admin_password=environ.get("HUB_KAFKA_ADMIN_PASSWORD"),
        kafka_mechanism=environ.get("HUB_KAFKA_MECHANISM", kafka.MECHANISM) if username else None,
        external=True,
        pids={},
    )


def _wait(known: State, names: tuple[str, ...]) -> None:
    waits: dict[str, Action] = {}
    if (broker := known.kafka_process) is not None:
        waits["kafka"] = lambda: kafka.wait(known.kafka, broker)
    if (database := known.postgres_process) is not None:
        waits["postgres"] = lambda: postgres.wait(known.postgres, database)
    _each(waits, names)


def _each(actions: Mapping[str, Action], names: tuple[str, ...]) -> None:
    """Run the named actions at the same time; the first failure is raised when all have ended."""
    with ThreadPoolExecutor(len(names) or 1) as pool:
        for future in [pool.submit(actions[name]) for name in names]:
            future.result()
