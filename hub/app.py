"""The only place that constructs things, reads the clock and draws ids. Each process of the hub begins here.

`python -m hub.app consumer 0`, `… relay`, `… web`: started by `hub run`.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from aiokafka.errors import KafkaError

from hub import __version__
from hub.consumers.batch import BatchConsumer, TopicIds, random_keys
from hub.consumers.clock import ClockConsumer
from hub.core.calendar import instant
from hub.core.identity.model import Model
from hub.core.merkle import Frontier
from hub.core.normalize.mapping import Mapping, read_crosswalk
from hub.core.normalize.partners import with_partners
from hub.core.policy import Policy
from hub.core.rules import Rules
from hub.errors import Halt, Retry, Usage
from hub.ledger.cursors import Cursors
from hub.ledger.fhir import FhirResources
from hub.ledger.keyfile import create_keys, load_keys
from hub.ledger.leaves import Leaves
from hub.ledger.people import People
from hub.ledger.reads import Pool, Reads
from hub.ledger.reads_log import LogReads
from hub.ledger.transaction import Ledger
from hub.producers.checkpoints import Published, Source, sign_forever
from hub.producers.outgoing import Outgoing
from hub.producers.signer import FileStore, Signer, create_key, load_key
from hub.rules import texts
from hub.schemas import topics
from hub.settings import Settings, load

if TYPE_CHECKING:
    from faststream.kafka import KafkaBroker

log = structlog.get_logger()
T = TypeVar("T")
CLOCK_PATTERN = r"^hub\.sys\.clock$"
#: Exit status of a process that halted: it must not be started again before somebody looked.
HALTED = 70
STOP_WITHIN_S = 5.0


def now() -> str:
    """The time, RFC 3339 UTC with milliseconds."""
    return instant(datetime.now(UTC))


def draw(count: int) -> bytes:
    """Random bytes."""
    return secrets.token_bytes(count)


def policy(settings: Settings) -> Policy:
    """Rules, model, mapping and keys of this installation."""
    files = texts(settings.mapping_dir)
    rules = Rules.load(files)
    areas = read_crosswalk(files["areas.csv"], files["town-areas.csv"])
    mapping = with_partners(Mapping.load(files["mapping.toml"], areas, rules.needs), files, rules.needs)
    return Policy(rules, Model.load(files["weights.json"]), mapping, load_keys(settings.keys_file), __version__)


def install(settings: Settings) -> None:
    """Keys, tables and the head row: what must exist before anything runs. Changes nothing that exists."""
    from hub.ledger.migrate import migrate  # noqa: PLC0415 - Alembic and SQLAlchemy are no part of a running hub

    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not settings.keys_file.exists():
        create_keys(settings.keys_file)
    new = {"epoch": secrets.token_hex(8), "origin": f"ieum.hub/{secrets.token_hex(4)}"}
    migrate(settings.database_url, empty_frontier=Frontier().to_bytes(), **new)


def start_logging() -> None:
    """Structured events on stderr; libraries' own chatter only from WARNING."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    logging.getLogger("faststream").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


