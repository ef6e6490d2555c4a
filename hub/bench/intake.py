"""The hub's row: raw messages on Kafka until everything about them is in the ledger and published on the feed.

Owns the rounds. The workers have joined their group and are stopped while a backlog is published; the clock runs from
the moment they go on until the last position is relayed, so nothing but the work is in it, the first fetch included.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from hub.bench.backlog import Raw, Sender
from hub.bench.ground import Ground
from hub.bench.worker import read

JOINED_S: Final = 60.0
DONE: Final = "SELECT topic, partition, next_offset FROM partitions"
RELAYED: Final = "SELECT h.size, c.position FROM head h, cursors c WHERE c.name = 'relay'"
WRITTEN: Final = """
SELECT h.size, pg_current_wal_insert_lsn() - '0/0'::pg_lsn,
  (SELECT sum(pg_table_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace)
FROM head h
"""
_NOT_THE_HUB: Final = frozenset(("bench", "machine"))
Slice = dict[str, Any]


class Drain(msgspec.Struct, frozen=True):
    """One round. Seconds of processor time by process; slices as the workers noted them."""

    workers: int
    messages: int
    seconds: float
    entries: int
    wal_bytes: int
    table_bytes: int
    cpu_s: dict[str, float]
    slices: list[Slice]

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def others_cores(self) -> float:
        """Cores that whatever else runs on the machine took meanwhile."""
        ours = sum(used for role, used in self.cpu_s.items() if role != "machine")
        return max(0.0, self.cpu_s["machine"] - ours) / self.seconds


class Intake:
    """The hub at work on a ground."""

    def __init__(self, ground: Ground, sender: Sender) -> None:
        self.ground, self.sender = ground, sender
        self.workers: tuple[str, ...] = ()

    def employ(self, count: int, partitions: int) -> None:
        """Start workers until there are `count`; returns when they have divided the partitions among themselves."""
        wanted = tuple(f"consumer {i}" for i in range(count))
        self.ground.start(*(role for role in wanted if role not in self.ground.processes))
        self.workers = wanted
        self.ground.until(lambda: self._divided(partitions), JOINED_S, f"{count} workers to divide {partitions}")

    def _divided(self, partitions: int) -> bool:
        """Every worker's last word on its assignment: some for each, all together all."""
        shares = [_share(read(self.ground.figures(role))) for role in self.workers]
        return all(shares) and sum(shares) == partitions

    def drain(self, raws: Sequence[Raw], seconds: float = 600) -> Drain:
        """One round: publish while the workers are stopped, let them go on, wait for the last position relayed."""
        ground = self.ground
        ground.send(signal.SIGSTOP, *self.workers)
        self.sender.publish(raws)
        before, cpu, noted = ground.rows(WRITTEN)[0], ground.cpu(), self._noted()
        began = time.perf_counter()
        ground.send(signal.SIGCONT, *self.workers)
        ground.until(self.decided, seconds, "all messages decided")
        ground.until(self.relayed, seconds, "all positions relayed")
        passed = time.perf_counter() - began
        after, used = ground.rows(WRITTEN)[0], ground.cpu()
        return Drain(
            workers=len(self.workers),
            messages=len(raws),
            seconds=passed,
            entries=after[0] - before[0],
            wal_bytes=int(after[1] - before[1]),
            table_bytes=int(after[2] - before[2]),
            cpu_s={role: used[role] - cpu.get(role, 0.0) for role in used},
            slices=self._slices(noted),
        )

    def decided(self) -> bool:
        """Whether every acknowledged message has its verdict."""
        done = {(topic, partition): offset for topic, partition, offset in self.ground.rows(DONE)}
        return all(done.get(place, 0) >= end for place, end in self.sender.ends.items())

    def relayed(self) -> bool:
        """Whether every position is on the feed."""
        rows = self.ground.rows(RELAYED)
        return bool(rows) and rows[0][0] == rows[0][1]

    def _noted(self) -> dict[str, int]:
        return {role: len(read(self.ground.figures(role))) for role in self.workers}

    def _slices(self, noted: dict[str, int]) -> list[Slice]:
        fresh = [line for role in self.workers for line in read(self.ground.figures(role))[noted[role] :]]
        return [line for line in fresh if "count" in line]


def _share(lines: Sequence[Slice]) -> int:
    return next((int(line["assigned"]) for line in reversed(lines) if "assigned" in line), 0)


def under_lock_us(drains: Sequence[Drain]) -> float:
    """Microseconds a message holds the ledger's lock."""
    slices = [line for drain in drains for line in drain.slices]
    return 1e6 * _per_message(slices, "lock_s")


def costs_us(drains: Sequence[Drain]) -> dict[str, float]:
    """Microseconds a message: wall time of the steps, processor time of the processes."""
    slices = [line for drain in drains for line in drain.slices]
    messages = sum(drain.messages for drain in drains)
    found = {f"{step}_wall": 1e6 * _per_message(slices, f"{step}_s") for step in ("prepare", "record", "lock")}
    for drain in drains:
        for role in drain.cpu_s.keys() - _NOT_THE_HUB:
            name = f"{role.partition(' ')[0]}_cpu"
            found[name] = found.get(name, 0.0) + 1e6 * drain.cpu_s[role] / messages
    return {name: round(value, 1) for name, value in sorted(found.items())}


def _per_message(slices: Sequence[Slice], field: str) -> float:
    count = sum(line["count"] for line in slices)
    return float(sum(line[field] for line in slices)) / count if count else 0.0
