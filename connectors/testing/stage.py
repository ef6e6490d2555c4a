"""A connector set up for a test: partner, runner and recording hub, in this process or with the runner in a child.

Owns starting, killing and ending them. The child is a process of its own because only that can be killed with -9.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import orjson

from connectors.protocol import Connector, Origin
from connectors.runner import Runner
from connectors.spool import BOUND, Spool
from connectors.testing.partner import Partner
from connectors.testing.recording import Recording
from connectors.upstream import Http, Sleep

AGENCY: Final = "partner"
NOW: Final = "2026-11-22T03:00:00.000Z"
KEY: Final = b"k" * 32


class Stage(msgspec.Struct):
    """What runs: the partner, the hub it ends at, and the runner between them."""

    partner: Partner
    hub: Recording
    runner: Runner
    task: asyncio.Task[None]

    async def drained(self, seconds: float = 60) -> None:
        """Wait until nothing waits in the spool. Fails with what the runner died of, if it did."""

        def empty() -> bool:
            if self.task.done():
                self.task.result()
            return self.runner.spool.figures().waiting == 0

        await until(empty, seconds)


async def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something holds. Raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for is of many kinds
            await asyncio.sleep(0.01)


def origin(connector: type[Connector]) -> Origin:
    """Who sends in contract tests."""
    return Origin(AGENCY, connector.name, KEY, lambda: NOW)


def made(connector: type[Connector], config: dict[str, Any], mark: str = "") -> Connector:
    """A connector of this configuration."""
    return connector(connector.Config.model_validate(config), origin(connector), mark)


@asynccontextmanager
async def staged(
    partner: Partner, hub: Recording | None = None, *, bound: int = BOUND, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[Stage]:
    """All of it, running. `sleep`: the upstream's, so that a test can let a day pass."""
    hub = hub or Recording(partner.number)
    spool = Spool(partner.folder / "spool", bound=bound)
    await partner.open()
    connector = made(partner.connector, partner.config(), spool.mark())
    runner = Runner(connector, AGENCY, spool, hub.upstream(sleep))
    stage = Stage(partner, hub, runner, asyncio.create_task(runner.run()))
    try:
        yield stage
        if stage.task.done():
            stage.task.result()
    finally:
        stage.task.cancel()
        await asyncio.wait([stage.task])  # what it died of was raised above, or the test failed of something else
        await runner.close()
        await partner.close()


class Child:
    """The runner in a process of its own, sending to an address."""

    def __init__(self, partner: Partner, url: str) -> None:
        self._partner, self._url = partner, url
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Self:
        """Start it; returns when its spool is open and the connector about to run."""
        class_ = self._partner.connector
        told = {
            "connector": f"{class_.__module__}:{class_.__qualname__}",
            "config": self._partner.config(),
            "spool": str(self._partner.folder / "spool"),
            "url": self._url,
        }
        pipe = asyncio.subprocess.PIPE
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([p or "." for p in sys.path])}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "connectors.testing.stage", stdin=pipe, stdout=pipe, env=environment
        )
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(orjson.dumps(told, default=str))
        self._process.stdin.close()
        while (line := await self._process.stdout.readline()) != b"ready\n":
            assert line, "the connector's process ended before it ran"
        return self

    async def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()
        self._process = None


async def _child(told: dict[str, Any]) -> None:
    """What the child does until it is killed."""
    from connectors import catalog  # noqa: PLC0415 - the child's alone

    class_ = catalog.load(told["connector"])
    spool = Spool(Path(told["spool"]))
    runner = Runner(made(class_, told["config"], spool.mark()), AGENCY, spool, Http(told["url"], "token"))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await runner.run()


if __name__ == "__main__":
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(_child(orjson.loads(sys.stdin.buffer.read())))
