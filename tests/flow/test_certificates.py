"""Certificates on a real broker: an agency's opens what is the agency's and no more, a stranger's opens nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from cryptography import x509

from connectors.configuring import KafkaConfig
from connectors.kafka_upstream import Access, Kafka
from hub.cli import accounts
from hub.errors import Usage
from hub.schemas.canonical import AgencyClaim
from hub.schemas.topics import FEED, inbound, outbound
from infra.local.authority import Authority, Issued
from tests.flow import people
from tests.flow.refused import NO_CONNECTION, turned_away
from tests.flow.site import Site

DENIED = KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A hub whose broker takes certificates, of the authority in the hub's own state folder."""
    folder = tmp_path_factory.mktemp("town")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUB_KAFKA_TLS", "1")
        site = Site(folder, inbound_partitions=1)
    try:
        (folder / "hub" / "ca").symlink_to(folder / "state" / "ca")
        people.populate(site)
        site.start("consumer 0", "relay")
        accounts.provide(site.settings, ["alpha", "beta"])
        yield site
    finally:
        site.close()


def place(site: Site) -> str:
    info = site.servers.status()
    assert info is not None
    return info.kafka_tls_bootstrap


def issued(site: Site, code: str, folder: Path) -> dict[str, str]:
    """What `hub agency certificate` hands over."""
    program = "import sys; from hub.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["agency", "certificate", code, "--out", str(folder), "--bootstrap", place(site), "--json"]
    ran = subprocess.run(
        [sys.executable, "-c", program, *words], env=site.environment(), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, str] = json.loads(ran.stdout)
    return found


