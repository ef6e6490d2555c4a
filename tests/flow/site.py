"""A whole hub for tests: real servers, real processes, and what a test asks of them. Owns nothing of the hub.

`Site` starts PostgreSQL and Kafka, installs, registers accounts and runs consumer and relay processes that it can
kill, stop and continue. `publish` acknowledges like any producer: only what Kafka confirmed is counted as sent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
import psycopg
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from hub.app import draw, install
from hub.ledger.accounts import Accounts
from hub.ledger.connect import connect
from hub.ledger.keyfile import load_keys
from hub.producers.provision import Administration
from hub.schemas import topics
from hub.schemas.canonical import AgencyClaim
from hub.settings import Settings
from infra.local.servers import Servers

Envelope = dict[str, Any]
AT = "2026-11-22T01:00:00.000Z"


def envelope(agency: str, id_: str, type_: str, schema: str, data: object, **more: object) -> Envelope:
    """A CloudEvent as a connector would wrap it."""
    return {
        "specversion": "1.0",
        "id": id_,
        "source": f"//agency/{agency}/test",
        "type": type_,
        "time": AT,
        "datacontenttype": "application/json",
        "dataschema": schema,
        "data": data,
        **more,
    }


def account_event(claim: AgencyClaim) -> Envelope:
    """The message that registers an account."""
    data = {f: getattr(claim, f) for f in claim.__struct_fields__}
    data = {k: list(v) if isinstance(v, tuple) else v for k, v in data.items()}
    return envelope("hub", f"account-{claim.code}", topics.Types.AGENCY, topics.Formats.SYSTEM, data)


class Site:
    """One installation under test."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.servers = Servers(folder / "state", deathsig=True)
        info = self.servers.start()
        self.settings = Settings(
            state_dir=folder / "hub",
            kafka_bootstrap=info.kafka_bootstrap,
            kafka_username=info.kafka_admin_username,
            kafka_password=info.kafka_admin_password,
            database_url=info.database_url,
            **{"metadata_max_age_ms": 1000, **settings},
        )
        install(self.settings)
        self.administration = Administration(self.settings)
        self.administration.ensure_system()
        self.web_port = 0
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.log = folder / "hub.log"
        #: What processes run; tests of crashes put a program of their own here.
        self.program: tuple[str, ...] = ("-m", "hub.app")
        self.acknowledged: list[tuple[str, int, int, str]] = []
        self._producer = Producer(
            self.client(**{"enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4"})
        )

    def client(self, **more: Any) -> dict[str, Any]:
        """Librdkafka's configuration."""
        return {
            "bootstrap.servers": self.settings.kafka_bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": self.settings.kafka_mechanism,
            "sasl.username": self.settings.kafka_username,
            "sasl.password": self.settings.kafka_password,
            "log_level": 0,  # tests kill brokers
            **more,
        }

    # ------------------------------------------------------------- processes
    def environment(self) -> dict[str, str]:
        """The environment the hub's processes read their settings from."""
        values = dataclasses.asdict(self.settings)
        return {**os.environ, **{f"HUB_{name.upper()}": str(value) for name, value in values.items()}}

    def start(self, *roles: str, **environment: str) -> None:
        """Start processes: 'consumer 0', 'consumer 1', 'relay', 'web'."""
        for role in roles:
            with self.log.open("ab") as log:
                self.processes[role] = subprocess.Popen(
                    [sys.executable, *self.program, *role.split()],
                    env={**self.environment(), **environment},
                    stderr=log,
                    stdout=log,
                )

    def start_web(self) -> str:
        """Start the API on a free port; returns its address once it answers."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.web_port = listening.getsockname()[1]
        self.start("web", HUB_WEB_PORT=str(self.web_port))
        self.until(self._answers, 30, "the API answers")
        return f"http://127.0.0.1:{self.web_port}"

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.web_port), 1):
            return True
        return False

    def frozen(self, role: str) -> bool:
        """Whether a process has been stopped by SIGSTOP."""
        stat = Path(f"/proc/{self.processes[role].pid}/stat").read_text(encoding="utf-8")
        return stat.rpartition(")")[2].split()[0] == "T"

    def members(self) -> dict[str, set[str]]:
        """Who consumes which topics: consumer → topics."""
        group = self.administration._admin.describe_consumer_groups(["hub"])["hub"].result()
        return {m.group_instance_id: {p.topic for p in m.assignment.topic_partitions} for m in group.members}

    def send_signal(self, role: str, number: signal.Signals) -> None:
        """Send a signal to one process."""
        with contextlib.suppress(ProcessLookupError):
            self.processes[role].send_signal(number)

    def stop(self, *roles: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End processes (all without names) and wait for them."""
        for role in roles or tuple(self.processes):
            self.send_signal(role, signal.SIGCONT)
            self.send_signal(role, number)
        for role in roles or tuple(self.processes):
            self.processes.pop(role).wait(40)

    def close(self) -> None:
        """End everything this site started."""
        self._producer.flush(5)
        if self.processes:
            self.stop(number=signal.SIGKILL)
        self.servers.stop()

    # ------------------------------------------------------------- sending
    def register(self, claims: Iterable[AgencyClaim]) -> None:
        """Topics and accounts."""
        wanted = list(claims)
        self.administration.add_agencies({claim.code: "test-password" for claim in wanted})
        self.publish(topics.RULES, [account_event(c) for c in wanted])

    def publish(self, topic: str, events: Sequence[Envelope | bytes], *, wait: bool = True) -> None:
        """Publish events, keyed by their partitionkey; wait for all acknowledgments unless told not to."""
        for event in events:
            raw = event if isinstance(event, bytes) else orjson.dumps(event)
            key = None if isinstance(event, bytes) else event.get("partitionkey")
            while True:
                try:
                    self._producer.produce(topic, raw, key=key, on_delivery=self._delivered)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            self._producer.poll(0)
        if wait:
            self.flush()

    def flush(self, seconds: float = 120) -> None:
        """Wait until all is acknowledged."""
        assert self._producer.flush(seconds) == 0, "Kafka did not acknowledge everything"

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            key = (message.key() or b"").decode()
            self.acknowledged.append((message.topic(), message.partition(), message.offset(), key))

    def token(self, agency: str) -> str:
        """A new token of an account for the API; the one before stops working."""
        with connect(self.settings.database_url, name="test", owner=True) as connection:
            return Accounts(connection, load_keys(self.settings.keys_file).pepper).issue(agency, draw(32))

    # ------------------------------------------------------------- asking
    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query, as the owner."""
        with psycopg.connect(self.settings.database_url) as connection:
            return connection.execute(statement, values).fetchall()

    def one(self, statement: str, *values: object) -> Any:
        """One value."""
        return self.sql(statement, *values)[0][0]

    def until(self, check: Any, seconds: float = 60, what: str = "") -> None:
        """Wait until `check()` holds."""
        end = time.monotonic() + seconds
        while not check():
            for role, process in self.processes.items():
                assert process.poll() in (None, -9), f"{role} ended with {process.poll()}: {self.tail()}"
            assert time.monotonic() < end, f"not within {seconds} s: {what or check} {self.tail()}"
            time.sleep(0.05)

    def tail(self) -> str:
        """The end of the processes' log."""
        return self.log.read_text()[-3000:] if self.log.exists() else ""

    def settled(self) -> bool:
        """Whether every acknowledged record was decided."""
        ends: dict[tuple[str, int], int] = {}
        for topic, partition, offset, _ in self.acknowledged:
            ends[topic, partition] = max(ends.get((topic, partition), 0), offset + 1)
        done = {(t, p): n for t, p, n in self.sql("SELECT topic, partition, next_offset FROM partitions")}
        return all(done.get(place, 0) >= end for place, end in ends.items())

    def settle(self, seconds: float = 90) -> None:
        """Wait until every acknowledged record was decided."""
        self.until(self.settled, seconds, "all decided")

    def relayed(self) -> bool:
        """Whether the relay has published every position."""
        rows = self.sql("SELECT c.position, h.size FROM head h, cursors c WHERE c.name = 'relay'")
        return bool(rows) and rows[0][0] == rows[0][1]

    def read(self, topic: str, seconds: float = 20) -> list[dict[str, Any]]:
        """Everything a topic's single partition holds now."""
        consumer = Consumer(self.client(**{"group.id": "test-reader", "enable.auto.commit": False}))
        place = TopicPartition(topic, 0, 0)
        low, high = consumer.get_watermark_offsets(place, timeout=10)
        found: list[dict[str, Any]] = []
        consumer.assign([TopicPartition(topic, 0, low)])
        end = time.monotonic() + seconds
        while time.monotonic() < end and (consumer.position([place])[0].offset < high and low < high):
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                found.append(orjson.loads(message.value() or b"{}"))
        consumer.close()
        return found
