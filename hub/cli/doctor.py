"""`hub doctor`: everything the hub needs, checked one by one, each with its fix. Owns the list and its order.

A check never changes anything and never stops the others. `hub.cli.checks` holds what is asked of servers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import typer

from hub.cli import FAILED, checks
from hub.cli.checks import Check, failed
from hub.cli.installation import completed, configured, is_external
from hub.cli.output import Json, State, emit, examples, table
from hub.errors import HubError
from hub.settings import Settings
from infra.local.errors import LocalServerError
from infra.local.servers import Servers

#: Checks of this machine, then of the installation, then of what runs.
MACHINE: Final[tuple[Callable[[Settings], Check], ...]] = (
    checks.python,
    checks.environment,
    checks.jars,
    checks.java,
    checks.disk,
    checks.keys,
)
RUNNING: Final[tuple[Callable[[Settings], Check], ...]] = (
    checks.postgres,
    checks.clock,
    checks.migrations,
    checks.rights,
    checks.kafka,
    checks.topics,
    checks.denial,
    checks.processes,
    checks.web,
    checks.consumers,
    checks.relay,
)
MARKS: Final = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL", "skip": "–   "}


@examples("hub doctor", "hub doctor --json")
def doctor(state: State = None, as_json: Json = False) -> None:
    """Check Python, programs, disk, keys, servers, tables, topics, rights, processes and lags; say how to fix each.

    Exits with 1 when a check failed; a warning is none.
    """
    found = examined(configured(state))
    if as_json:
        emit(msgspec.to_builtins(found))
    else:
        rows = [(MARKS[c.status], c.name, c.text, c.fix if c.status in {"warn", "fail"} else "") for c in found]
        print(table(rows, ("", "check", "found", "fix")))
    if any(c.status == "fail" for c in found):
        raise typer.Exit(FAILED)


def examined(settings: Settings) -> list[Check]:
    """All checks, in order."""
    found = [_run(check, settings) for check in MACHINE]
    if not is_external(settings):
        info = Servers(settings.state_dir).status()
        if info is None:
            return [*found, failed("servers", "no local servers were ever started here", "hub up")]
        settings = completed(settings, info)
    return found + [_run(check, settings) for check in RUNNING]


def _run(check: Callable[[Settings], Check], settings: Settings) -> Check:
    """One check; an error of the hub is its finding."""
    try:
        return check(settings)
    except LocalServerError as error:
        return failed(check.__name__, str(error.args[0]), error.remedy)
    except HubError as error:
        return failed(check.__name__, str(error), getattr(error, "remedy", "") or "hub up")
