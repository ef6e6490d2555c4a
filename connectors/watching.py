"""How a running connector is looked at and paused from outside: files beside its spool, which itself is locked.

Owns `status.json` and `metrics.prom` (written anew each second, by rename) and `paused` (there or not; a person's).
None of them holds personal data.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import msgspec
import structlog

from connectors.protocol import Full
from connectors.runner import Runner, Status

log = structlog.get_logger()
STATUS, METRICS, PAUSED = "status.json", "metrics.prom", "paused"
EVERY_S: Final = 1.0
#: Older than this, nobody is writing it.
STALE_S: Final = 10.0


async def watch(runner: Runner, folder: Path) -> None:
    """Write how it stands each second and obey `paused`, until canceled; what it was last is left behind."""
    try:
        while True:
            await _look(runner, folder)
            await asyncio.sleep(EVERY_S)
    finally:
        await _look(runner, folder)


async def _look(runner: Runner, folder: Path) -> None:
    wanted = is_paused(folder)
    status = await runner.status()
    try:
        if status.paused != wanted:
            await runner.pause(paused=wanted)
            status = msgspec.structs.replace(status, paused=wanted)
        _put(folder / STATUS, msgspec.json.encode(status))
        _put(folder / METRICS, metrics(status).encode())
    except (Full, OSError) as error:  # a full disk: nobody sees how it stands, and it goes on
        log.warning("status_not_written", error=type(error).__name__)


def _put(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def metrics(status: Status) -> str:
    """The same in Prometheus' text format, for its text-file collector."""
    labels = f'{{connector="{status.connector}",agency="{status.agency}"}}'
    gauges = {
        "spool_events": status.spool.waiting,
        "spool_bytes": status.spool.bytes,
        "spool_bound_bytes": status.spool.bound,
        "undecided_events": status.spool.undecided,
        "paused": int(status.paused),
    }
    counters = {
        "taken_total": status.taken,
        "sent_total": status.sent,
        "refused_total": status.refused,
        "told_total": status.told,
    }
    lines = []
    for kind, values in (("gauge", gauges), ("counter", counters)):
        for name, value in values.items():
            lines += [f"# TYPE ieum_connector_{name} {kind}", f"ieum_connector_{name}{labels} {value}"]
    return "\n".join([*lines, ""])


def is_paused(folder: Path) -> bool:
    """Whether somebody paused it."""
    return (folder / PAUSED).exists()


def set_paused(folder: Path, *, paused: bool) -> None:
    """Pause it, or let it go on; a running connector obeys within a second."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if paused:
        (folder / PAUSED).touch()
    else:
        (folder / PAUSED).unlink(missing_ok=True)


def last(folder: Path, now: float) -> tuple[Status | None, bool]:
    """How it stood last, and whether it runs. now: seconds since 1970."""
    path = folder / STATUS
    if not path.exists():
        return None, False
    status = msgspec.json.decode(path.read_bytes(), type=Status)
    return status, now - path.stat().st_mtime < STALE_S
