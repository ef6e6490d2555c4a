"""Kafka's topics, users and rights: what the hub itself needs, and what an agency gets (its own and nothing else).

Owns names, settings and ACLs of everything the hub creates on the cluster. Never draws a password (it is an argument),
never deletes a topic: what an agency sent is evidence. Every call may be repeated; each leaves what it says, however
far an earlier one came. Blocking: call it in a thread.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any, Final

import structlog
from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from hub.errors import Usage
from hub.producers.administering import ABSENT, EXISTS, done, explained, led
from hub.producers.rights import every_right, group_prefix, rights, username
from hub.schemas.topics import AGENCY_CODE, CONSOLE, FEED, IN_PREFIX, INTAKE_PATTERN, SYSTEM, inbound, outbound
from hub.settings import Settings

log = structlog.get_logger()

TIMEOUT_S: Final = 15.0
SCRAM_ITERATIONS: Final = 4096
#: The broker's clock is when the hub heard; 14 days are longer than the oldest backup; an envelope has 1 MiB at most.
TOPIC_SETTINGS: Final[Mapping[str, str]] = {
    "cleanup.policy": "delete",
    "max.message.bytes": str(2 * 1024 * 1024),
    "message.timestamp.type": "LogAppendTime",
    "retention.bytes": "-1",
    "retention.ms": str(14 * 24 * 3600 * 1000),
}
CONSOLE_PARTITIONS: Final = 2

Place = tuple[str, int]


class Administration:
    """The cluster's administration, with the hub's own rights."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._mechanism = settings.kafka_mechanism
        self._admin = AdminClient(_configuration(settings))

    # ------------------------------------------------------------------ what is there
    def cluster_id(self) -> str:
        """The cluster's own id: part of every partition's key in the ledger."""
        with explained("the cluster's id"):
            return str(self._admin.describe_cluster(request_timeout=TIMEOUT_S).result().cluster_id)

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Topic ids by name: a topic deleted and created again has another. Raises `Retry` for a topic not there."""
        names = sorted(set(topics))
        if not names:
            return {}
        with explained("topic ids"):
            found = self._admin.describe_topics(TopicCollection(names), request_timeout=TIMEOUT_S)
            return {name: str(future.result().topic_id) for name, future in found.items()}

    def end_offsets(self, pattern: str = INTAKE_PATTERN) -> dict[Place, int]:
        """The end of every partition of the topics that match: (topic, partition) → offset of the next record."""
        with explained("end offsets"):
            latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
            wanted = {TopicPartition(t, p): latest for t, p in self._places(re.compile(pattern))}
            if not wanted:
                return {}
            return led(partial(self._offsets, wanted))

    def _offsets(self, wanted: dict[TopicPartition, OffsetSpec]) -> dict[Place, int]:
        found = self._admin.list_offsets(wanted, request_timeout=TIMEOUT_S)
        return {(place.topic, place.partition): future.result().offset for place, future in found.items()}

    def agencies(self) -> list[str]:
        """The codes of all agencies that have an inbound topic."""
        with explained("the list of topics"):
            topics = self._admin.list_topics(timeout=TIMEOUT_S).topics
        return sorted(name[len(IN_PREFIX) :] for name in topics if name.startswith(IN_PREFIX))

    def _places(self, pattern: re.Pattern[str]) -> list[Place]:
        topics = self._admin.list_topics(timeout=TIMEOUT_S).topics
        return sorted((name, p) for name, topic in topics.items() if pattern.match(name) for p in topic.partitions)

    # ------------------------------------------------------------------ what must be there
    def ensure_system(self) -> None:
        """The hub's own topics."""
        partitions = {topic: CONSOLE_PARTITIONS if topic == CONSOLE else 1 for topic in SYSTEM}
        self._ensure_topics({**partitions, FEED: 1})

    def add_agency(self, code: str, password: str) -> None:
        """An agency's two topics, its rights, and its user. Raises `Usage` for a code that cannot be one."""
        self.add_agencies({code: password})

    def add_agencies(self, passwords: Mapping[str, str]) -> None:
        """The same for many at once (code → password): one request of each kind.

        Users come last: none ever has less than it should.
        """
        self.check(passwords)
        inbound_topics = {inbound(code): self._settings.inbound_partitions for code in passwords}
        self._ensure_topics({**inbound_topics, **{outbound(code): 1 for code in passwords}})
        with explained("the rights of agencies"):
            granted = [right for code in passwords for right in rights(code)]
            done(self._admin.create_acls(granted, request_timeout=TIMEOUT_S))
        self._set_passwords(passwords)
        for code in passwords:
            log.info("agency_provisioned", agency=code)

    def rotate(self, code: str, password: str) -> None:
        """Another password. Connections that are open stay open until they end; new ones need the new password."""
        if code not in self.agencies():
            raise Usage(f"agency {code} has no topics.", f"Add it first: hub agency add {code}")
        self._set_passwords({code: password})
        log.info("agency_rotated", agency=code)

    def suspend(self, code: str) -> None:
        """Take an agency's rights, its certificates' too, then its password; its topics stay. `add_agency` undoes it.

        Certificates stay without rights: `trust` gives them to a new one.
        """
        with explained(f"the rights of {code}"):
            # Rights first: they end for connections that are open, too. A crash here leaves a user who may do nothing.
            gone = {username(code), *self.certificates(code)}
            filters = [every_right(f"User:{name}") for name in sorted(gone)]
            done(self._admin.delete_acls(filters, request_timeout=TIMEOUT_S))
        deletion = UserScramCredentialDeletion(username(code), self._scram())
        with explained(f"the password of {code}"):
            done(self._admin.alter_user_scram_credentials([deletion], request_timeout=TIMEOUT_S), unless=ABSENT)
        log.info("agency_suspended", agency=code)

    def trust(self, code: str, mark: str) -> None:
        """Give an agency's rights to its certificate with this mark, and take them from every other one."""
        if code not in self.agencies():
            raise Usage(f"agency {code} has no topics.", f"Add it first: hub agency add {code}")
        former = self.certificates(code) - {username(code, mark)}
        with explained(f"the rights of {code}"):
            done(self._admin.create_acls(rights(code, mark), request_timeout=TIMEOUT_S))
            if former:
                filters = [every_right(f"User:{name}") for name in sorted(former)]
                done(self._admin.delete_acls(filters, request_timeout=TIMEOUT_S))
        log.info("agency_certificate_trusted", agency=code, former=len(former))

    def certificates(self, code: str) -> set[str]:
        """The users that certificates of an agency with rights stand for."""
        with explained("rights"):
            held = self._admin.describe_acls(every_right(), request_timeout=TIMEOUT_S).result()
        users = {str(one.principal).removeprefix("User:") for one in held}
        return {user for user in users if user.startswith(username(code) + ".")}

    def check(self, codes: Collection[str]) -> None:
        """Whether these codes can be agencies' beside those there are. Raises `Usage`."""
        known = {*self.agencies(), *codes}
        for code in codes:
            if not AGENCY_CODE.match(code):
                raise Usage(f"{code!r} is no agency code.", "Use 2 to 39 small letters, digits and hyphens.")
            for other in known:
                # Rights to consumer groups go by prefix: "lh-" would open the groups of an agency called "lh-seoul".
                if other.startswith(group_prefix(code)) or code.startswith(group_prefix(other)):
                    raise Usage(f"code {code} cannot stand beside {other}.", "Neither may begin with the other.")

    def _ensure_topics(self, partitions: Mapping[str, int]) -> None:
        new = [NewTopic(name, num_partitions=n, config=dict(TOPIC_SETTINGS)) for name, n in partitions.items()]
        with explained("topics"):
            done(self._admin.create_topics(new, request_timeout=TIMEOUT_S), unless=EXISTS)
            # Topics found there may have been made by hand: the broker's clock, not the sender's, is a promise.
            done(self._admin.incremental_alter_configs([_settings(t) for t in partitions], request_timeout=TIMEOUT_S))
            found = self._admin.list_topics(timeout=TIMEOUT_S).topics
        for name in (n for n, count in partitions.items() if count == 1 and n in found):
            if len(found[name].partitions) != 1:
                raise Usage(f"topic {name} has more than one partition, so it has no order.", "Remove it and repeat.")

    def _set_passwords(self, passwords: Mapping[str, str]) -> None:
        info = ScramCredentialInfo(self._scram(), SCRAM_ITERATIONS)
        changes: list[UserScramCredentialAlteration] = [
            UserScramCredentialUpsertion(username(c), info, p.encode()) for c, p in passwords.items()
        ]
        with explained("passwords of agencies"):
            done(self._admin.alter_user_scram_credentials(changes, request_timeout=TIMEOUT_S))

    def _scram(self) -> ScramMechanism:
        known = {"SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256, "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512}
        if self._mechanism not in known:
            raise Usage(f"agencies cannot sign in by {self._mechanism}.", f"Use one of {', '.join(known)}.")
        return known[self._mechanism]


def _settings(topic: str) -> ConfigResource:
    entries = [ConfigEntry(k, v, incremental_operation=AlterConfigOpType.SET) for k, v in TOPIC_SETTINGS.items()]
    return ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)


def _configuration(settings: Settings) -> dict[str, Any]:
    configuration: dict[str, Any] = {"bootstrap.servers": settings.kafka_bootstrap, "log_level": 0}
    if settings.kafka_password:
        configuration |= {
            "security.protocol": settings.kafka_protocol,
            "sasl.mechanism": settings.kafka_mechanism,
            "sasl.username": settings.kafka_username,
            "sasl.password": settings.kafka_password,
        }
    return configuration
