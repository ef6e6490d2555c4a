"""From a configuration to something that runs: origin, spool, way up, connector, runner. Owns how these are joined."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from connectors.configuring import KEY_BYTES, MB, Configured, KafkaConfig, origin_key
from connectors.protocol import Check, Connector, Origin
from connectors.runner import Runner
from connectors.signing import Signed
from connectors.spool import Spool
from connectors.upstream import Http, Upstream
from connectors.watching import set_paused, watch
from hub.errors import HubError, Usage
from hub.schemas.signature import Signer

log = structlog.get_logger()


def now() -> str:
    """RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def connector_of(configured: Configured, mark: str = "") -> Connector:
    """The connector alone: for checks and looks, without a spool."""
    key = origin_key(configured.spool.folder, os.urandom(KEY_BYTES))
    origin = Origin(configured.hub.agency, configured.system, key, now)
    return configured.connector(configured.config, origin, mark)


def upstream_of(configured: Configured) -> Upstream:
    """The way to the hub: Kafka where it is configured, with the address beside it for receipts; else HTTPS.

    Events are signed where a key is configured. Raises `Usage` for a key that is none.
    """
    signer = Signer(configured.hub.signing_key.encode()) if configured.hub.signing_key else None
    upstream = _upstream_of(configured)
    return Signed(upstream, signer) if signer is not None else upstream


def _upstream_of(configured: Configured) -> Upstream:
    http = http_of(configured)
    if configured.hub.kafka is not None:
        return _kafka(configured.hub.agency, configured.hub.kafka, http)
    if http is None:
        raise Usage("No way to the hub is configured.", "Give [hub] a url, or a table [hub.kafka].")
    return http


def http_of(configured: Configured) -> Http | None:
    """The hub's HTTP API, where an address is configured."""
    return Http(configured.hub.url, configured.hub.token) if configured.hub.url else None


def _kafka(agency: str, config: KafkaConfig, http: Http | None) -> Upstream:
    try:
        from connectors.kafka_upstream import Access, Kafka  # noqa: PLC0415 - an extra of its own
    except ModuleNotFoundError as error:
        raise Usage(f"Kafka needs {error.name}.", "Install it: pip install 'ieum-hub[connector-kafka]'") from error
    access = Access(**config.model_dump())
    return Kafka(agency, access, http)


def runner_of(configured: Configured) -> Runner:
    """Everything, with the spool open: one process at a time."""
    spool = Spool(configured.spool.folder, bound=configured.spool.bound_mb * MB)
    try:
        return Runner(connector_of(configured, spool.mark()), configured.hub.agency, spool, upstream_of(configured))
    except BaseException:
        spool.close()
        raise


async def run(configured: Configured) -> None:
    """Run until SIGINT or SIGTERM; then everything taken is on disk and the next start goes on there.

    Raises `Usage` when the connector or the hub says that somebody must look.
    """
    runner = runner_of(configured)
    task = asyncio.create_task(_watched(runner, configured))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(number, task.cancel)
    log.info("connector_started", connector=configured.name, agency=configured.hub.agency)
    try:
        with suppress(asyncio.CancelledError):
            await task
    except ExceptionGroup as group:
        raise _first(group) from group
    finally:
        figures = runner.spool.figures()
        await runner.close()
        log.info("connector_stopped", waiting=figures.waiting, taken=runner.taken, sent=runner.sent)


async def _watched(runner: Runner, configured: Configured) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(watch(runner, configured.spool.folder), name="watch")
        group.create_task(runner.run(), name="run")


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The error somebody must look at: one of ours before any other."""
    plain = [_first(error) if isinstance(error, ExceptionGroup) else error for error in group.exceptions]
    return next((e for e in plain if isinstance(e, HubError)), plain[0])


async def backfill(configured: Configured, since: str) -> int:
    """Take what is older, from a date on, and deliver it. Returns how many were new."""
    runner = runner_of(configured)
    try:
        count = await runner.connector.backfill(since, runner.take)
        while await runner.drain():
            pass
    finally:
        await runner.close()
    return count


async def checks(configured: Configured) -> list[Check]:
    """The connector's own checks, and whether the hub knows this agency."""
    found = await connector_of(configured).check()
    if configured.hub.signing_key:
        found.append(_signing(configured.hub.signing_key))
    http = http_of(configured)
    if http is not None:
        status = await http.reach()
        await http.close()
        fixes = {0: "Check the url, and that this network lets HTTPS out.", 401: "Ask the city: hub agency rotate."}
        answered = f"answers {status}" if status else "does not answer"
        ok = status == 200  # noqa: PLR2004 - OK
        found.append(Check("hub", ok, answered, "" if ok else fixes.get(status, "Look at the hub's own log.")))
    return found


def _signing(pem: str) -> Check:
    try:
        return Check("signing", ok=True, found=f"with key {Signer(pem.encode()).kid}")
    except Usage as error:
        return Check("signing", ok=False, found=error.what, fix=error.remedy)


def paused(configured: Configured, *, now_: bool) -> None:
    """Pause the connector, or let it go on."""
    set_paused(configured.spool.folder, paused=now_)
