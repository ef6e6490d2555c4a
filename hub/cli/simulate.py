"""`hub simulate`: messages of a simulated town, to a file, to stdout or onto Kafka. Owns pacing and output.

The town is `hub.town`'s; the same arguments give the same bytes.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import orjson
import typer

from hub.cli.installation import installation
from hub.cli.output import Json, Progress, State, emit, examples, say
from hub.cli.publishing import Outgoing, publish
from hub.errors import Usage
from hub.schemas.topics import inbound
from hub.town.referrals import Event, generate

TRUTH: Final = ("message", "person", "household", "need", "referral_number", "expect")

People = Annotated[int, typer.Option("--people", min=1, help="Inhabitants of the town.")]
Referrals = Annotated[int, typer.Option("--referrals", min=0, help="Messages to send.")]


@examples(
    "hub simulate --people 2000 --referrals 3000 --seed 7 --out town.jsonl --truth truth.csv",
    "hub simulate --people 100000 --referrals 50000 --seed 7 --publish --rate 1000",
    "hub simulate --people 500 --referrals 20 | head -3",
)
def simulate(
    people: People = 2000,
    referrals: Referrals = 3000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same messages.")] = 1,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Messages a second; 0: as fast as possible.")] = 0.0,
    out: Annotated[Path | None, typer.Option("--out", help="JSON lines; default: stdout, unless --publish.")] = None,
    truth: Annotated[Path | None, typer.Option("--truth", help="CSV: who was meant and what must come of it.")] = None,
    to_kafka: Annotated[bool, typer.Option("--publish", help="Send to the hub's inbound topics.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only; send and write nothing.")] = False,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Messages of a Korean town with households, typos, moves and twins, as its agencies would write them.

    To publish, its agencies must have accounts: `hub demo` makes them.
    """
    if as_json and not (out or to_kafka or dry_run):
        raise Usage("--json would mix with the messages on stdout.", "Name a file with --out, or leave it out.")
    counted: Counter[str] = Counter()
    with ExitStack() as stack, Progress("messages", referrals) as progress:
        events = counting(paced(generate(people, referrals, seed), rate), counted)
        if truth is not None and not dry_run:
            events = with_truth(events, stack.enter_context(truth.open("w", encoding="utf-8", newline="")))
        if dry_run:
            progress.reach(sum(1 for _ in events))
        elif to_kafka:
            publish(installation(state), map(outgoing, events), progress.advance)
        else:
            write(events, stack.enter_context(out.open("w", encoding="utf-8")) if out else sys.stdout, progress)
    report = {"seed": seed, "people": people, "messages": counted.total(), "expected": dict(sorted(counted.items()))}
    if as_json:
        emit(report)
    else:
        say(", ".join(f"{count} to be {expect}" for expect, count in sorted(counted.items())))


def outgoing(event: Event) -> Outgoing:
    """An event on its way to its agency's topic."""
    return Outgoing(inbound(event.agency), event.message["partitionkey"], orjson.dumps(event.message))


def paced(events: Iterable[Event], rate: float) -> Iterator[Event]:
    """The events, at most so many a second."""
    began = time.monotonic()
    for count, event in enumerate(events):
        ahead = count / rate - (time.monotonic() - began) if rate else 0.0
        if ahead > 0:
            time.sleep(ahead)
        yield event


def counting(events: Iterable[Event], counted: Counter[str]) -> Iterator[Event]:
    """The events, counted by what must come of them."""
    for event in events:
        counted[event.truth["expect"]] += 1
        yield event


def with_truth(events: Iterable[Event], file: TextIO) -> Iterator[Event]:
    """The events, with a line of truth written for each."""
    writer: csv.DictWriter[Any] = csv.DictWriter(file, ("agency", *TRUTH))
    writer.writeheader()
    for event in events:
        writer.writerow({"agency": event.agency, **event.truth})
        yield event


def write(events: Iterable[Event], file: TextIO, progress: Progress) -> None:
    """One message a line."""
    for event in events:
        file.write(orjson.dumps(event.message).decode() + "\n")
        progress.advance()
