"""The local PostgreSQL and Kafka, really started: they answer, deny what is not granted, and leave nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from confluent_kafka.admin import NewTopic as RdTopic

from infra.local import containers, process, state
from infra.local.errors import LocalServerError
from infra.local.jars import pinned_jars
from infra.local.servers import Servers, external
from infra.local.state import ServerInfo

_GIVEN = any(os.environ.get(name) for name in ("HUB_KAFKA_BOOTSTRAP", "HUB_DATABASE_URL", "HUB_TEST_CONTAINERS"))
pytestmark = pytest.mark.skipif(_GIVEN, reason="the environment names other servers")

_PARENT = """
import json, sys, time
from pathlib import Path
from infra.local.servers import Servers
info = Servers(Path(sys.argv[1]), deathsig=True).start()
print(json.dumps(dict(info.pids)), flush=True)
time.sleep(300)
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    running = Servers(tmp_path_factory.mktemp("servers"), deathsig=True)
    with running:
        yield running


@pytest.fixture
def info(servers: Servers) -> ServerInfo:
    return servers.start()  # whatever an earlier test stopped is there again


def admin(info: ServerInfo, username: str | None = None, password: str | None = None) -> AIOKafkaAdminClient:
    return AIOKafkaAdminClient(
        bootstrap_servers=info.kafka_bootstrap,
        security_protocol=info.kafka_security_protocol,
        sasl_mechanism=info.kafka_mechanism,
        sasl_plain_username=username or info.kafka_admin_username,
        sasl_plain_password=password or info.kafka_admin_password,
    )


async def listed(client: AIOKafkaAdminClient, topic: str) -> None:
    """Wait until the broker names a topic: it hears of it a moment after the controller has made it."""
    async with asyncio.timeout(10):
        while topic not in await client.list_topics():  # noqa: ASYNC110 - a broker tells nobody
            await asyncio.sleep(0.02)


def rdkafka(info: ServerInfo, username: str | None, password: str | None) -> dict[str, Any]:
    return {
        "bootstrap.servers": info.kafka_bootstrap,
        "security.protocol": info.kafka_security_protocol,
        "sasl.mechanism": info.kafka_mechanism,
        "sasl.username": username,
        "sasl.password": password,
        "log_level": 0,
    }


def done(futures: dict[Any, Future[Any]]) -> None:
    for future in futures.values():
        future.result(timeout=20)


def grant(user: str, topic: str, operation: AclOperation) -> AclBinding:
    return AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        operation,
        AclPermissionType.ALLOW,
    )


def sent(producer: Producer, topic: str) -> str | None:
    """The name of the error that met a message; None if it arrived."""
    errors: list[str | None] = []
    producer.produce(topic, b"{}", on_delivery=lambda error, _: errors.append(error.name() if error else None))
    producer.flush(20)
    return errors[0]


def living_below(folder: Path) -> list[int]:
    """Pids of processes that work in a folder; zombies are gone already."""
    found = []
    for one in psutil.process_iter(["pid", "cwd", "status"]):
        cwd = one.info["cwd"]
        if cwd and Path(cwd).is_relative_to(folder) and one.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(one.pid)
    return found