@pytest.fixture(scope="module")
def held(town: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    folder = tmp_path_factory.mktemp("handover")
    return {code: issued(town, code, folder / code) for code in ("alpha", "beta")}


def client(site: Site, files: dict[str, str], **more: Any) -> dict[str, Any]:
    """Librdkafka's configuration with a certificate."""
    return {
        "bootstrap.servers": place(site),
        "security.protocol": "SSL",
        "ssl.ca.location": files["ca_file"],
        "ssl.certificate.location": files["certificate_file"],
        "ssl.key.location": files["key_file"],
        "log_level": 0,
        **more,
    }


def code_of(producer: Producer, topic: str) -> int:
    """What became of one message: 0 when it was acknowledged."""
    codes: list[int] = []
    producer.produce(topic, b"{}", on_delivery=lambda e, _: codes.append(e.code() if e else 0))
    producer.flush(10)
    return codes[0]


def write(site: Site, files: dict[str, str], topic: str) -> int:
    return code_of(Producer(client(site, files, **{"enable.idempotence": True, "message.timeout.ms": 4000})), topic)


def read(site: Site, files: dict[str, str], topic: str, group: str = "alpha-c") -> int:
    """0 when something came from the topic's beginning, else the error's code."""
    more = {"group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    consumer = Consumer(client(site, files, **more))
    consumer.subscribe([topic])
    try:
        heard = next((m for m in (consumer.poll(0.5) for _ in range(20)) if m is not None), None)
    finally:
        consumer.close()
    if heard is None:
        return KafkaError._TIMED_OUT
    error = heard.error()
    return error.code() if error else 0


def files_of(made: Issued, ca: Path, folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cert.pem").write_bytes(made.certificate)
    (folder / "key.pem").write_bytes(made.key)
    names = {"certificate_file": folder / "cert.pem", "key_file": folder / "key.pem", "ca_file": ca}
    return {name: str(file) for name, file in names.items()}


def mark_of(files: dict[str, str]) -> str:
    subject = x509.load_pem_x509_certificate(Path(files["certificate_file"]).read_bytes()).subject
    return str(subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value)


# ------------------------------------------------------------------ its own, and no more
def test_a_certificate_writes_its_agencys_topic_and_reads_its_outbox(town: Site, held: dict[str, Any]) -> None:
    town.until(town.relayed, 30, "alpha was told that it has an account")
    assert write(town, held["alpha"], inbound("alpha")) == 0
    assert read(town, held["alpha"], outbound("alpha")) == 0


@pytest.mark.parametrize("topic", [inbound("beta"), outbound("beta"), outbound("alpha"), FEED, "hub.sys.rules"])
def test_it_writes_nothing_else(town: Site, held: dict[str, Any], topic: str) -> None:
    assert write(town, held["alpha"], topic) == DENIED


@pytest.mark.parametrize("topic", [outbound("beta"), FEED])
def test_it_reads_nothing_else(town: Site, held: dict[str, Any], topic: str) -> None:
    assert read(town, held["alpha"], topic) == DENIED
    consumer = Consumer(client(town, held["alpha"], **{"group.id": "alpha-w"}))
    with pytest.raises(KafkaException):
        consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=3)
    consumer.close()
    own = Consumer(town.client(**{"group.id": "test-w"}))
    assert own.get_watermark_offsets(TopicPartition(topic, 0), timeout=3)[1] > 0
    own.close()


def test_it_sees_its_own_topics_only_and_administers_nothing(town: Site, held: dict[str, Any]) -> None:
    admin = AdminClient(client(town, held["alpha"]))
    assert set(admin.list_topics(timeout=10).topics) == {inbound("alpha"), outbound("alpha")}
    with pytest.raises(KafkaException) as refused:
        admin.delete_topics([inbound("alpha")], request_timeout=10)[inbound("alpha")].result()
    assert refused.value.args[0].code() == DENIED


# ------------------------------------------------------------------ strangers
def test_a_strangers_certificate_does_not_connect_whatever_it_says(
    town: Site, held: dict[str, Any], tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "ca").of_agency("alpha", mark_of(held["alpha"]))
    files = files_of(stranger, Path(held["alpha"]["ca_file"]), tmp_path / "stranger")
    turned_away(client(town, files), NO_CONNECTION)
    mixed = held["alpha"] | {"key_file": held["beta"]["key_file"]}
    with pytest.raises(KafkaException):
        AdminClient(client(town, mixed))


def test_without_a_certificate_nobody_connects(town: Site, held: dict[str, Any]) -> None:
    bare = {k: v for k, v in client(town, held["alpha"]).items() if "certificate" not in k and "key" not in k}
    turned_away(bare, NO_CONNECTION)


def test_another_certificate_of_our_authority_is_nobodys(town: Site, held: dict[str, Any], tmp_path: Path) -> None:
    authority, ca = Authority(town.settings.state_dir / "ca"), Path(held["alpha"]["ca_file"])
    turned_away(client(town, files_of(authority.of_server(("agency-alpha",)), ca, tmp_path / "server")), NO_CONNECTION)
    # One that says it is alpha's, and that nobody gave rights: signed in, and without a single topic.
    unknown = files_of(authority.of_agency("alpha", "00ff00ff"), ca, tmp_path / "unknown")
    assert set(AdminClient(client(town, unknown)).list_topics(timeout=10).topics) == set()
    assert write(town, unknown, inbound("alpha")) != 0


def test_the_door_for_passwords_takes_no_certificate_and_the_other_no_password(
    town: Site, held: dict[str, Any]
) -> None:
    turned_away(client(town, held["alpha"]) | {"bootstrap.servers": town.settings.kafka_bootstrap}, NO_CONNECTION)
    turned_away(town.client(**{"bootstrap.servers": place(town)}), NO_CONNECTION)


# ------------------------------------------------------------------ the connectors' way
async def test_a_connector_sends_and_follows_with_a_certificate(town: Site, held: dict[str, Any]) -> None:
    config = KafkaConfig.model_validate(tomllib.loads(held["alpha"]["config"])["hub"]["kafka"])
    access = Access(**config.beside(Path(held["alpha"]["key_file"]).parent).model_dump())
    event = people.referral("alpha", 1)
    upstream = Kafka("alpha", access)
    assert [r.status for r in await upstream.send([event])] == ["taken"]
    recorded = "SELECT count(*) FROM entries WHERE kind = 'referral.recorded'"
    await asyncio.to_thread(town.until, lambda: town.one(recorded) == 1, 30, "recorded")
    changes: list[Any] = []
    after = "0"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            # Everything since the account was made is in the outbox
            while not any(c.kind == "referral.recorded" for c in changes):
                found, after = await upstream.changes(after)
                changes += found
    assert any(c.kind == "referral.recorded" for c in changes)
    await upstream.close()


async def test_a_connector_with_a_strangers_certificate_says_what_to_do(
    town: Site, held: dict[str, Any], tmp_path: Path
) -> None:
    unknown = files_of(
        Authority(town.settings.state_dir / "ca").of_agency("alpha", "0a0a"),
        Path(held["alpha"]["ca_file"]), tmp_path,
    )  # fmt: skip
    upstream = Kafka("alpha", Access(place(town), **unknown))
    with pytest.raises(Usage, match="Kafka denies agency alpha"):
        await upstream.send([people.referral("alpha", 2)])
    await upstream.close()
    with pytest.raises(Usage, match="no certificate"):
        Access(place(town), certificate_file="/nowhere", key_file="/nowhere").arguments()


# ------------------------------------------------------------------ out again: how soon (last: these change who may)
def within(began: float, seconds: float, producer: Producer, topic: str) -> float:
    """Seconds from `began` until writing is denied on a connection that is open."""
    while code_of(producer, topic) != DENIED:
        assert time.monotonic() - began < seconds
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_certificate_that_was_replaced_can_do_nothing_even_where_it_is_signed_in(
    town: Site, held: dict[str, Any], tmp_path: Path
) -> None:
    producer = Producer(client(town, held["beta"], **{"message.timeout.ms": 4000}))
    assert code_of(producer, inbound("beta")) == 0
    new = issued(town, "beta", tmp_path)
    assert within(time.monotonic(), 3.0, producer, inbound("beta")) < 1.0
    assert write(town, new, inbound("beta")) == 0


def test_a_suspended_agencys_certificate_is_out_at_once_and_does_not_come_back_with_it(
    town: Site, held: dict[str, Any], tmp_path: Path
) -> None:
    producer = Producer(client(town, held["alpha"], **{"message.timeout.ms": 4000}))
    assert code_of(producer, inbound("alpha")) == 0
    accounts.change(town.settings, "alpha", "suspend")
    accounts.withdraw(town.settings, "alpha")
    assert within(time.monotonic(), 3.0, producer, inbound("alpha")) < 1.0
    assert read(town, held["alpha"], outbound("alpha")) in {DENIED, KafkaError.GROUP_AUTHORIZATION_FAILED}
    program = "import sys; from hub.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["agency", "certificate", "alpha", "--out", str(tmp_path), "--bootstrap", place(town)]
    ran = subprocess.run(
        [sys.executable, "-c", program, *words], env=town.environment(), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "suspended" in ran.stderr
    accounts.change(town.settings, "alpha", "resume")
    accounts.provide(town.settings, ["alpha"])
    assert write(town, held["alpha"], inbound("alpha")) == DENIED
    assert write(town, issued(town, "alpha", tmp_path), inbound("alpha")) == 0


def test_an_account_made_again_has_no_certificate_of_another(town: Site, tmp_path: Path) -> None:
    """A code that begins like another's: rights are found by the whole name."""
    claim = AgencyClaim("alphabet", "welfare_center", "Alphabet", ("welfare",), "consent_self")
    accounts.register(town.settings, [claim])
    other = issued(town, "alphabet", tmp_path)
    issued(town, "alpha", tmp_path / "alpha")
    assert write(town, other, inbound("alphabet")) == 0
    assert orjson.dumps(sorted(town.administration.certificates("alphabet"))) != b"[]"
