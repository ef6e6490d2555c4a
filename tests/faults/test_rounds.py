"""Rounds of faults at random moments under load; the run ends with every proof.

The seed is printed and can be given again: `FAULT_SEED=17 pytest -m faults tests/faults/test_rounds.py`.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.load import Load, populate
from tests.flow.proof import prove
from tests.flow.site import Site

CONSUMERS = ("consumer 0", "consumer 1", "consumer 2")
PER_S = 40


def say(text: str) -> None:
    """Shown by pytest when the test fails, or with -s."""
    print(text)  # noqa: T201


class Storm:
    """What can happen, each with how long it lasts drawn at random. Whatever is ended is started again."""

    def __init__(self, site: Site, seed: int) -> None:
        self.site, self.random = site, random.Random(seed)  # noqa: S311 - reproducible

    def kill_consumer(self) -> None:
        role = self.random.choice(CONSUMERS)
        self.site.stop(role, number=signal.SIGKILL)
        self.site.start(role)

    def terminate_consumer(self) -> None:
        role = self.random.choice(CONSUMERS)
        self.site.stop(role)
        self.site.start(role)

    def freeze_consumer(self) -> None:
        role = self.random.choice(CONSUMERS)
        self.site.send_signal(role, signal.SIGSTOP)
        time.sleep(self.random.choice((0.3, 2.0, 6.0)))
        self.site.send_signal(role, signal.SIGCONT)

    def freeze_in_copy(self) -> None:
        """One that stops with the head locked and half a COPY on its way; the others must end its backend."""
        role = self.random.choice(CONSUMERS)
        self.site.stop(role)
        usual, self.site.program = self.site.program, ("-m", "tests.flow.crashing", "stopped-in-copy")
        self.site.start(role)
        self.site.program = usual
        self.site.until(lambda: self.site.frozen(role), 60, "stopped in a COPY")
        before = self.site.log.read_text().count("blocker_ended")
        self.site.until(lambda: self.site.log.read_text().count("blocker_ended") > before, 30, "the blocker ended")
        self.site.send_signal(role, self.random.choice((signal.SIGCONT, signal.SIGKILL)))
        self.site.stop(role)
        self.site.start(role)

    def kill_relay(self) -> None:
        self.site.stop("relay", number=self.random.choice((signal.SIGKILL, signal.SIGTERM)))
        self.site.start("relay")

    def kill_kafka(self) -> None:
        self.site.servers.kill_kafka(self.random.choice((signal.SIGKILL, signal.SIGTERM)))
        self.site.servers.start_kafka()

    def freeze_kafka(self) -> None:
        self.site.servers.kill_kafka(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.3, 4.0))
        self.site.servers.kill_kafka(signal.SIGCONT)

    def crash_postgres(self) -> None:
        self.site.servers.restart_postgres("immediate")

    def freeze_postgres(self) -> None:
        self.site.servers.signal_postgres(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.3, 2.0))
        self.site.servers.signal_postgres(signal.SIGCONT)

    def kill_all_consumers(self) -> None:
        self.site.stop(*CONSUMERS, number=signal.SIGKILL)
        self.site.start(*CONSUMERS)

    def crash_both_servers(self) -> None:
        self.site.servers.kill_kafka(signal.SIGKILL)
        self.site.servers.restart_postgres("immediate")
        self.site.servers.start_kafka()

    def kinds(self) -> list[Callable[[], None]]:
        often = [self.kill_consumer, self.terminate_consumer, self.freeze_consumer, self.crash_postgres]
        rarely = [self.kill_relay, self.kill_kafka, self.freeze_kafka, self.freeze_postgres]
        return [*often, *often, *rarely, self.kill_all_consumers, self.crash_both_servers, self.freeze_in_copy]

    def rounds(self, count: int) -> None:
        """The first six are of six kinds; the others are drawn."""
        first = [self.kill_consumer, self.crash_postgres, self.freeze_consumer, self.kill_kafka]
        first += [self.terminate_consumer, self.freeze_in_copy]
        drawn = [self.random.choice(self.kinds()) for _ in range(max(0, count - len(first)))]
        for number, fault in enumerate((first + drawn)[:count]):
            say(f"round {number}: {fault.__name__}")
            fault()
            time.sleep(self.random.uniform(0.2, 2.0))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, inbound_partitions=2, blocker_after_s=3.0)
    populate(site)
    yield site
    site.close()


def stormy(site: Site, count: int, per_s: int = PER_S) -> None:
    """Rounds under load, then everything settles and is proven."""
    seed = int(os.environ.get("FAULT_SEED", random.SystemRandom().randrange(1_000_000)))
    say(f"FAULT_SEED={seed}")
    site.start(*CONSUMERS, "relay")
    with Load(site, seed, per_s) as load:
        site.until(lambda: site.one("SELECT size FROM head") > 50, 90, "the hub runs")
        Storm(site, seed).rounds(count)
    site.settle(180)
    site.until(site.relayed, 60, "all relayed")
    say(f"sent {load.sent}, acknowledged {len(site.acknowledged)}: {prove(site)}")


def test_five_rounds_of_faults_lose_double_and_invert_nothing(town: Site) -> None:
    stormy(town, 5)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_fifty_rounds_of_faults_lose_double_and_invert_nothing(town: Site) -> None:
    stormy(town, 50)
