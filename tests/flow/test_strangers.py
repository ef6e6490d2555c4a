"""Strangers on a real broker and a real API: whoever is not the agency neither writes its topic nor reads what is its.

What an agency's own Kafka user may do is in test_provision; here is what is tried by those who should not be there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
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

from hub.cli import accounts
from hub.cli.accounts import Credentials
from hub.schemas.canonical import AgencyClaim
from hub.schemas.topics import FEED, inbound, outbound
from tests.flow import people
from tests.flow.people import refer, referral
from tests.flow.site import Site

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
#: Shares no purpose with alpha and beta, which work in welfare and may know of each other's people.
LH = AgencyClaim("lh", "housing_corporation", "LH", ("housing",), "consent_self")
ADMIN: Any = {"request_timeout": 10}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A hub that runs, with two referrals of each source."""
    with people.town(tmp_path_factory.mktemp("town")) as site:
        site.start("consumer 0", "relay")
        refer(site, range(4))
        site.settle()
        # Now, and not before the consumer works: one that starts again within its session keeps the topics it had.
        site.register([LH])
        site.settle()
        site.until(site.relayed, 30, "all relayed")
        site.until(
            lambda: inbound("lh") in {t for topics in site.members().values() for t in topics}, 30, "lh is heard"
        )
        site.start_web()
        yield site


@pytest.fixture(scope="module")
def held(town: Site) -> dict[str, Credentials]:
    """What each agency was given."""
    return {one.code: one for one in accounts.provide(town.settings, ["alpha", "beta", "lh"])}


def signed_in(town: Site, access: Credentials, **more: Any) -> dict[str, Any]:
    return town.client(**{"sasl.username": access.kafka.username, "sasl.password": access.kafka.password, **more})


def kept_out(attempt: Callable[[], Any]) -> None:
    """Asserts that the broker refuses, and says that it is for want of a right."""
    with pytest.raises(KafkaException) as refused:
        attempt()
    assert refused.value.args[0].code() in KEPT_OUT, refused.value


def ends(town: Site, topic: str = inbound("alpha")) -> dict[Any, int]:
    """How far a topic is written."""
    return {place: end for place, end in town.administration.end_offsets().items() if place[0] == topic}


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


# ------------------------------------------------------------------ over HTTP
@pytest.fixture(scope="module")
def api(town: Site, held: dict[str, Credentials]) -> Iterator[Callable[..., httpx.Response]]:
    """Asks as an agency, '' without a token."""
    with httpx.Client(base_url=f"http://127.0.0.1:{town.web_port}", timeout=20) as client:

        def ask(agency: str, method: str, path: str, **more: Any) -> httpx.Response:
            token = held[agency].token if agency else more.pop("token", "")
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return client.request(method, path, headers=headers | more.pop("headers", {}), **more)

        yield ask


@pytest.fixture(scope="module")
def alphas(town: Site) -> dict[str, str]:
    """Ids of things that are alpha's alone."""
    rows = town.sql(
        "SELECT r.id::text, r.case_id::text, n.person::text FROM referrals r JOIN records n ON n.case_id = r.case_id "
        "WHERE r.agency = 'alpha' AND r.receiver <> 'beta' ORDER BY r.id"
    )
    return dict(zip(("referral", "case", "person"), rows[0], strict=True))


def test_anothers_things_are_the_same_404_as_nonsense(api: Any, alphas: dict[str, str]) -> None:
    nonsense = "00000000-0000-8000-8000-00000000dead"
    for kind, address in (("referral", "/v1/referrals/{}"), ("person", "/v1/persons/{}"), ("case", "/v1/cases/{}")):
        assert api("alpha", "GET", address.format(alphas[kind])).status_code == 200
        real, fake = (api("lh", "GET", address.format(id_)) for id_ in (alphas[kind], nonsense))
        assert (real.status_code, real.json()["type"]) == (404, fake.json()["type"])


@pytest.mark.parametrize(("agency", "status"), [("lh", 404), ("beta", 409)])
@pytest.mark.parametrize("change", ["withdraw", "accept", "decline"])
def test_anothers_referral_is_not_changed(
    api: Any, alphas: dict[str, str], town: Site, change: str, agency: str, status: int
) -> None:
    before = town.one("SELECT state FROM referrals WHERE id = %s::uuid", alphas["referral"])
    said = {"reason": "other", "text": "x"} if change == "decline" else {}
    answer = api(agency, "POST", f"/v1/referrals/{alphas['referral']}/{change}?wait=5", json=said)
    assert answer.status_code == status, answer.text
    assert town.one("SELECT state FROM referrals WHERE id = %s::uuid", alphas["referral"]) == before


def test_an_event_that_names_another_agency_is_400_and_never_on_kafka(api: Any, town: Site) -> None:
    before = ends(town)
    answer = api(
        "beta", "POST", "/v1/events", content=orjson.dumps(referral("alpha", 300)),
        headers={"Content-Type": "application/cloudevents+json"},
    )  # fmt: skip
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/source"
    assert ends(town) == before


