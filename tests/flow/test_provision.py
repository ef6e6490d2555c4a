"""What an agency's Kafka user may do on a real broker: write its own topic, read its own outbox, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from hub.errors import Retry, Usage
from hub.producers.provision import Administration, group_prefix, username
from hub.schemas.topics import CONSOLE, FEED, SYSTEM, inbound, outbound
from hub.settings import Settings
from tests.flow.site import Site


@pytest.fixture(scope="module")
def provisioned(site: Site) -> Site:
    for code in ("jeil", "lh"):
        site.administration.add_agency(code, f"password of {code}")
    site.publish(outbound("jeil"), [b"{}"])
    return site


def client(site: Site, code: str, password: str = "", **more: Any) -> dict[str, Any]:
    signed_in = {"sasl.username": username(code), "sasl.password": password or f"password of {code}", "log_level": 0}
    return site.client(**signed_in, **more)


def write(site: Site, code: str, topic: str, password: str = "") -> int:
    """The error code of writing as an agency, or of signing in for it; 0 when it was acknowledged."""
    result: list[int] = []
    said: list[int] = []

    def delivered(error: KafkaError | None, _: object) -> None:
        result.append(error.code() if error else 0)

    configuration = client(site, code, password, **{"enable.idempotence": True, "message.timeout.ms": 4000})
    producer = Producer({**configuration, "error_cb": lambda error: said.append(error.code())})
    producer.produce(topic, b"{}", on_delivery=delivered)
    while not result and KafkaError._AUTHENTICATION not in said:  # whoever cannot sign in tries until its message ends
        producer.poll(0.05)
    producer.purge()
    producer.flush(1)
    return KafkaError._AUTHENTICATION if KafkaError._AUTHENTICATION in said else result[0]


def read(site: Site, code: str, topic: str, group: str) -> int:
    """The error code of reading as an agency in a group; 0 when something came."""
    consumer = Consumer(client(site, code, **{"group.id": group, "auto.offset.reset": "earliest"}))
    consumer.subscribe([topic])
    try:
        for _ in range(20):
            message = consumer.poll(0.5)
            if message is not None:
                error = message.error()
                return error.code() if error else 0
    finally:
        consumer.close()
    return KafkaError._TIMED_OUT


# ------------------------------------------------------------------ its own
def test_an_agency_writes_its_own_topic(provisioned: Site) -> None:
    assert write(provisioned, "jeil", inbound("jeil")) == 0


def test_an_agency_reads_its_own_outbox_in_a_group_of_its_own(provisioned: Site) -> None:
    assert read(provisioned, "jeil", outbound("jeil"), group_prefix("jeil") + "reader") == 0


# ------------------------------------------------------------------ nothing else
@pytest.mark.parametrize("topic", [inbound("lh"), outbound("jeil"), outbound("lh"), FEED, *SYSTEM])
def test_an_agency_writes_no_other_topic(provisioned: Site, topic: str) -> None:
    assert write(provisioned, "jeil", topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("topic", [outbound("jeil"), inbound("jeil"), inbound("lh"), FEED, CONSOLE])
def test_an_agency_reads_no_topic_but_its_outbox(provisioned: Site, topic: str) -> None:
    assert read(provisioned, "lh", topic, group_prefix("lh") + "reader") == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_an_agency_joins_no_group_of_another(provisioned: Site) -> None:
    found = read(provisioned, "jeil", outbound("jeil"), group_prefix("lh") + "reader")
    assert found == KafkaError.GROUP_AUTHORIZATION_FAILED


def test_an_agency_sees_no_other_topic(provisioned: Site) -> None:
    seen = set(AdminClient(client(provisioned, "jeil")).list_topics(timeout=10).topics)
    assert seen == {inbound("jeil"), outbound("jeil")}


def test_an_agency_makes_no_topic(provisioned: Site) -> None:
    admin = AdminClient(client(provisioned, "jeil"))  # its futures live no longer than it does
    future = admin.create_topics([NewTopic("hub.in.fake", num_partitions=1)])["hub.in.fake"]
    with pytest.raises(KafkaException) as refused:
        future.result()
    assert refused.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_no_topic_is_made_by_writing_it(provisioned: Site) -> None:
    # A topic that is not there may be one whose news has not come yet: not waited for here.
    impatient = {"message.timeout.ms": 3000, "topic.metadata.propagation.max.ms": 200, "log_level": 0}
    producer = Producer(provisioned.client(**impatient))
    failed: list[int] = []
    producer.produce("hub.in.typo", b"{}", on_delivery=lambda e, _: failed.append(e.code() if e else 0))
    producer.flush(10)
    assert failed in ([KafkaError._UNKNOWN_TOPIC], [KafkaError.UNKNOWN_TOPIC_OR_PART], [KafkaError._MSG_TIMED_OUT])
    assert "typo" not in provisioned.administration.agencies()


# ------------------------------------------------------------------ passwords
def test_a_wrong_password_opens_nothing(provisioned: Site) -> None:
    assert write(provisioned, "jeil", inbound("jeil"), "guess") == KafkaError._AUTHENTICATION


def test_after_a_rotation_only_the_new_password_opens(provisioned: Site) -> None:
    provisioned.administration.rotate("lh", "another")
    assert write(provisioned, "lh", inbound("lh"), "another") == 0
    assert write(provisioned, "lh", inbound("lh")) == KafkaError._AUTHENTICATION
    provisioned.administration.rotate("lh", "password of lh")


def test_a_suspended_agency_is_out_at_once_even_where_it_is_signed_in(provisioned: Site) -> None:
    administration = provisioned.administration
    administration.add_agency("prosecutors", "password of prosecutors")
    codes: list[int] = []
    producer = Producer(client(provisioned, "prosecutors", **{"message.timeout.ms": 4000}))
    for _ in range(2):
        producer.produce(inbound("prosecutors"), b"{}", on_delivery=lambda e, _: codes.append(e.code() if e else 0))
        producer.flush(10)
        administration.suspend("prosecutors")
    assert codes == [0, KafkaError.TOPIC_AUTHORIZATION_FAILED]
    assert write(provisioned, "prosecutors", inbound("prosecutors")) == KafkaError._AUTHENTICATION
    administration.suspend("prosecutors")
    administration.add_agency("prosecutors", "back again")
    assert write(provisioned, "prosecutors", inbound("prosecutors"), "back again") == 0


# ------------------------------------------------------------------ what is made
def test_everything_may_be_repeated(provisioned: Site) -> None:
    before = provisioned.administration.topic_ids([FEED, inbound("jeil")])
    provisioned.administration.ensure_system()
    provisioned.administration.add_agency("jeil", "password of jeil")
    assert provisioned.administration.topic_ids([FEED, inbound("jeil")]) == before


def test_topics_have_the_partitions_and_the_clock_they_must_have(provisioned: Site) -> None:
    admin = AdminClient(provisioned.client())
    topics = admin.list_topics(timeout=10).topics
    partitions = {name: len(topic.partitions) for name, topic in topics.items() if name.startswith("hub.")}
    assert partitions[FEED] == partitions[outbound("jeil")] == 1
    assert partitions[CONSOLE] == 2
    assert partitions[inbound("jeil")] == provisioned.settings.inbound_partitions
    resource = ConfigResource(ConfigResource.Type.TOPIC, inbound("jeil"))
    settings = admin.describe_configs([resource])[resource].result()
    assert settings["message.timestamp.type"].value == "LogAppendTime"
    assert settings["retention.ms"].value == str(14 * 24 * 3600 * 1000)


def test_a_topic_that_must_have_one_partition_and_has_two_is_named(provisioned: Site) -> None:
    admin = AdminClient(provisioned.client())
    admin.create_topics([NewTopic(outbound("twice"), num_partitions=2)])[outbound("twice")].result()
    with pytest.raises(Usage, match=r"hub\.out\.twice"):
        provisioned.administration.add_agency("twice", "password")


@pytest.mark.parametrize("code", ["", "A", "Jeil", "je il", "../x", "-jeil", "x" * 41])
def test_what_is_no_code_is_refused(provisioned: Site, code: str) -> None:
    with pytest.raises(Usage):
        provisioned.administration.add_agency(code, "password")


def test_a_code_whose_groups_would_be_anothers_is_refused(provisioned: Site) -> None:
    with pytest.raises(Usage, match="beside jeil"):
        provisioned.administration.add_agency("jeil-annex", "password")
    provisioned.administration.add_agency("je", "password")  # another word altogether


def test_rotating_an_unknown_agency_is_a_usage_error(provisioned: Site) -> None:
    with pytest.raises(Usage, match="hub agency add"):
        provisioned.administration.rotate("nobody", "password")


# ------------------------------------------------------------------ asking
def test_end_offsets_cover_every_inbound_partition_and_nothing_else(provisioned: Site) -> None:
    before = provisioned.administration.end_offsets()
    provisioned.publish(CONSOLE, [b"{}", b"{}", b"{}"])
    after = provisioned.administration.end_offsets()
    assert sum(after[CONSOLE, p] - before[CONSOLE, p] for p in range(2)) == 3
    assert {t for t, _ in after} >= {CONSOLE, inbound("jeil"), "hub.sys.rules", "hub.sys.access"}
    assert not {t for t, _ in after} & {FEED, "hub.sys.clock", outbound("jeil")}


def test_the_cluster_and_each_topic_have_an_id(provisioned: Site) -> None:
    assert provisioned.administration.cluster_id()
    ids = provisioned.administration.topic_ids([FEED, CONSOLE])
    assert len(set(ids.values())) == 2
    with pytest.raises(Retry):
        provisioned.administration.topic_ids(["hub.in.nobody"])


def test_a_cluster_that_is_away_means_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.producers.provision.TIMEOUT_S", 1.0)
    with pytest.raises(Retry):
        Administration(Settings(kafka_bootstrap="127.0.0.1:1")).agencies()
