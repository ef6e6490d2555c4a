"""Owns what is remembered of local servers: `servers.json` in the state folder, readable by its owner only.

The passwords are written before the servers are made, so a crash at any point can be picked up again. Never starts
or stops anything.
"""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from infra.local import kafka, process
from infra.local.kafka import Kafka
from infra.local.postgres import Postgres
from infra.local.process import Process

FILE: Final = "servers.json"


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What the hub needs to reach its servers, wherever they come from.

    `external` servers were given or live in containers; `pids` names only processes of our own.
    """

    kafka_bootstrap: str
    database_url: str = field(repr=False)  # holds a password
    kafka_admin_username: str | None
    kafka_admin_password: str | None = field(repr=False)
    kafka_mechanism: str | None
    external: bool
    pids: Mapping[str, int]
    #: Where agencies connect with certificates, '' where they cannot.
    kafka_tls_bootstrap: str = ""

    @property
    def kafka_security_protocol(self) -> str:
        """SASL_PLAINTEXT when there is a user, else PLAINTEXT."""
        return "SASL_PLAINTEXT" if self.kafka_admin_username else "PLAINTEXT"


@dataclass(frozen=True, slots=True)
class State:
    """Both servers' addresses and passwords, and their processes while they run."""

    kafka: Kafka
    postgres: Postgres
    kafka_process: Process | None = None
    postgres_process: Process | None = None

    @property
    def processes(self) -> dict[str, Process]:
        """The processes that run now, by name."""
        known = {"postgres": self.postgres_process, "kafka": self.kafka_process}
        return {name: one for name, one in known.items() if one is not None and process.alive(one)}

    @property
    def info(self) -> ServerInfo:
        """The state as the hub sees it."""
        return ServerInfo(
            kafka_bootstrap=self.kafka.bootstrap,
            database_url=self.postgres.url,
            kafka_admin_username=kafka.ADMIN,
            kafka_admin_password=self.kafka.password,
            kafka_mechanism=kafka.MECHANISM,
            external=False,
            pids={name: one.pid for name, one in self.processes.items()},
            kafka_tls_bootstrap=self.kafka.tls_bootstrap,
        )


def new(folder: Path) -> State:
    """A state with fresh ports and passwords; nothing is written or started."""
    first = process.port()
    second = process.port(avoid={first})
    third = process.port(avoid={first, second})
    broker = Kafka(folder / "kafka", first, second, secrets.token_hex(24), secrets.token_hex(24))
    return State(broker, Postgres(folder / "postgres", third, secrets.token_hex(24)))


def with_free_ports(state: State, *, tls: bool = False) -> State:
    """The same servers on the same ports where those are free, on others where somebody has taken them.

    Only for servers that are not running. tls: with a port for certificates from now on.
    """
    broker, database = state.kafka, state.postgres
    if "kafka" not in state.processes:
        first = process.port(broker.port, avoid={database.port})
        second = process.port(broker.controller_port, avoid={database.port, first})
        third = process.port(broker.tls_port, avoid={database.port, first, second}) if tls or broker.tls_port else 0
        broker = replace(broker, port=first, controller_port=second, tls_port=third)
    if "postgres" not in state.processes:
        taken = {broker.port, broker.controller_port, broker.tls_port}
        database = replace(database, port=process.port(database.port, avoid=taken))
    return replace(state, kafka=broker, postgres=database)


def load(folder: Path) -> State | None:
    """The remembered state, or None. Folders are taken from where the file is: a checkout may be moved."""
    path = folder / FILE
    if not path.exists():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    return State(
        kafka=Kafka(folder=folder / "kafka", **record["kafka"]),
        postgres=Postgres(folder=folder / "postgres", **record["postgres"]),
        kafka_process=_process(record["kafka_process"]),
        postgres_process=_process(record["postgres_process"]),
    )


def save(folder: Path, state: State) -> None:
    """Write the state, whole or not at all, mode 0600."""
    record = asdict(state)
    for server in ("kafka", "postgres"):
        del record[server]["folder"]
    kafka.write_private(folder / FILE, json.dumps(record, indent=2) + "\n")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One starter or stopper at a time per state folder; others wait."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _process(record: dict[str, float] | None) -> Process | None:
    return Process(int(record["pid"]), float(record["started"])) if record else None
