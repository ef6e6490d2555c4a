"""How commands speak: results on stdout (words or one JSON value), progress on stderr (plain lines without a terminal).

Owns tables, the progress line and examples in help. Never decides what a result is.
"""

from __future__ import annotations

import inspect
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeVar

import orjson
import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON value on stdout instead of words.")]
State = Annotated[
    Path | None, typer.Option("--state", help="State folder (default: HUB_STATE, else .state in the checkout).")
]
F = TypeVar("F", bound=Callable[..., Any])
#: Seconds between two progress lines where nobody watches a terminal.
PLAIN_EVERY_S: Final = 5.0
TERMINAL_EVERY_S: Final = 0.1


def examples(*lines: str) -> Callable[[F], F]:
    """Append examples to a command's help, each on a line of its own."""

    def add(command: F) -> F:
        shown = "\n".join(f"  {line}" for line in lines)
        command.__doc__ = f"{inspect.cleandoc(command.__doc__ or '')}\n\n\b\nExamples:\n{shown}\n"
        return command

    return add


def group() -> typer.Typer:
    """A group of commands; its purpose is in `hub.cli.COMMANDS`."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


def emit(value: object) -> None:
    """Print one JSON value, indented, on stdout."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE, default=str).decode())


def emit_line(value: object) -> None:
    """Print one JSON value on a line of its own: for streams."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE, default=str).decode())


def say(text: str) -> None:
    """A line for people, beside the results."""
    print(text, file=sys.stderr, flush=True)


def width(text: str) -> int:
    """Columns a text takes in a terminal: Hangul takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def table(rows: Iterable[Sequence[object]], header: Sequence[str] = ()) -> str:
    """Aligned columns."""
    cells = [[str(c) for c in row] for row in rows]
    lines = [list(header), *cells] if header else cells
    if not lines:
        return ""
    widths = [max(width(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(_padded(c, w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _padded(text: str, to: int) -> str:
    return text + " " * (to - width(text))


class Progress:
    """A line about how far something is, with its rate and the time left."""

    def __init__(self, what: str, total: int = 0) -> None:
        self._what, self._total, self._done = what, total, 0
        self._began = self._said = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._say("done" if ended[0] is None else "stopped", last=True)

    def advance(self, count: int = 1) -> None:
        """Some more are done."""
        self.reach(self._done + count)

    def reach(self, done: int, total: int = 0) -> None:
        """This many are done; `total` when it has changed."""
        self._done, self._total = done, total or self._total
        now = time.monotonic()
        if now - self._said >= (TERMINAL_EVERY_S if self._terminal else PLAIN_EVERY_S):
            self._said = now
            self._say(self._left(now))

    def _left(self, now: float) -> str:
        rate = self._done / max(now - self._began, 0.001)
        return f"{(self._total - self._done) / rate:,.0f} s left" if self._total and rate else ""

    def _say(self, note: str, *, last: bool = False) -> None:
        passed = max(time.monotonic() - self._began, 0.001)
        count = f"{self._done:,}" + (f" of {self._total:,}" if self._total else "")
        line = f"{self._what}: {count}, {self._done / passed:,.0f}/s, {passed:.1f} s {note}".rstrip()
        if self._terminal:
            print(f"\r\033[K{line}", end="\n" if last else "", file=sys.stderr, flush=True)
        else:
            say(line)
