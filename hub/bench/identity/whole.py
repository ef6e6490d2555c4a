"""One run of `hub identity bench`: which parts, in which order, with how much of everything. Owns no part.

The register is filled once, in a temporary folder; Splink reads the same people from files beside it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import msgspec

from hub.bench.identity import beside_splink, febrl, korean, speed, stored
from hub.bench.identity.consequence import Consequences
from hub.bench.identity.curve import curve
from hub.bench.identity.mentions import mentions
from hub.bench.identity.population import is_registered
from hub.bench.identity.report import BESIDE, Report, Side, machine
from hub.core.identity.model import Model
from hub.core.identity.partition import Pair, pair
from hub.rules import texts

Part = Literal["febrl", "town", "speed", "splink"]
PARTS: Final[tuple[Part, ...]] = ("febrl", "town", "speed", "splink")
TASKS: Final[tuple[tuple[febrl.Name, bool], ...]] = (
    ("febrl4", False), ("febrl3", False), ("febrl4", True), ("febrl3", True)
)  # fmt: skip
#: Sizes of batch FEBRL is streamed in: as messages trickle, and as a backlog comes.
BATCHES: Final = (1, 500)
Say = Callable[[str], None]


class Plan(msgspec.Struct, frozen=True):
    """How much a run does. count: mentions a round; beside: mentions that Splink is asked about as well."""

    people: int
    orders: int
    quick: bool
    parts: tuple[Part, ...] = PARTS
    seed: int = 1

    @property
    def rounds(self) -> int:
        """Rounds of each size of batch."""
        return 3 if self.quick else 5

    @property
    def count(self) -> int:
        """Mentions a round: a tenth of the register at most, so that it stays what it is, and whole batches."""
        return max(*speed.BATCHES, min(10_000 if self.quick else 20_000, self.people // 10))

    @property
    def beside(self) -> int:
        """Mentions Splink is asked about."""
        return (6 if self.quick else 20) * BESIDE


def measure(plan: Plan, say: Say) -> Report:
    """Measure what the plan names."""
    if "splink" in plan.parts:
        beside_splink.require()  # not after an hour of measuring
    report = Report(plan.people, plan.quick, machine())
    if "febrl" in plan.parts:
        for name, with_number in TASKS:
            measured = febrl.measure(name, with_number, plan.orders, BATCHES, say)
            report.rows.append(msgspec.to_builtins(measured))
    if "town" in plan.parts:
        _town(plan, report, say)
    if "splink" in plan.parts:
        report.splink += [beside_splink.febrl_batch(name, with_number=number, say=say) for name, number in TASKS]
    if "speed" in plan.parts or "splink" in plan.parts:
        _against_a_register(plan, report, say)
    return report


def _town(plan: Plan, report: Report, say: Say) -> None:
    """The town in every order; then once more, for what other thresholds would give."""
    town = mentions(plan.people, plan.people, plan.seed, say)
    report.rows.append(msgspec.to_builtins(korean.measured(town, plan.orders, plan.seed, say)))
    model = Model.load(texts()["weights.json"])
    done = korean.stream(town.records, model, Consequences(town.records, town.rules), say)
    say("what other thresholds would give")
    report.curve += [msgspec.to_builtins(point) for point in curve(done.register, town)]


def _against_a_register(plan: Plan, report: Report, say: Say) -> None:
    folder = Path(tempfile.mkdtemp(prefix="hub-identity-"))
    table = folder / "table" if "splink" in plan.parts else None
    if table is not None:
        table.mkdir()
    try:
        with stored.database(folder) as settings:
            stored.fill(settings, plan.people, plan.seed, os.cpu_count() or 1, say, table)
            matcher = speed.Matcher(settings, plan.people, plan.seed)
            with contextlib.closing(matcher), speed.as_a_worker():
                if table is not None:
                    _beside(plan, report, matcher, table, say)
                if "speed" in plan.parts:
                    report.speed += speed.measure(matcher, plan.rounds, plan.count, say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _beside(plan: Plan, report: Report, matcher: speed.Matcher, table: Path, say: Say) -> None:
    """The same mentions, in the same batches, to the hub and to Splink."""
    population = matcher.population
    matcher.drain(BESIDE, plan.count, "warm beside")
    asked = population.fresh(plan.beside, "beside")
    true = {pair(each.id, population.registered_id(each.person)) for each in asked if is_registered(each.person)}
    taken = matcher.drain(BESIDE, plan.beside, "beside")
    linked = matcher.linked([each.id for each in asked])
    twice = [stored.values(each) for each in population.fresh(plan.count, "second")]
    report.hub_beside = _side(linked, true, taken.rate)
    say(f"hub: register of {plan.people:,}: F1 {report.hub_beside.f1:.5f}, {taken.rate:,.0f} records/s")
    register = beside_splink.Register(table, twice)
    weighed: beside_splink.Weighed = []
    seconds: list[float] = []
    for first in range(0, plan.beside, BESIDE):
        rows = [stored.values(each) for each in asked[first : first + BESIDE]]
        found, took = register.ask(rows, f"batch_{first}")
        weighed += found
        seconds.append(took)
        say(f"splink: batch of {BESIDE}: {BESIDE / took:,.0f} records/s")
    report.splink.append(register.judged(weighed, true, plan.beside, seconds))


def _side(linked: set[Pair], true: set[Pair], rate: float) -> Side:
    found = febrl.rates(linked, true)
    return Side(found.f1, found.precision, found.recall, round(rate, 1))
