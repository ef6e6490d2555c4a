"""Where everything is measured: one Kafka and one PostgreSQL in a folder of their own, a hub installed, the accounts.

Owns starting and stopping them and what is asked of the database and the kernel. Never measures and never touches
servers that exist already: what a measurement writes belongs into no ledger.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, Final, Self

import orjson
import psutil
import psycopg

from hub.app import install
from hub.errors import Halt
from hub.producers.provision import Administration
from hub.schemas import topics
from hub.schemas.canonical import AgencyClaim
from hub.settings import Settings
from infra.local.servers import Servers

_OURS: Final = ("HUB_KAFKA_BOOTSTRAP", "HUB_DATABASE_URL")
AT: Final = "2026-11-22T01:00:00.000Z"


class Ground:
    """One installation to measure. Processes are started by role: 'consumer 0', 'consumer 1', 'relay'."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers = Servers(folder / "state", deathsig=True)
        self.settings = Settings()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        given = {name: os.environ.pop(name) for name in _OURS if name in os.environ}
        try:
            info = self.servers.start()
        finally:
            os.environ.update(given)
        self.settings = Settings(
            state_dir=self.folder / "hub",
            kafka_bootstrap=info.kafka_bootstrap,
            kafka_username=info.kafka_admin_username or "",
            kafka_password=info.kafka_admin_password or "",
            database_url=info.database_url,
            metadata_max_age_ms=1000,
        )
        self.pids = dict(info.pids)
        install(self.settings)
        self._connection = psycopg.connect(info.database_url, autocommit=True, application_name="hub-bench")
        return self

    def __exit__(self, *ended: object) -> None:
        self.stop(*self.processes, number=signal.SIGKILL)
        if self._connection is not None:
            self._connection.close()
        self.servers.stop()

    # ------------------------------------------------------------------ the hub's processes
    def provision(self, claims: Iterable[AgencyClaim]) -> list[bytes]:
        """Topics and users of the hub and of these accounts; returns the messages that register the accounts."""
        administration = Administration(self.settings)
        administration.ensure_system()
        wanted = list(claims)
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda claim: administration.add_agency(claim.code, "bench-password"), wanted):
                pass
        return [_registration(claim) for claim in wanted]

    def partitions(self) -> list[tuple[str, int]]:
        """Every partition the consumers read."""
        return sorted(Administration(self.settings).end_offsets())

    def figures(self, role: str) -> Path:
        """Where a consumer writes down what its slices cost."""
        return self.folder / f"{role.replace(' ', '-')}.jsonl"

    def environment(self) -> dict[str, str]:
        """What the hub's processes read their settings from."""
        names = ("state_dir", "kafka_bootstrap", "kafka_username", "kafka_password", "database_url")
        own = {f"HUB_{n.upper()}": str(getattr(self.settings, n)) for n in (*names, "metadata_max_age_ms")}
        return {**os.environ, **own}

    def start(self, *roles: str) -> None:
        """Start processes of the hub."""
        for role in roles:
            with (self.folder / "hub.log").open("ab") as log:
                self.processes[role] = subprocess.Popen(  # noqa: S603 - our own interpreter
                    [sys.executable, "-m", "hub.bench.worker", str(self.figures(role)), *role.split()],
                    env=self.environment(),
                    stdout=log,
                    stderr=log,
                )

    def send(self, number: signal.Signals, *roles: str) -> None:
        """Send a signal to processes that still run."""
        for role in roles:
            with contextlib.suppress(ProcessLookupError):
                self.processes[role].send_signal(number)

    def stop(self, *roles: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End processes and wait for them."""
        self.send(signal.SIGCONT, *roles)
        self.send(number, *roles)
        for role in roles:
            self.processes.pop(role).wait(40)

    def until(self, check: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until `check()` holds. Raises `Halt` with the end of the hub's log when it takes too long."""
        end = time.monotonic() + seconds
        while not check():
            dead = [role for role, process in self.processes.items() if process.poll() is not None]
            if dead or time.monotonic() > end:
                log = self.folder / "hub.log"
                tail = log.read_text(errors="replace")[-1500:] if log.exists() else ""
                raise Halt(f"{', '.join(dead) or 'the bench'} failed waiting for: {what}\n{tail}")
            time.sleep(0.01)

    # ------------------------------------------------------------------ asking
    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query, as the owner of the database."""
        if self._connection is None:
            raise Halt("the bench has no servers yet")
        return self._connection.execute(statement, values).fetchall()

    def execute(self, statement: str) -> None:
        """Run statements that return nothing."""
        if self._connection is None:
            raise Halt("the bench has no servers yet")
        self._connection.execute(statement)

    def fsync_ms(self, times: int = 50) -> float:
        """How long this disk takes to promise a page: what one message a transaction waits for, and 250 share."""
        path, taken = self.folder / "fsync", []
        with path.open("wb") as file:
            for _ in range(times):
                began = time.perf_counter()
                file.write(os.urandom(8192))
                file.flush()
                os.fdatasync(file.fileno())
                taken.append(time.perf_counter() - began)
        path.unlink()
        return round(1000 * median(taken), 2)

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time so far: of each process of the hub, PostgreSQL, Kafka, the bench, the machine."""
        times = psutil.cpu_times()
        used = {"bench": _cpu([os.getpid()]), "machine": sum(times) - times.idle - getattr(times, "iowait", 0.0)}
        used |= {role: _cpu([process.pid]) for role, process in self.processes.items()}
        for name, pid in self.pids.items():
            used[name] = _cpu([pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))])
        return used


def _cpu(pids: Iterable[int]) -> float:
    total = 0.0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _registration(claim: AgencyClaim) -> bytes:
    """The message that registers an account."""
    data = {name: getattr(claim, name) for name in claim.__struct_fields__}
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": f"account-{claim.code}",
            "source": "//agency/hub/bench",
            "type": topics.Types.AGENCY,
            "time": AT,
            "datacontenttype": "application/json",
            "dataschema": topics.Formats.SYSTEM,
            "data": data,
        }
    )
