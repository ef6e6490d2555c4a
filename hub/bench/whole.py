"""One run of `hub bench` from beginning to end: the order of the rows, and how much of everything is done.

Every row uses the same servers, messages and machine, one after another. Owns no row and no figure.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hub.bench import ceiling, latency, usual
from hub.bench.backlog import Backlog, Raw, Sender
from hub.bench.ground import Ground
from hub.bench.intake import Drain, Intake
from hub.bench.memory import Memory, Sampler
from hub.bench.report import Plan, Report, Rows, assemble
from hub.bench.worker import Tally
from hub.schemas import topics
from hub.town.accounts import accounts

QUICK: Final = Plan(rounds=3, seconds=6.0, most=12_000, windows=3, window_s=4.0, latency_s=10, memory=0)
FULL: Final = Plan(rounds=5, seconds=15.0, most=40_000, windows=5, window_s=10.0, latency_s=60, memory=300_000)
WARM: Final = 2_000
PER_SECOND: Final = 1_000
#: Rows a process of the ceiling writes in one round at most.
CEILING_ROWS: Final = 40_000
Say = Callable[[str], None]


def measure(say: Say, *, quick: bool) -> Report:
    """Measure every row on servers of their own, in a temporary folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    try:
        with Ground(folder) as ground:
            return _Run(ground, QUICK if quick else FULL, say).all()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Run:
    """One run's state: the servers, the stream of messages, and how many of them a round gets."""

    def __init__(self, ground: Ground, plan: Plan, say: Say) -> None:
        self.ground, self.plan, self.say = ground, plan, say
        self.sender = Sender(ground.settings)
        self.intake = Intake(ground, self.sender)
        total = WARM + plan.most * plan.rounds * 2 + PER_SECOND * plan.latency_s + plan.memory
        self.backlog = Backlog(total + WARM)
        self.partitions = 0

    def all(self) -> Report:
        """Every row, the hub first: the others read what was published for it."""
        before = {"load_before": round(os.getloadavg()[0], 2), "fsync_ms": self.ground.fsync_ms()}
        self._prepare()
        sampler = Sampler(self.ground.processes["consumer 0"].pid, Tally(self.ground.figures("consumer 0")))
        one = self._rounds(1)
        two = self._rounds(2)
        waited = self._latency()
        memory = self._memory(sampler)
        self.ground.stop(*self.ground.processes)
        row_bytes = round(sum(d.table_bytes for d in (*one, *two)) / sum(d.messages for d in (*one, *two)))
        self.say(f"ceiling: COPY of one row of {row_bytes:,} bytes a message, 1 and 2 processes")
        top = {n: [self._ceiling(n, row_bytes) for _ in range(self.plan.rounds)] for n in (1, 2)}
        self.say("usual handler: FastStream, one message, one transaction")
        rates = usual.run(self.ground.settings, self.plan.windows, self.plan.window_s)
        rows = Rows({1: one, 2: two}, top, rates, waited, memory)
        return assemble(self.plan, self.backlog, rows, row_bytes, before)

    def _prepare(self) -> None:
        self.say("topics and accounts")
        claims = accounts()
        registrations = self.ground.provision(claims)
        self.partitions = len(self.ground.partitions())
        self.sender.publish([Raw(topics.RULES, "", raw) for raw in registrations])
        self.ground.start("relay")
        self.intake.employ(1, self.partitions)

    def _rounds(self, workers: int) -> list[Drain]:
        """Warm up, then as many rounds as planned, each of a size that takes about the planned seconds."""
        if workers > 1:
            self.intake.employ(workers, self.partitions)
        self.say(f"hub with {workers} worker{'s' * (workers > 1)}: warming up")
        rate = self.intake.drain(self.backlog.take(WARM // 2)).rate
        count = int(min(self.plan.most, max(1_000, rate * self.plan.seconds)))
        drains = []
        for n in range(self.plan.rounds):
            raws = self.backlog.take(count)
            drains.append(self.intake.drain(raws))
            self.say(f"hub with {workers}: round {n + 1} of {self.plan.rounds}, {drains[-1].rate:,.0f} messages/s")
        return drains

    def _latency(self) -> latency.Latency:
        self.say(f"latency at {PER_SECOND:,} messages/s for {self.plan.latency_s} s")
        raws = self.backlog.take(PER_SECOND * self.plan.latency_s)
        return latency.run(self.ground, self.intake, raws, PER_SECOND)

    def _memory(self, sampler: Sampler) -> Memory:
        left = self.plan.memory
        while left > 0:
            self.say(f"memory: {left:,} messages left")
            self.intake.drain(self.backlog.take(min(left, self.plan.most)))
            left -= self.plan.most
        return sampler.stop()

    def _ceiling(self, processes: int, row_bytes: int) -> float:
        return ceiling.run(self.ground, processes, row_bytes, min(self.backlog.count, CEILING_ROWS))
