"""`hub run`: the supervisor in the foreground. Owns what its signals mean; the work is `hub.cli.supervisor`'s."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Annotated, cast, get_args

import typer

from hub.cli.installation import installation
from hub.cli.output import State, examples, say
from hub.cli.supervisor import Part, RunningHub, start_hub
from hub.errors import Halt, Usage

Workers = Annotated[int, typer.Option("--workers", min=0, max=64, help="Consumer processes; Kafka divides the work.")]


@examples("hub run", "hub run --workers 4", "hub run consumers --workers 2", "hub run web")
def run(
    part: Annotated[str, typer.Argument(help="all, consumers, relay or web.")] = "all",
    workers: Workers = 1,
    state: State = None,
) -> None:
    """Run consumers, relay (with clock and signer) and web, one process each, until Ctrl-C.

    A process that crashes is started again; one that halted stops everything and says why.
    """
    if part not in get_args(Part):
        raise Usage(f"there is no part '{part}'.", f"Use one of {', '.join(get_args(Part))}.")
    hub = start_hub(installation(state), workers, part=cast("Part", part))
    say(f"the hub runs{': ' + hub.web_url if hub.web_url else ''} (Ctrl-C ends it)")
    follow(hub)


def follow(hub: RunningHub) -> None:
    """Wait until a signal or a halt ends the hub. Raises `Halt` with the reason for the latter."""
    with ended_by_signals() as asked:
        while not asked.wait(0.2) and not hub.wait(0):
            pass
    if asked.is_set():
        say("ending …")
    hub.stop()
    if hub.failure:
        raise Halt(hub.failure)


class Asked:
    """A flag a signal handler may set. Not an Event: a handler that runs inside its `wait` would wait for itself."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        """Somebody asked."""
        self._set = True

    def is_set(self) -> bool:
        """Whether somebody asked."""
        return self._set

    def wait(self, seconds: float) -> bool:
        """Wait so long; whether somebody asked."""
        time.sleep(0 if self._set else seconds)
        return self._set


class ended_by_signals:  # noqa: N801 - reads as a statement
    """Within, SIGINT and SIGTERM set a flag instead of interrupting whatever runs."""

    def __enter__(self) -> Asked:
        self._asked = Asked()
        self._before = {n: signal.signal(n, self._ask) for n in (signal.SIGINT, signal.SIGTERM)}
        return self._asked

    def __exit__(self, *ended: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._asked.set()
