"""The program `hub`: finds the command that was asked for and says what went wrong in words.

Owns exit statuses (0 holds, 1 some failed, 2 usage, 3 environment) and how an error is told. Loads only the module of
the command that was typed, so `hub --help` answers at once. Nothing of the hub imports anything of this room.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from types import TracebackType
from typing import Final, NamedTuple

import typer

from hub.cli.output import examples
from hub.errors import Halt, HubError, Retry, Usage
from infra.local.errors import LocalServerError

HOLDS, FAILED, USAGE, ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130


class Command(NamedTuple):
    """Where a command lives: a function or a group of commands of that name in `module`."""

    module: str
    held: str
    words: str


COMMANDS: Final[dict[str, Command]] = {
    "up": Command("servers", "up", "Start the local servers, make keys, tables and topics."),
    "down": Command("servers", "down", "Stop the hub and the local servers. Data stays."),
    "status": Command("servers", "status", "What runs, where, and how far it is."),
    "doctor": Command("doctor", "doctor", "Check everything the hub needs, each with its fix."),
    "run": Command("processes", "run", "Run consumers, relay, signer and web until Ctrl-C."),
    "demo": Command("demo", "demo", "The whole hub with samples and a simulated town."),
    "simulate": Command("simulate", "simulate", "Messages of a simulated Korean town, the same for the same seed."),
    "send": Command("send", "send", "Send files as an agency would, and print receipts."),
    "agency": Command("agency", "group", "Accounts: add, list, rotate, suspend, resume."),
    "directory": Command("directory", "group", "Published services of agencies: list, show."),
    "connector": Command("connector", "group", "Join a partner's system: check, discover, run, bundle."),
    "feed": Command("read", "feed", "The unified feed."),
    "case": Command("read", "case", "Cases: list, show."),
    "need": Command("read", "need", "Needs: list."),
    "household": Command("household", "group", "Households: split one by hand, join two."),
    "person": Command("person", "group", "Who is who: why, why not, how; merge and unmerge."),
    "review": Command("review", "group", "Questions only a person may answer: list, show, decide."),
    "refused": Command("refusals", "group", "Refused messages and their reasons."),
    "referral": Command("referral", "group", "Referrals: show, and every change an agency may make."),
    "audit": Command("audit", "group", "Verify, replay and compare the ledger."),
    "bench": Command("bench", "bench", "Measure the hub on this machine."),
    "identity": Command("identity", "group", "The matcher: measure it, train its weights."),
    "schemas": Command("schemas", "group", "JSON Schemas: build, check."),
}


def program(chosen: str) -> typer.Typer:
    """The program with the chosen command loaded; of the others only name and purpose."""
    root = typer.Typer(
        name="hub",
        add_completion=False,
        rich_markup_mode=None,
        no_args_is_help=True,
        pretty_exceptions_enable=False,  # they print local variables: personal data among them
    )
    root.callback()(_root)
    for name, command in COMMANDS.items():
        if name != chosen:
            root.command(name, help=command.words)(_elsewhere)
            continue
        held = getattr(importlib.import_module(f"hub.cli.{command.module}"), command.held)
        hush()
        if isinstance(held, typer.Typer):
            root.add_typer(held, name=name, help=command.words)
        else:
            root.command(name)(held)
    return root


def hush() -> None:
    """What parts of the hub log while a command uses them goes to stderr, and only from WARNING."""
    import structlog  # noqa: PLC0415 - `hub --help` does without

    level = logging.INFO if os.environ.get("HUB_DEBUG") else logging.WARNING
    # aiokafka calls every reconnection an error; what is one is raised.
    logging.getLogger("aiokafka").setLevel(level if level < logging.WARNING else logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@examples("hub demo", "hub up && hub run --workers 2", "hub COMMAND --help")
def _root() -> None:
    """Ieum Hub: referrals between agencies, one ledger, one feed."""


def _elsewhere() -> None:
    """Stands for a command that was not asked for."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit status; an error is told as what, why and the remedy, never as a traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    sys.excepthook = _defect
    try:
        program(next((a for a in given if not a.startswith("-")), ""))(args=given, prog_name="hub")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `hub … | head`: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return HOLDS
    except (HubError, LocalServerError) as error:
        return _told(error)
    return HOLDS


def _defect(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """An error nobody expected. Its place is shown on request only: a message may hold what it was about."""
    if os.environ.get("HUB_DEBUG"):
        sys.__excepthook__(kind, error, at)
        return
    print(f"hub: a defect of the hub itself ({kind.__name__})", file=sys.stderr)
    print("  remedy: report it with what HUB_DEBUG=1 shows (mind that it may show personal data)", file=sys.stderr)


def _told(error: HubError | LocalServerError) -> int:
    if os.environ.get("HUB_DEBUG"):
        raise error
    what, remedy, status = _words(error)
    print(f"hub: {what}", file=sys.stderr)
    if remedy:
        print(f"  remedy: {remedy}", file=sys.stderr)
    return status


def _words(error: HubError | LocalServerError) -> tuple[str, str, int]:
    """What happened and why, the remedy, and the exit status."""
    match error:
        case Usage():
            return error.what, error.remedy, USAGE
        case LocalServerError():
            return str(error.args[0]), error.remedy, ENVIRONMENT
        case Retry():
            return str(error), "`hub status` shows what runs, `hub up` starts it; nothing was lost", ENVIRONMENT
        case Halt():
            return f"stopped: {error}", "an invariant is broken: look at it before anything is changed", FAILED
        case _:
            return str(error), "try again", FAILED
