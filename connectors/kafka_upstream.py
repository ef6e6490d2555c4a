"""The way to the hub over Kafka, for agencies that may: their own inbound topic, their own outbox, SCRAM.

Owns the producer and the reader of the outbox. Idempotent, acknowledged by all in-sync replicas; what was not
acknowledged is sent again under the same ids, so nothing is lost and nothing counts twice. An outbox tells what
happened to referrals but not which message each came of, so receipts need the hub's address too (`http`): without it
an event ends as `taken`.

Its place in the outbox is `<position>@<offset>`; a bare position is one that HTTP left: the reader goes on behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import orjson
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    MessageSizeTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

from connectors import tls
from connectors.protocol import PENDING, REFUSED, TAKEN, Change, Event, Receipt
from connectors.upstream import Backoff, Http, Sleep
from hub.errors import Usage
from hub.schemas.envelope import RAW_LIMIT
from hub.schemas.topics import inbound, outbound

log = structlog.get_logger()
# At DEBUG aiokafka writes out what it sends: personal data, whatever level the program has chosen for others.
logging.getLogger("aiokafka").setLevel(logging.INFO)
#: What the agency's password and rights stand in the way of: waiting does not help.
DENIED: Final = (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
CLOSING_S: Final = 3.0
PROBE_MS: Final = 5000
READ_MS: Final = 200
MOST: Final = 500
PRODUCER: Final[dict[str, Any]] = {
    "acks": "all",
    "enable_idempotence": True,
    "linger_ms": 3,
    "compression_type": "gzip",
    "max_batch_size": 256 * 1024,
    "max_request_size": 2 * RAW_LIMIT,
    "request_timeout_ms": 10_000,
}


class Access(msgspec.Struct, frozen=True):
    """An agency's credentials: a name and a password, or a certificate with its key.

    ca_file: of the broker's certificate; without `tls` only for a network of one's own.
    """

    bootstrap: str
    username: str = ""
    password: str = ""
    mechanism: str = "SCRAM-SHA-512"
    tls: bool = True
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""

    def arguments(self) -> dict[str, Any]:
        """Connection arguments for aiokafka clients. Raises `Usage` for certificates that cannot be used."""
        if self.certificate_file:
            context = tls.broker(self.ca_file)
            try:
                context.load_cert_chain(self.certificate_file, self.key_file)
            except OSError as error:
                what = f"{self.certificate_file} and {self.key_file} are no certificate and key."
                raise Usage(what, "Name both, in PEM: hub agency certificate writes them.") from error
            return {"bootstrap_servers": self.bootstrap, "security_protocol": "SSL", "ssl_context": context}
        found: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_SSL" if self.tls else "SASL_PLAINTEXT",
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }
        return found | ({"ssl_context": tls.broker(self.ca_file)} if self.tls else {})


class Kafka:
    """`Upstream` over Kafka."""

    def __init__(self, agency: str, access: Access, http: Http | None = None, *, sleep: Sleep = asyncio.sleep) -> None:
        self._agency, self._access, self._http, self._sleep = agency, access, http, sleep
        self._producer: AIOKafkaProducer | None = None
        self._reader: AIOKafkaConsumer | None = None
        self._read_upto: int | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._drop_producer()
        await self._drop_reader()
        if self._http is not None:
            await self._http.close()

    # ------------------------------------------------------------- up
    async def send(self, events: Sequence[Event]) -> list[Receipt]:
        """See `Upstream`. Begins again behind what was acknowledged in one piece: order within a key holds."""
        backoff, done = Backoff(self._sleep), 0
        receipts: list[Receipt] = []
        while done < len(events):
            try:
                taken = await self._deliver(events[done:])
            except (KafkaError, OSError) as error:
                await self._away(error, "topic")
                taken = []
            receipts += taken
            done += len(taken)
            if done < len(events):
                await self._drop_producer()
                await backoff.wait()
        return receipts

    async def _deliver(self, events: Sequence[Event]) -> list[Receipt]:
        """Receipts of the first ones that Kafka holds; ends at the first that it does not."""
        producer = await self._open_producer()
        topic = inbound(self._agency)
        sent: list[asyncio.Future[Any] | None] = []
        for event in events:
            value = orjson.dumps(event)
            if len(value) > RAW_LIMIT:
                sent.append(None)
                continue
            key = str(event.get("partitionkey") or event["id"]).encode()
            try:
                sent.append(await producer.send(topic, value, key))
            except MessageSizeTooLargeError:
                sent.append(None)
        results = await asyncio.gather(*(f for f in sent if f is not None), return_exceptions=True)
        return self._receipts(events, sent, results)

    def _receipts(
        self, events: Sequence[Event], sent: Sequence[asyncio.Future[Any] | None], results: Sequence[Any]
    ) -> list[Receipt]:
        answers = iter(results)
        found: list[Receipt] = []
        for event, under_way in zip(events, sent, strict=True):
            answer = next(answers) if under_way is not None else None
            if isinstance(answer, BaseException):
                if isinstance(answer, DENIED) or not isinstance(answer, KafkaError):
                    raise answer
                log.info("kafka_away", error=type(answer).__name__)
                return found
            found.append(self._receipt(event, too_large=under_way is None))
        return found

    def _receipt(self, event: Event, *, too_large: bool) -> Receipt:
        if too_large:
            reason = {"path": "", "code": "too_large", "text": f"larger than the {RAW_LIMIT} bytes the hub takes"}
            return Receipt(event["id"], event["source"], REFUSED, reasons=(reason,))
        return Receipt(event["id"], event["source"], TAKEN if self._http is None else PENDING)

    # ------------------------------------------------------------- back
    async def receipts(self, waiting: Sequence[Receipt]) -> list[Receipt]:
        """See `Upstream`."""
        return await self._http.receipts(waiting) if self._http is not None else []

    async def changes(self, after: str) -> tuple[list[Change], str]:
        """See `Upstream`."""
        position, _, offset = after.partition("@")
        behind = int(position or 0)
        try:
            records = await self._read(int(offset or 0))
        except (KafkaError, OSError) as error:
            await self._drop_reader()
            await self._away(error, "outbox")
            return [], after
        if not records:
            return [], after
        entries = [orjson.loads(r.value)["data"] for r in records]
        # A relay that was killed may publish a position again: what lies behind the bookmark was told.
        new: dict[int, Change] = {}
        for e in entries:
            if e["position"] > behind and not e.get("sealed"):
                new[e["position"]] = Change(e["position"], e["kind"], e["heard"], e["facts"])
        self._read_upto = records[-1].offset + 1
        last = max([behind, *(e["position"] for e in entries)])
        return [new[p] for p in sorted(new)], f"{last}@{self._read_upto}"

    async def _read(self, offset: int) -> list[Any]:
        """Records from an offset on; without a group, so that the bookmark in the spool is the only one."""
        place = TopicPartition(outbound(self._agency), 0)
        if self._reader is None:
            self._reader = AIOKafkaConsumer(
                enable_auto_commit=False, auto_offset_reset="earliest", **self._access.arguments()
            )
            await self._reader.start()
            self._reader.assign([place])
            self._read_upto = None
        if self._read_upto != offset:
            self._reader.seek(place, offset)
            self._read_upto = offset
        found = await self._reader.getmany(timeout_ms=READ_MS, max_records=MOST)
        if place.topic in self._reader._client.cluster.unauthorized_topics:  # noqa: SLF001 - it only logs that
            raise TopicAuthorizationFailedError(place.topic)
        return list(found.get(place, ()))

    # ------------------------------------------------------------- connections
    async def _away(self, error: BaseException, what: str) -> None:
        """Note that Kafka is away. Raises `Usage` where waiting cannot help."""
        denied = error if isinstance(error, DENIED) else await self._denied()
        if denied is not None:
            await self._drop_producer()
            raise Usage(
                f"Kafka denies agency {self._agency} its {what} ({type(denied).__name__}).",
                "Ask the city: hub agency rotate, or resume.",
            ) from error
        log.info("kafka_away", error=type(error).__name__)

    async def _denied(self) -> BaseException | None:
        """Why a connection is denied: the clients say of a wrong password only that no broker could be reached."""
        arguments = self._access.arguments()
        host, _, port = arguments.pop("bootstrap_servers").partition(",")[0].rpartition(":")
        try:
            connection = await create_conn(host, int(port), request_timeout_ms=PROBE_MS, **arguments)
        except DENIED as error:
            denied: BaseException = error
            return denied
        except (KafkaError, OSError):
            return None
        connection.close()
        return None

    async def _open_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(**PRODUCER, **self._access.arguments())
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _drop_producer(self) -> None:
        """Give up what was not acknowledged: `stop` alone would wait for it as long as Kafka is away."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        producer._closed = True  # noqa: SLF001 - aiokafka has no way to close without a flush
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await producer._sender.close()  # noqa: SLF001
        await producer.client.close()

    async def _drop_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.stop()