def die_with_parent() -> None:
    """Ask the kernel to end this process when the one that started it is gone (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


async def _consume(settings: Settings, index: int) -> None:
    from hub.consumers.subscriber import subscribe  # noqa: PLC0415 - FastStream and confluent-kafka are slow to load
    from hub.producers.provision import Administration  # noqa: PLC0415

    stopped = asyncio.Event()
    failure: list[BaseException] = []

    def stop(error: BaseException) -> None:
        failure.append(error)
        stopped.set()

    administration = Administration(settings)
    cluster = await _patiently(lambda: asyncio.to_thread(administration.cluster_id))
    bundle = policy(settings)
    broker = make_broker(settings, f"consumer-{index}")
    cursors = Cursors(settings.database_url, cluster, settings.blocker_after_s)
    make = partial(_member, settings, bundle, cursors, administration.topic_ids)
    consumers = [make(BatchConsumer, f"hub-consumer-{index}")]
    subscribe(broker, settings, consumers[0], pattern=topics.INTAKE_PATTERN, group="hub", member=f"hub-{index}")
    if index == 0:
        consumers.append(make(ClockConsumer, "hub-clock"))
        subscribe(broker, settings, consumers[1], pattern=CLOCK_PATTERN, group="hub-clock", member="clock")
    for consumer in consumers:
        consumer.stop = stop
    _on_signals(stopped)
    _settle_memory()
    running = asyncio.create_task(_run(broker, consumers[0], index))
    running.add_done_callback(lambda _: stopped.set())
    await stopped.wait()
    running.cancel()
    await asyncio.gather(*(consumer.close() for consumer in consumers))
    # A rebalance under way would hold us as long as it lasts; all that matters is done.
    await asyncio.wait([asyncio.ensure_future(broker.stop())], timeout=STOP_WITHIN_S)
    if failure:
        raise Halt(f"a consumer met {type(failure[0]).__name__} (see consumer_halted in its log)") from failure[0]
    if not running.cancelled():
        running.result()


def make_broker(settings: Settings, client: str) -> KafkaBroker:
    """FastStream's broker with this installation's credentials."""
    from faststream.kafka import KafkaBroker  # noqa: PLC0415 - slow to load, and the consumers' alone
    from faststream.security import BaseSecurity, SASLScram256, SASLScram512  # noqa: PLC0415

    security: BaseSecurity | None = None
    if settings.kafka_password:
        kind = SASLScram512 if settings.kafka_mechanism.endswith("512") else SASLScram256
        secure = settings.kafka_protocol == "SASL_SSL"
        security = kind(username=settings.kafka_username, password=settings.kafka_password, use_ssl=secure)
    return KafkaBroker(
        settings.kafka_bootstrap,
        security=security,
        client_id=client,
        apply_types=False,
        logger=None,
        graceful_timeout=25,
        metadata_max_age_ms=settings.metadata_max_age_ms,
        allow_auto_create_topics=False,
    )


def _member(
    settings: Settings, bundle: Policy, cursors: Cursors, topic_ids: TopicIds, kind: type[BatchConsumer], name: str
) -> BatchConsumer:
    ledger = Ledger(settings.database_url, bundle, name=name, blocker_after_s=settings.blocker_after_s)
    return kind(ledger, cursors, bundle, settings, topic_ids, random_keys)


async def _run(broker: KafkaBroker, consumer: BatchConsumer, index: int) -> None:
    """Consume until canceled."""
    await _patiently(broker.start)
    log.info("consumer_started", index=index)
    await consumer.look_after_paused()


async def _relay(settings: Settings) -> None:
    from hub.producers.duties import duties  # noqa: PLC0415 - loaded by the process that needs it

    stopped = asyncio.Event()
    _on_signals(stopped)
    running = duties(settings, load_keys(settings.keys_file), lambda: datetime.now(UTC)) | {"signer": _sign(settings)}
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(run, name=name) for name, run in running.items()]
    _settle_memory()
    waiter = asyncio.create_task(stopped.wait())
    done, _ = await asyncio.wait([*tasks, waiter], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done - {waiter}:
        task.result()


async def _web(settings: Settings) -> None:
    """The API. It starts without Kafka too: reads work, and what cannot be stored is answered with 503."""
    import uvicorn  # noqa: PLC0415

    from hub.web.app import create_app  # noqa: PLC0415 - only this process needs the web
    from hub.web.deps import WebDeps  # noqa: PLC0415

    bundle = policy(settings)
    reads = Reads(pool := Pool(settings.database_url), bundle.keys)
    outgoing = Outgoing(settings)
    deps = WebDeps(
        reads=reads,
        people=People(pool, bundle.keys),
        fhir=FhirResources(pool, bundle.keys),
        log=LogReads(Pool(settings.database_url, name="hub-log")),
        publish=outgoing.publish,
        account=reads.account,
        rates=reads.rates,
        kafka_away=outgoing.away,
        policy=bundle,
        now=now,
        clock=time.monotonic,
        draw=draw,
    )
    configuration = uvicorn.Config(
        create_app(deps),
        host=settings.web_host,
        port=settings.web_port,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    _settle_memory()
    opening = asyncio.create_task(outgoing.open())
    await uvicorn.Server(configuration).serve()
    opening.cancel()
    await outgoing.close()


async def _sign(settings: Settings) -> None:
    leaves = Leaves(settings.database_url)
    signer = await _patiently(lambda: asyncio.to_thread(_make_signer, settings, leaves))
    await sign_forever(signer, settings.sign_interval_ms / 1000)


def _make_signer(settings: Settings, leaves: Leaves) -> Signer:
    if not settings.signer_file.exists():
        create_key(settings.signer_file, leaves.origin(), secrets.token_bytes)
    own = FileStore(settings.state_dir / "signed.json")
    return Signer(load_key(settings.signer_file), Source(leaves), Published(leaves), own)


async def _patiently(step: Callable[[], Awaitable[T]]) -> T:
    """Run a step again while what it needs is away."""
    while True:
        try:
            return await step()
        except (Retry, KafkaError, OSError) as error:
            log.warning("dependency_away", reason=str(error)[:200])
            await asyncio.sleep(0.5)


def _on_signals(stopped: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)


def _settle_memory() -> None:
    """What was loaded stays for good: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)


def main(arguments: list[str]) -> int:
    """Run one process of the hub."""
    if os.environ.get("HUB_DETACHED") != "1":
        die_with_parent()
    start_logging()
    settings = load()
    role = arguments[0]
    try:
        others = {"relay": _relay, "web": _web}
        asyncio.run(_consume(settings, int(arguments[1])) if role == "consumer" else others[role](settings))
    except (Halt, Usage) as error:
        log.critical("process_halted", role=role, reason=str(error))
        return HALTED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
