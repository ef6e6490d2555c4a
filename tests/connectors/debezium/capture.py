"""A large agency in small: its PostgreSQL, and Kafka Connect with Debezium beside it. All real, started here."""

from __future__ import annotations

import signal
from pathlib import Path

import psycopg

from infra.connect import worker
from infra.local import postgres, process
from infra.local.errors import LocalServerError
from infra.local.process import Process
from tests.connectors import peers

TEMPLATE = Path(__file__).parents[3] / "connectors/debezium/postgres.properties"
TABLE = (
    "CREATE TABLE referral (id serial PRIMARY KEY, 의뢰번호 text, 성명 text, 생년월일 date, 성별 text, 전화번호 text, "
    "주소 text, 욕구 text, 긴급여부 boolean, 접수일자 timestamp, 동의 text, 특이사항 text)"
)
LOGICAL = postgres.SETTINGS | {"wal_level": "logical", "shared_buffers": "64MB", "max_slot_wal_keep_size": "1GB"}


class Captured:
    """The database and its worker. `bootstrap` and credentials are of the Kafka that the agency has."""

    def __init__(self, folder: Path, bootstrap: str, username: str, password: str, mechanism: str) -> None:
        self.database = postgres.Postgres(folder / "pg", process.port(), "partner")
        port = process.port(avoid=[self.database.port])
        self.worker = worker.Worker(folder / "connect", port, bootstrap, username, password, mechanism)
        self._server: Process | None = None
        self._worker: Process | None = None
        self._files: list[Path] = []

    def start(self) -> None:
        postgres.prepare(self.database)
        self._server = postgres.launch(self.database, deathsig=True, settings=LOGICAL)
        postgres.wait(self.database, self._server)
        self.sql(TABLE)
        self.sql("CREATE ROLE ieum LOGIN REPLICATION PASSWORD 'capturing'")
        self.sql("GRANT SELECT ON referral TO ieum")
        self.sql("CREATE PUBLICATION ieum_alpha FOR TABLE referral")
        try:
            secrets = {"database.password": "capturing"}
            self._files = worker.prepare(self.worker, {"ieum-alpha": self.connector()}, secrets)
        except LocalServerError as error:
            peers.missing(str(error))

    def connector(self) -> str:
        """The template, filled in."""
        values = {
            "agency": "alpha",
            "host": "127.0.0.1",
            "port": str(self.database.port),
            "database": "hub",
            "user": "ieum",
            "secrets": str(self.worker.secrets),
            "slot": "alpha",
            "tables": "public.referral",
            "replication": "1",
        }
        text = TEMPLATE.read_text(encoding="utf-8")
        for name, value in values.items():
            text = text.replace("{" + name + "}", value)
        return text

    def connect(self) -> None:
        """Start the worker; returns when Debezium runs."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start the worker. From the main thread, with which it dies."""
        self._worker = worker.launch(self.worker, self._files, deathsig=True)

    def wait(self) -> None:
        """Wait until Debezium runs."""
        assert self._worker is not None
        worker.wait(self.worker, self._worker, "ieum-alpha")

    def kill(self) -> None:
        """End the worker at once."""
        if self._worker is not None:
            worker.stop(self._worker, signal.SIGKILL)
            self._worker = None

    def close(self) -> None:
        self.kill()
        if self._server is not None:
            postgres.stop(self._server)

    def sql(self, text: str, *values: object) -> None:
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            connection.execute(text.encode(), values or None)

    def resident_mb(self) -> float:
        """Memory of the worker."""
        assert self._worker is not None
        pages = Path(f"/proc/{self._worker.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * 4096 / 1e6
