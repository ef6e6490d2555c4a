"""`hub identity`: how well the matcher works, and weights learned from referrals. Owns the commands only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

from hub.cli.output import Json, emit, examples, say
from hub.cli.output import group as new_group
from hub.errors import Usage

if TYPE_CHECKING:
    from hub.bench.identity.whole import Part

OUT: Final = Path("bench-out")
PARTS: Final[tuple[Part, ...]] = ("febrl", "town", "speed", "splink")
group = new_group()


@group.command("bench")
@examples(
    "hub identity bench --quick",
    "hub identity bench --people 1000000 --only speed",
    "hub identity bench --json > identity.json",
)
def bench(
    people: Annotated[int, typer.Option("--people", min=2000, help="People of the town and of the register.")] = 100000,
    quick: Annotated[bool, typer.Option("--quick", help="Two orders and fewer rounds; wider spreads.")] = False,
    orders: Annotated[int, typer.Option("--orders", min=1, help="Orders of arrival a set is streamed in.")] = 5,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="febrl, town, speed or splink: that part of the run; may be given more than once."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same town and mentions.")] = 1,
    out: Annotated[Path, typer.Option("--out", help="Folder of identity.json and the chart.")] = OUT,
    as_json: Json = False,
) -> None:
    """Measure the matcher: published data, a Korean town, speed against a register in PostgreSQL, Splink beside it.

    It starts a PostgreSQL of its own and touches no other. A million people take about 2 GB of disk.
    """
    parts = _chosen(only or PARTS)
    from hub.bench.identity.chart import draw  # noqa: PLC0415 - slow to load, and `--help` needs none of it
    from hub.bench.identity.report import show  # noqa: PLC0415
    from hub.bench.identity.whole import Plan, measure  # noqa: PLC0415

    report = measure(Plan(people, min(orders, 2) if quick else orders, quick, parts, seed), say)
    out.mkdir(parents=True, exist_ok=True)
    written = orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (out / "identity.json").write_bytes(written)
    draw(report, out)
    if as_json:
        emit(report.as_json())
    else:
        show(report)
    say(f"written: identity.json, identity.png and identity.svg in {out}")


@group.command("train")
@examples("hub identity train referrals.jsonl --out weights.json")
def train(
    messages: Annotated[Path, typer.Argument(metavar="INPUT", help="Messages, one JSON a line.")],
    out: Annotated[Path, typer.Option("--out", help="Where the new weight file goes; it must not exist yet.")],
    base: Annotated[
        Path | None, typer.Option("--base", help="The weight file to begin with (default: the hub's own).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same file.")] = 1,
    as_json: Json = False,
) -> None:
    """Learn weights from referrals, without labels, and write them as a new file. The running hub changes nothing.

    Run it where the messages may be read: INPUT holds personal data, the file that comes of it holds none.
    """
    from hub.bench.identity.training import train_file  # noqa: PLC0415 - slow to load, and `--help` needs none of it
    from hub.core.identity.model import Model  # noqa: PLC0415
    from hub.rules import texts  # noqa: PLC0415

    _readable(messages, base)
    if out.exists():
        raise Usage(f"{out} exists.", "Name a file that does not: decisions of last year need last year's weights.")
    start = texts()["weights.json"] if base is None else base.read_text(encoding="utf-8")
    learned = train_file(messages, start, seed, say)
    model = Model.load(learned)
    out.write_text(learned, encoding="utf-8")
    if as_json:
        emit({"file": str(out), "version": model.version, "digest": model.digest})
    else:
        say(f"written: {out}, version {model.version}, digest {model.digest}")


def _chosen(names: Sequence[str]) -> tuple[Part, ...]:
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise Usage(f"The run has no part {unknown[0]!r}.", f"Parts: {', '.join(PARTS)}.")
    return tuple(part for part in PARTS if part in names)


def _readable(*paths: Path | None) -> None:
    for path in paths:
        if path is not None and not path.is_file():
            raise Usage(f"There is no file {path}.", "`hub simulate --out` writes one to try with.")
