"""Strangers on a real broker: whoever is not the agency neither writes its topic nor reads what is its.

What an agency's own Kafka user may do is in test_provision; here is what is tried by those who should not be there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from hub.cli.accounts import Credentials
from hub.schemas.topics import FEED, inbound, outbound
from tests.flow.people import referral
from tests.flow.site import Site
from tests.flow.strangers import ends, held, signed_in, town

__all__ = ["held", "town"]  # fixtures
#: A right that is missing, or a topic that is not even shown.
KEPT_OUT = {
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._NOENT,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
ADMIN: Any = {"request_timeout": 10}


def kept_out(attempt: Callable[[], Any]) -> None:
    """Asserts that the broker refuses, and says that it is for want of a right."""
    with pytest.raises(KafkaException) as refused:
        attempt()
    assert refused.value.args[0].code() in KEPT_OUT, refused.value


# ------------------------------------------------------------------ nobody at all, on Kafka
@pytest.mark.parametrize(
    "who",
    [
        {"security.protocol": "PLAINTEXT"},
        {"sasl.mechanism": "PLAIN", "sasl.username": "agency-alpha", "sasl.password": "x"},
        {"sasl.username": "agency-alpha", "sasl.password": "agency-alpha"},
        {"sasl.username": "agency-nobody", "sasl.password": "x"},
        {"sasl.username": "hub-admin", "sasl.password": "hub-admin"},
    ],
    ids=["no-sign-in", "another-mechanism", "guessed-password", "no-such-user", "the-hubs-user"],
)
def test_who_cannot_sign_in_learns_and_writes_nothing(town: Site, who: dict[str, str]) -> None:
    configuration = town.client(**who)
    if who.get("security.protocol") == "PLAINTEXT":
        configuration = {k: v for k, v in configuration.items() if not k.startswith("sasl.")}
    with pytest.raises(KafkaException):
        AdminClient(configuration).list_topics(timeout=1)
    before = ends(town)
    failed: list[bool] = []
    producer = Producer({**configuration, "message.timeout.ms": 1000})
    producer.produce(inbound("alpha"), b"{}", on_delivery=lambda error, _: failed.append(error is not None))
    producer.flush(3)
    producer.purge()
    producer.flush(1)
    assert failed == [True]
    assert ends(town) == before


# ------------------------------------------------------------------ an agency, on what is another's or the hub's
@pytest.mark.parametrize("group", ["alpha-reader", "alpha-", "hub", "hub-clock"])
def test_no_group_of_another_is_joined_moved_or_removed(town: Site, held: dict[str, Credentials], group: str) -> None:
    admin = AdminClient(signed_in(town, held["beta"]))
    place = ConsumerGroupTopicPartitions(group, [TopicPartition(outbound("beta"), 0, 0)])
    kept_out(admin.alter_consumer_group_offsets([place])[group].result)
    kept_out(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result)
    kept_out(admin.delete_consumer_groups([group])[group].result)
    consumer = Consumer(signed_in(town, held["beta"], **{"group.id": group}))
    consumer.subscribe([outbound("beta")])
    heard = next((m for m in (consumer.poll(0.5) for _ in range(20)) if m is not None), None)
    consumer.close()
    assert heard is not None
    assert heard.error().code() == KafkaError.GROUP_AUTHORIZATION_FAILED


@pytest.mark.parametrize("topic", [inbound("alpha"), outbound("alpha"), FEED, "__consumer_offsets"])
def test_reading_without_a_group_opens_nothing_either(town: Site, held: dict[str, Credentials], topic: str) -> None:
    consumer = Consumer(signed_in(town, held["beta"], **{"group.id": "beta-x", "enable.auto.commit": False}))
    consumer.assign([TopicPartition(topic, 0, 0)])
    got = [consumer.poll(0.5) for _ in range(3)]
    consumer.close()
    assert [m for m in got if m is not None and m.error() is None] == []
    assert {m.error().code() for m in got if m is not None} <= {KafkaError.TOPIC_AUTHORIZATION_FAILED}
    kept_out(lambda: Consumer(signed_in(town, held["beta"], **{"group.id": "beta-x"})).get_watermark_offsets(
        TopicPartition(topic, 0), timeout=5
    ))  # fmt: skip


@pytest.mark.parametrize("name", ["alpha-tx", "beta-tx", "hub"])
def test_no_transaction_is_anybodys(town: Site, held: dict[str, Credentials], name: str) -> None:
    producer = Producer(signed_in(town, held["beta"], **{"transactional.id": name}))
    kept_out(lambda: producer.init_transactions(10))


def test_an_idempotent_producer_of_one_agency_writes_no_other_topic(town: Site, held: dict[str, Credentials]) -> None:
    codes: list[int] = []
    producer = Producer(signed_in(town, held["beta"], **{"enable.idempotence": True, "message.timeout.ms": 4000}))
    for topic in (inbound("beta"), inbound("alpha"), inbound("beta")):
        value = orjson.dumps(referral("beta", 100 + len(codes)))
        producer.produce(topic, value, on_delivery=lambda e, _: codes.append(e.code() if e else 0))
        producer.flush(10)
    assert codes == [0, KafkaError.TOPIC_AUTHORIZATION_FAILED, 0]


def _everything(town: Site, access: Credentials) -> dict[str, Callable[[], Any]]:
    admin = AdminClient(signed_in(town, access))
    topic = inbound("alpha")
    everybody = AclBinding(
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:agency-beta", "*", AclOperation.ALL,
        AclPermissionType.ALLOW,
    )  # fmt: skip
    every_acl = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY  # type: ignore[arg-type]
    )  # fmt: skip
    short = ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[short])
    password = UserScramCredentialUpsertion(
        "agency-alpha", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), b"mine now"
    )

    def first(futures: Any) -> Any:
        held = admin  # its futures live no longer than it does
        assert held is not None
        return next(iter(futures.values())).result()

    return {
        "delete a topic": lambda: first(admin.delete_topics([topic], **ADMIN)),
        "delete records": lambda: first(admin.delete_records([TopicPartition(topic, 0, 1)], **ADMIN)),
        "change a topic": lambda: first(admin.incremental_alter_configs([resource], **ADMIN)),
        "give itself rights": lambda: first(admin.create_acls([everybody], **ADMIN)),
        "take rights": lambda: first(admin.delete_acls([every_acl], **ADMIN)),
        "set another's password": lambda: first(admin.alter_user_scram_credentials([password], **ADMIN)),
    }


@pytest.mark.parametrize(
    "what",
    [
        "delete a topic", "delete records", "change a topic", "give itself rights", "take rights",
        "set another's password",
    ],
)  # fmt: skip
def test_an_agency_administers_nothing(town: Site, held: dict[str, Credentials], what: str) -> None:
    kept_out(_everything(town, held["beta"])[what])


def test_an_agency_is_shown_nobodys_rights(town: Site, held: dict[str, Credentials]) -> None:
    every = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY  # type: ignore[arg-type]
    )  # fmt: skip
    hub, agency = AdminClient(town.client()), AdminClient(signed_in(town, held["beta"]))
    assert hub.describe_acls(every, **ADMIN).result()
    assert agency.describe_acls(every, **ADMIN).result() == []


def test_what_names_another_agency_is_refused_though_it_lies_on_ones_own_topic(
    town: Site, held: dict[str, Credentials]
) -> None:
    forged = referral("alpha", 200)
    forged["id"] = "forged"
    producer = Producer(signed_in(town, held["beta"]))
    producer.produce(inbound("beta"), orjson.dumps(forged))
    assert producer.flush(10) == 0
    town.until(lambda: refusal(town, "beta") is not None, 20, "the forged message is refused")
    entry = refusal(town, "beta")
    assert entry is not None
    assert entry["facts"]["agency"] == "beta"
    assert [r["path"] for r in entry["facts"]["reasons"]] == ["/source"]


def refusal(town: Site, agency: str) -> dict[str, Any] | None:
    rows = town.sql("SELECT entry FROM entries WHERE kind = 'message.refused' ORDER BY position DESC LIMIT 1")
    entry: dict[str, Any] | None = orjson.loads(rows[0][0]) if rows else None
    return entry if entry and entry["facts"]["agency"] == agency else None