def none_living_below(folder: Path, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while living_below(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_postgres_18_answers_with_our_settings(info: ServerInfo) -> None:
    with psycopg.connect(info.database_url) as connection:
        names = ("server_version_num", "fsync", "synchronous_commit", "plan_cache_mode", "jit", "server_encoding")
        found = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in names}  # type: ignore[index]
    assert found.pop("server_version_num").startswith("18")
    assert found == {
        "fsync": "on",
        "synchronous_commit": "on",
        "plan_cache_mode": "force_custom_plan",
        "jit": "off",
        "server_encoding": "UTF8",
    }


def test_postgres_refuses_a_wrong_password(info: ServerInfo) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(info.database_url.replace("hub:", "hub:x", 1))


async def test_kafka_lets_the_admin_create_a_topic(info: ServerInfo) -> None:
    client = admin(info)
    await client.start()
    try:
        await client.create_topics([NewTopic("hub.in.sample", 1, 1)])
        await listed(client, "hub.in.sample")
    finally:
        await client.close()


async def test_kafka_denies_an_unknown_user(info: ServerInfo) -> None:
    client = admin(info, "stranger", "guessed")
    with pytest.raises(KafkaError):
        await client.start()
    await client.close()


async def test_kafka_denies_a_wrong_password(info: ServerInfo) -> None:
    client = admin(info, password="guessed")
    with pytest.raises(KafkaError):
        await client.start()
    await client.close()


async def test_kafka_creates_no_topic_by_accident(info: ServerInfo) -> None:
    client = admin(info)
    await client.start()
    try:
        await client.describe_topics(["hub.never.created"])  # a metadata request is what creates topics elsewhere
        assert "hub.never.created" not in await client.list_topics()
    finally:
        await client.close()


def test_an_agency_writes_what_it_was_granted_and_nothing_else(info: ServerInfo) -> None:
    operator = AdminClient(rdkafka(info, info.kafka_admin_username, info.kafka_admin_password))
    credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
    done(operator.alter_user_scram_credentials([UserScramCredentialUpsertion("gyeongsang", credential, b"own")]))
    done(operator.create_topics([RdTopic("hub.in.gyeongsang", 1, 1), RdTopic("hub.in.jeil", 1, 1)]))
    done(operator.create_acls([grant("gyeongsang", "hub.in.gyeongsang", AclOperation.WRITE)]))

    producer = Producer(rdkafka(info, "gyeongsang", "own") | {"enable.idempotence": True})
    assert sent(producer, "hub.in.gyeongsang") is None
    assert sent(producer, "hub.in.jeil") == "TOPIC_AUTHORIZATION_FAILED"


def test_passwords_are_readable_by_their_owner_only(servers: Servers, info: ServerInfo) -> None:
    private = [servers.state_dir / state.FILE, servers.state_dir / "kafka" / "server.properties"]
    assert [path.stat().st_mode & 0o077 for path in private] == [0, 0]
    arguments = " ".join(word for pid in info.pids.values() for word in psutil.Process(pid).cmdline())
    assert info.kafka_admin_password is not None
    assert info.kafka_admin_password not in arguments


def test_starting_twice_is_starting_once(servers: Servers, info: ServerInfo) -> None:
    assert Servers(servers.state_dir).start() == info


def test_an_object_that_started_nothing_stops_nothing(servers: Servers, info: ServerInfo) -> None:
    with Servers(servers.state_dir):
        pass
    status = servers.status()
    assert status is not None
    assert status.pids == info.pids


def test_postgres_keeps_what_was_committed_through_an_immediate_restart(servers: Servers, info: ServerInfo) -> None:
    with psycopg.connect(info.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    again = servers.restart_postgres("immediate")
    assert again.database_url == info.database_url
    with psycopg.connect(again.database_url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


async def test_kafka_keeps_its_topics_and_users_through_a_kill(servers: Servers, info: ServerInfo) -> None:
    client = admin(info)
    await client.start()
    await client.create_topics([NewTopic("hub.in.kept", 1, 1)])
    await client.close()
    servers.kill_kafka(signal.SIGKILL)
    again = servers.start_kafka()
    assert again.kafka_bootstrap == info.kafka_bootstrap
    client = admin(again)
    await client.start()
    await listed(client, "hub.in.kept")
    await client.close()


def test_stop_leaves_no_process_even_a_stopped_one(servers: Servers, info: ServerInfo) -> None:
    assert set(info.pids) == {"postgres", "kafka"}
    servers.signal_postgres(signal.SIGSTOP)
    servers.stop()
    assert living_below(servers.state_dir) == []
    status = servers.status()
    assert status is not None
    assert status.pids == {}


def test_a_killed_parent_leaves_no_server(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            pids = json.loads(parent.stdout.readline())
            assert set(pids) == {"postgres", "kafka"}
            assert set(pids.values()) <= set(living_below(tmp_path))
        finally:
            parent.kill()
    assert none_living_below(tmp_path, within_s=15)


def test_given_servers_are_used_and_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_KAFKA_BOOTSTRAP", "kafka.example:9092")
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://db.example/hub")
    with Servers(tmp_path / "state") as info:
        assert (info.kafka_bootstrap, info.external, info.pids) == ("kafka.example:9092", True, {})
        assert info.kafka_security_protocol == "PLAINTEXT"
    assert not (tmp_path / "state").exists()


def test_half_given_servers_are_an_error() -> None:
    with pytest.raises(LocalServerError, match="only one of"):
        external({"HUB_KAFKA_BOOTSTRAP": "kafka.example:9092"})


def test_a_port_that_is_taken_is_not_taken_again(info: ServerInfo) -> None:
    taken = int(info.kafka_bootstrap.rpartition(":")[2])
    assert process.port(taken) != taken


def test_every_jar_is_pinned_by_version_and_digest() -> None:
    jars = pinned_jars()
    assert len({jar.filename for jar in jars}) == len(jars) == 46
    assert all(len(jar.sha256) == 64 and jar.coordinate.count(":") == 2 for jar in jars)


def test_an_engine_is_asked_and_not_its_client(tmp_path: Path) -> None:
    assert not containers.engine_answers({"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"})
