"""The Korean town, streamed: how well the hub tells its people apart, in several orders of arrival.

Owns the run and what is reported of it; the definitions of the shares are `tally`'s. The truth is only counted with,
never learned from: weights and thresholds are those of `hub/rules/weights.json`.
"""

from __future__ import annotations

import gc
import time
from random import Random
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from hub.bench.identity.consequence import Consequences
from hub.bench.identity.curve import Point, curve
from hub.bench.identity.mentions import Mentioned, Mentions, mentions
from hub.bench.identity.register import Register
from hub.bench.identity.tally import false_links, linked_pairs, missed, tally, unlinked
from hub.core.identity.model import Model
from hub.rules import texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.core.identity.identify import Identified
    from hub.core.identity.partition import Pair

_TOLD_EVERY: Final = 200_000


class Measured(msgspec.Struct, frozen=True):
    """One town, streamed in several orders. Shares are of pairs, or of arriving records where it says so.

    precision, auto_recall, f1: of the pairs linked automatically, out of all true pairs, those included that no machine
    may link (a protected identity). recall: true pairs linked or shown as possibly the same; missed: the rest.
    review, human_review: arriving records that were "possibly the same as" somebody, and those of them that a human
    must see; means over the orders. The rest is the first order's, and every order's where order_changes, the pairs
    linked in one order and not in another, is 0. unlinked_kinds, missed_kinds: true pairs not linked, and missed, by
    cause (`tally.missed`). records_per_second: one process, in memory, without preparation, the median order.
    """

    data: str
    people: int
    referrals: int
    f1: float
    precision: float
    recall: float
    auto_recall: float
    review: float
    human_review: float
    missed: float
    order_changes: int
    orders: int
    records_per_second: float
    false_links: dict[str, int]
    unlinked_kinds: dict[str, int]
    missed_kinds: dict[str, int]
    generic_keys: int
    twins_share: float
    number_missing: float
    curve: list[Point]


class Streamed(msgspec.Struct):
    """What one order left behind. shown: (arriving record, record of a person it possibly is)."""

    register: Register
    reviews: int = 0
    human: int = 0
    shown: list[Pair] = []
    seconds: float = 0.0


def measure(people: int, orders: int, seed: int, say: Callable[[str], None], referrals: int | None = None) -> Measured:
    """Make a town, stream its records in `orders` random orders, and count.

    `referrals` are messages (default: as many as people); those that are signals, repeats or refused make no record.
    """
    return measured(mentions(people, referrals or people, seed, say), orders, seed, say)


def measured(
    town: Mentions, orders: int, seed: int, say: Callable[[str], None], model: Model | None = None
) -> Measured:
    """As `measure`, of a town already made. model: instead of the shipped one."""
    model = model or Model.load(texts()["weights.json"])
    consequences = Consequences(town.records, town.rules)
    gc.collect()
    gc.freeze()
    first: set[Pair] = set()
    changed: set[Pair] = set()
    runs: list[Run] = []
    counted: dict[str, Any] = {}
    for number in range(orders):
        done = stream(_shuffled(town, seed, number), model, consequences, say)
        runs.append(_run(done))
        say(f"order {number + 1}: {runs[-1].speed:.0f} records/s, {runs[-1].review:.2%} possibly somebody else")
        linked = linked_pairs(done.register.persons())
        if not number:
            first, counted = linked, _counted(done, town, model)
        changed |= linked ^ first
    gc.unfreeze()
    return Measured(
        data="korean_town",
        people=town.town.people,
        referrals=len(town.records),
        review=fmean(run.review for run in runs),
        human_review=fmean(run.human for run in runs),
        order_changes=len(changed),
        orders=orders,
        records_per_second=median(run.speed for run in runs),
        twins_share=town.twins_share(),
        number_missing=town.number_missing(),
        **counted,
    )


def _shuffled(town: Mentions, seed: int, number: int) -> Sequence[Mentioned]:
    records = list(town.records)
    Random(f"{seed} order {number}").shuffle(records)
    return records


def stream(
    records: Sequence[Mentioned], model: Model, consequences: Consequences, say: Callable[[str], None]
) -> Streamed:
    """Everybody arrives, one after another."""
    register = Register(model)
    done = Streamed(register)
    for count, record in enumerate(records):
        if count % _TOLD_EVERY == 0 and count:
            say(f"{count} records streamed")
        began = time.perf_counter()
        found = register.arrive(record)
        done.seconds += time.perf_counter() - began
        if found.possibly:
            _note(done, record.id, found, consequences)
    return done


def _note(done: Streamed, id_: str, found: Identified, consequences: Consequences) -> None:
    """A record that is possibly somebody else as well: whom it was shown with, and whether a human must say."""
    register = done.register
    possible = set(found.possibly)
    others = [other for other in found.edges if register.records[other].person in possible]
    own = [other for other in register.members(found.component) if register.records[other].person == found.person]
    done.reviews += 1
    reasons = consequences.of(own, others)
    done.human += bool(reasons)
    done.shown += [(id_, other) for other in others]


class Run(NamedTuple):
    """Shares of one order's records, and records a second."""

    review: float
    human: float
    speed: float


def _run(done: Streamed) -> Run:
    size = max(1, len(done.register.records))
    return Run(done.reviews / size, done.human / size, size / max(done.seconds, 1e-9))


def _counted(done: Streamed, town: Mentions, model: Model) -> dict[str, Any]:
    """Everything of `Measured` that follows from the persons of one order."""
    person_of = done.register.persons()
    pairs = tally(person_of, town)
    shown = {(person_of[a], person_of[b]) for a, b in done.shown}
    shown |= {(b, a) for a, b in shown}
    apart = list(unlinked(person_of, town))
    unseen = [(a, b) for a, b in apart if (person_of[a.id], person_of[b.id]) not in shown]
    lost = len(unseen) / max(1, pairs.true)
    return {
        "precision": pairs.precision,
        "auto_recall": pairs.auto_recall,
        "f1": pairs.f1,
        "recall": 1 - lost,
        "missed": lost,
        "false_links": false_links(person_of, town),
        "unlinked_kinds": missed(apart, done.register, model),
        "missed_kinds": missed(unseen, done.register, model),
        "generic_keys": done.register.turned_generic,
        "curve": curve(done.register, town),
    }