def test_anothers_receipt_is_404(api: Any) -> None:
    path = f"/v1/receipts/{quote('//agency/alpha/test', safe='')}/alpha-0"
    assert api("alpha", "GET", path).status_code == 200
    assert api("beta", "GET", path).status_code == 404


def test_a_feed_holds_no_position_of_another(api: Any, town: Site) -> None:
    named = {
        code: {
            position
            for position, entry in town.sql("SELECT position, entry FROM entries")
            if f"a:{code}" in orjson.loads(entry)["facts"]["audience"]
        }
        for code in ("alpha", "beta")
    }
    got = {e["position"] for e in api("beta", "GET", "/v1/feed?limit=1000").json()["entries"]}
    assert got == named["beta"]
    assert named["alpha"] - named["beta"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/feed"), ("POST", "/v1/events"), ("GET", "/v1/receipts/a/b"), ("GET", "/v1/cases/x"),
        ("GET", "/v1/persons/x"), ("GET", "/v1/reviews"), ("GET", "/log/checkpoint"), ("GET", "/log/tile/0/000"),
        ("GET", "/log/tile/entries/000"), ("POST", "/fhir"), ("GET", "/fhir/Task"),
    ],
)  # fmt: skip
def test_nobody_gets_in_without_a_token(api: Any, method: str, path: str) -> None:
    assert api("", method, path).status_code == 401
    assert api("", method, path, token="ieum_" + "0" * 64).status_code == 401


@pytest.mark.parametrize("path", ["/log/tile/entries/000.p/1", "/log/tile/entries/000"])
def test_entries_themselves_are_for_auditors(api: Any, path: str) -> None:
    assert api("beta", "GET", path).status_code == 403


# ------------------------------------------------------------------ put out: how soon (last: they change who may)
def test_a_suspension_is_in_force_at_once_wherever_the_agency_is_signed_in(
    town: Site, held: dict[str, Credentials], api: Any
) -> None:
    access = held["beta"]
    codes: list[int] = []
    producer = Producer(signed_in(town, access, **{"message.timeout.ms": 5000, "linger.ms": 0}))
    reader = Consumer(signed_in(town, access, **{"group.id": "beta-open", "auto.offset.reset": "latest"}))
    reader.subscribe([outbound("beta")])

    def write() -> int:
        producer.produce(inbound("beta"), b"{}", on_delivery=lambda e, _: codes.append(e.code() if e else 0))
        producer.flush(10)
        return codes[-1]

    end = time.monotonic() + 20
    while not reader.assignment() and time.monotonic() < end:
        reader.poll(0.2)
    assert write() == 0
    assert api("beta", "GET", "/v1/feed").status_code == 200
    accounts.change(town.settings, "beta", "suspend")
    accounts.withdraw(town.settings, "beta")
    done = time.monotonic()
    assert within(done, 2.0, lambda: write() == KafkaError.TOPIC_AUTHORIZATION_FAILED) < 1.0
    assert within(done, 2.0, lambda: api("beta", "GET", "/v1/feed").status_code in {401, 403}) < 1.5
    # The broker asks for the right when a fetch arrives: one that was waiting there may still be answered, once.
    for number in (b"first", b"second"):
        town.publish(outbound("beta"), [b'{"after": "%s"}' % number])
        heard = [m for m in (reader.poll(0.5) for _ in range(4)) if m is not None and m.error() is None]
    assert b"second" not in b"".join(m.value() or b"" for m in heard)
    reader.close()


def test_a_resumed_agency_gets_in_with_its_new_credentials_alone(
    town: Site, held: dict[str, Credentials], api: Any
) -> None:
    accounts.change(town.settings, "beta", "resume")
    made = accounts.provide(town.settings, ["beta"])[0]
    client = {"Authorization": f"Bearer {made.token}"}
    began = time.monotonic()
    assert within(began, 5.0, lambda: api("", "GET", "/v1/feed", headers=client).status_code == 200) < 2.0
    assert api("beta", "GET", "/v1/feed").status_code == 401
    assert made.kafka.password != held["beta"].kafka.password
    codes: list[int] = []
    producer = Producer(signed_in(town, made, **{"message.timeout.ms": 5000}))
    producer.produce(inbound("beta"), b"{}", on_delivery=lambda e, _: codes.append(e.code() if e else 0))
    producer.flush(10)
    assert codes == [0]


def test_after_a_rotation_the_former_token_is_nobodys(town: Site, api: Any) -> None:
    assert api("alpha", "GET", "/v1/feed").status_code == 200
    began = time.monotonic()
    accounts.provide(town.settings, ["alpha"])
    assert within(began, 5.0, lambda: api("alpha", "GET", "/v1/feed").status_code == 401) < 3.0


def within(began: float, seconds: float, check: Callable[[], bool]) -> float:
    """Seconds from `began` until it holds."""
    while not check():
        assert time.monotonic() - began < seconds
        time.sleep(0.02)
    return time.monotonic() - began
