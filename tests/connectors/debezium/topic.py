"""A partner whose Debezium is played: change events are written to a topic of a real Kafka, answers read from one."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from connectors.debezium import DebeziumConnector
from connectors.protocol import Event
from connectors.testing import Answer, Partner
from infra.local.kafka import ADMIN, MECHANISM
from tests.connectors.debezium.change_events import change, person

#: It writes what it sends into its log of details; here it is the partner's, in the same process as the connector.
logging.getLogger("aiokafka.producer.producer").setLevel(logging.INFO)


class TopicPartner(Partner):
    connector = DebeziumConnector
    patience_s: ClassVar[float] = 10.0
    canaries = ("박순자", "010-2345-6789", "봉산로")
    odd: ClassVar[Mapping[str, bytes]] = {
        "nothing": b"",
        "no JSON": "박순자".encode("cp949"),
        "a heartbeat": b'{"ts_ms": 1}',
        "a truncation": orjson.dumps({"op": "t", "source": {"table": "referral"}, "after": None}),
        "a row without its row": orjson.dumps({"op": "c", "source": {"table": "referral"}, "after": None}),
        "too large": change(**person(특이사항="박순자" * 200_000)),
        "deleted": change("d", **person(-1)),
        "a formula": change(**person(성명="=cmd|' /C calc'!A0")),
    }
    malformed = frozenset(odd) - {"deleted", "a formula"}
    #: Of the broker that the session started.
    bootstrap: ClassVar[str] = ""
    password: ClassVar[str] = ""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        name = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
        self.topics = {kind: f"{kind}.{name}" for kind in ("changes", "answers")}
        self.answers: dict[str, dict[str, Any]] = {}
        self._admin: AIOKafkaAdminClient | None = None
        self._producer: AIOKafkaProducer | None = None
        self._reader: AIOKafkaConsumer | None = None

    def access(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": ADMIN,
            "sasl_plain_password": self.password,
        }

    async def open(self) -> None:
        self._admin = AIOKafkaAdminClient(**self.access())
        await self._admin.start()
        await self._admin.create_topics([NewTopic(name, 1, 1) for name in self.topics.values()])
        self._producer = AIOKafkaProducer(**self.access(), acks="all", max_request_size=4_000_000)
        await self._producer.start()
        self._reader = AIOKafkaConsumer(**self.access(), enable_auto_commit=False)
        await self._reader.start()
        self._reader.assign([TopicPartition(self.topics["answers"], 0)])
        self._reader.seek(TopicPartition(self.topics["answers"], 0), 0)

    async def close(self) -> None:
        for one in (self._producer, self._reader):
            if one is not None:
                await one.stop()
        if self._admin is not None:
            await self._admin.close()
        self._producer = self._reader = None

    def config(self) -> dict[str, Any]:
        access = {"bootstrap": self.bootstrap, "security": "SASL_PLAINTEXT", "mechanism": MECHANISM}
        user = {"username": ADMIN, "password": self.password, "number": "의뢰번호"}
        return {**access, **user, "topics": [self.topics["changes"]], "answers": self.topics["answers"]}

    def good(self, number: int) -> bytes:
        return change(lsn=number, **person(number % 50, 특이사항=str(number)))

    def number(self, event: Event) -> int:
        told = str(event["data"].get("after", {}).get("특이사항", ""))
        return int(told) if told.isdigit() else -1

    async def feed(self, content: bytes) -> Answer:
        """Kafka takes everything; whether the connector did shows in the group's offsets."""
        try:
            place = await self._put(content)
        except KafkaError:
            return Answer(taken=False, reasons=({"path": "", "code": "too_large", "text": "Kafka does not take it"},))
        try:
            async with asyncio.timeout(self.patience_s):
                while await self._committed() <= place:  # noqa: ASYNC110 - a topic knows no event of ours
                    await asyncio.sleep(0.005)
        except TimeoutError:
            return Answer(taken=False)
        what = f"{self.topics['changes']}/0/{place}"
        await self._read_answers(0.3 if content in self.odd.values() else 0)
        reasons = tuple(self.answers.get(what, {}).get("reasons", ()))
        return Answer(taken=not reasons, reasons=reasons)

    async def feed_many(self, numbers: Iterable[int]) -> Answer:
        assert self._producer
        for number in numbers:
            sent = await self._producer.send(self.topics["changes"], self.good(number), key=b"{}")
        await self._producer.flush()
        last = (await sent).offset
        while await self._committed() <= last:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
        return Answer(taken=True)

    async def shown(self) -> set[int] | None:
        async with asyncio.timeout(self.patience_s):
            while len(self.answers) < 4:
                await self._read_answers(0.2)
        return {int(place.rpartition("/")[2]) for place in self.answers if place.startswith("changes")}

    async def _put(self, content: bytes) -> int:
        assert self._producer
        return int((await self._producer.send_and_wait(self.topics["changes"], content, key=b"{}")).offset)

    async def _committed(self) -> int:
        assert self._admin
        try:
            found = await self._admin.list_consumer_group_offsets("ieum-debezium")
        except KafkaError:
            return 0  # The broker ended a connection whose password it wants proved again; the next has a new one.
        told = found.get(TopicPartition(self.topics["changes"], 0))
        return told.offset if told else 0

    async def _read_answers(self, seconds: float) -> None:
        assert self._reader
        for records in (await self._reader.getmany(timeout_ms=int(seconds * 1000))).values():
            for record in records:
                told = orjson.loads(record.value)
                self.answers[str(told.get("place", ""))] = told
