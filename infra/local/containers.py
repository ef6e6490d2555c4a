"""Owns servers in containers, for tests where an engine runs: PostgreSQL and Kafka through testcontainers.

Asked for with HUB_TEST_CONTAINERS=1; the *engine* is asked (ping), not the client program, which is often installed
without one. The broker gets the same configuration as the local one. Never used for `hub up`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.local import kafka, postgres, process
from infra.local.errors import LocalServerError
from infra.local.jars import KAFKA_VERSION
from infra.local.kafka import Kafka
from infra.local.state import ServerInfo

POSTGRES_IMAGE: Final = "postgres:18"
KAFKA_IMAGE: Final = f"apache/kafka:{KAFKA_VERSION}"
_PING_S: Final = 3
_IMAGE_DECIDES: Final = {"listen_addresses", "unix_socket_directories"}
_READY: Final = "Kafka Server started"


@dataclass(frozen=True)
class Pair:
    """Two running containers and how to end them."""

    info: ServerInfo
    stop: Callable[[], None]


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether containers were asked for."""
    return environ.get("HUB_TEST_CONTAINERS") == "1"


def engine_answers(environ: Mapping[str, str]) -> bool:
    """Whether the container engine that DOCKER_HOST names (or the usual socket) answers a ping.

    Asked over a plain socket: the clients leave theirs open when nobody answers. A remote engine counts as answering
    when it takes the connection, since a ping there may need certificates.
    """
    scheme, _, place = environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").partition("://")
    try:
        if scheme != "unix":
            host, _, port = place.partition(":")
            socket.create_connection((host, int(port)), timeout=_PING_S).close()
            return True
        with socket.socket(socket.AF_UNIX) as engine:
            engine.settimeout(_PING_S)
            engine.connect(place)
            engine.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
            return b" 200 " in engine.recv(64)
    except (OSError, ValueError):
        return False


def start(state_dir: Path) -> Pair:
    """Start both containers and wait for them.

    Raises:
        LocalServerError: no engine answers.
    """
    if not engine_answers(os.environ):
        raise LocalServerError(
            "HUB_TEST_CONTAINERS=1 is set, but no container engine answers",
            remedy="start the engine, or unset HUB_TEST_CONTAINERS to use the local servers",
        )
    database = _postgres()
    try:
        folder = state_dir / f"container-{secrets.token_hex(4)}"
        broker, server = _kafka(folder)
    except BaseException:
        database.stop()
        raise
    port = database.get_exposed_port(5432)
    url = f"postgresql://{postgres.USER}:{database.password}@{database.get_container_host_ip()}:{port}/{postgres.DATABASE}"
    info = ServerInfo(
        kafka_bootstrap=server.bootstrap,
        database_url=url,
        kafka_admin_username=kafka.ADMIN,
        kafka_admin_password=server.password,
        kafka_mechanism=kafka.MECHANISM,
        external=True,
        pids={},
    )

    def stop() -> None:
        broker.stop()
        shutil.rmtree(folder)
        database.stop()

    return Pair(info, stop)


def _postgres() -> Any:  # noqa: ANN401 (testcontainers is untyped here)
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415

    chosen = {name: value for name, value in postgres.SETTINGS.items() if name not in _IMAGE_DECIDES}
    options = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
    container = PostgresContainer(
        POSTGRES_IMAGE,
        username=postgres.USER,
        password=secrets.token_hex(24),
        dbname=postgres.DATABASE,
        driver=None,
    ).with_command(["postgres", *options])
    return container.start()


def _kafka(folder: Path) -> tuple[Any, Kafka]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415
    from testcontainers.core.waiting_utils import wait_for_logs  # noqa: PLC0415

    # The advertised address must be known before the start, so host and container use the same port.
    server = Kafka(Path("/tmp/hub"), process.port(), process.port(), secrets.token_hex(24), secrets.token_hex(24))  # noqa: S108 (inside the container)
    folder.mkdir(parents=True)
    properties = folder / "server.properties"
    properties.write_text(kafka.render(server, bind="0.0.0.0"), encoding="utf-8")  # noqa: S104 (the container's own)
    script = (
        "/opt/kafka/bin/kafka-storage.sh format -t $(/opt/kafka/bin/kafka-storage.sh random-uuid)"
        f" -c /hub/server.properties --add-scram '{kafka.MECHANISM}=[name={kafka.ADMIN},password={server.password}]'"
        " && exec /opt/kafka/bin/kafka-server-start.sh /hub/server.properties"
    )
    container = (
        DockerContainer(KAFKA_IMAGE)
        .with_bind_ports(server.port, server.port)
        .with_volume_mapping(str(folder), "/hub", "ro")
        .with_command(["bash", "-c", script])
    )
    container.start()
    wait_for_logs(container, _READY, timeout=90)
    return container, server
