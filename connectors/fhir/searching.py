"""What is asked of the hospital's server, and what its answer names: who asks, what was taken back, what came along.

Owns the search's parameters and how a time of the server becomes one that compares as text. Takes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from connectors.fhir.config import FhirConfig
from connectors.fhir.gathering import REQUEST, TASK, Pool
from connectors.fhir.messages import Family
from connectors.fhir.pages import Held, Unreadable, reference, updated
from connectors.fhir.server import Json
from connectors.fhir.tasks import TAKEN_BACK

log = structlog.get_logger()
_STATUSES: Final = {TASK: "requested,cancelled,entered-in-error", REQUEST: "active,revoked,entered-in-error"}
_INCLUDED: Final = {TASK: ("Task:focus", "Task:patient"), REQUEST: ("ServiceRequest:patient",)}
#: Tasks that were taken back: name, request, when.
Revoked = list[tuple[str, str, str]]


class Search:
    """One search, and how large its pages are now."""

    def __init__(self, config: FhirConfig) -> None:
        self._config = config
        self.kind = config.search
        self.count = config.page_size
        self.includes = True
        self._may_include = True

    def parameters(self, at: str) -> list[tuple[str, str]]:
        """The parameters of the search from a time on ('': from the beginning)."""
        kind = self.kind
        when = [("_lastUpdated", f"ge{at}")] if at else []
        included = [("_include", one) for one in _INCLUDED[kind]] if self.includes else []
        own = list(self._config.parameters.items())
        return [
            *own,
            ("status", _STATUSES[kind]),
            *when,
            ("_sort", "_lastUpdated"),
            *included,
            ("_count", f"{self.count}"),
        ]

    def sorted_out(self, held: Iterable[Held]) -> tuple[list[Family], Revoked, Pool]:
        """Families that ask, Tasks that were taken back (name, request, when), and what came along."""
        kind, families = self.kind, dict[str, Family]()
        revoked: Revoked = []
        pool: Pool = {}
        for one in held:
            if one.name:
                pool[one.name] = one.value
            if one.name and not one.name.startswith(f"{kind}/"):
                continue
            if isinstance(one.value, Unreadable):
                log.warning("resource_unreadable", resource=kind, code=one.value.code)
            elif not one.name:
                log.warning("resource_unreadable", resource=kind, code="nameless")
            elif kind == REQUEST:
                families[one.name] = Family(one.name, changed=instant(updated(one.value)))
            else:
                self._task(one.name, one.value, families, revoked)
        return list(families.values()), revoked, pool

    def smaller(self) -> bool:
        """Ask for less at a time; False where it cannot be less."""
        if self.count == 1 and not self.includes:
            return False
        self.includes = self.includes and self.count > 1
        self.count = max(1, self.count // 2)
        return True

    def larger(self) -> None:
        """Ask for more again, up to what was configured."""
        self.count, self.includes = min(self._config.page_size, self.count * 2), self._may_include

    def plainer(self) -> bool:
        """Ask without includes from now on; False where that is so already."""
        before, self._may_include = self._may_include, False
        self.includes = False
        return before

    def _task(self, name: str, task: Json, families: dict[str, Family], revoked: Revoked) -> None:
        status, request = task.get("status"), reference(task.get("focus"), self._config.base)
        if status in TAKEN_BACK:
            revoked.append((name, request, instant(updated(task))))
        elif status == "requested":
            is_request = request.startswith(f"{REQUEST}/")
            family = families.setdefault(request if is_request else name, Family(request if is_request else name))
            family.tasks[name] = task
            if not is_request:
                family.refuse("Task.focus", "focus_unknown", "a Task is about a ServiceRequest of this server")


def instant(text: str) -> str:
    """A FHIR instant as UTC in milliseconds, so that texts compare as times; '' for what is none."""
    try:
        told = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return told.isoformat(timespec="milliseconds")[:-6] + "Z"


def earlier(text: str, seconds: float) -> str:
    """A time so many seconds before; before the first year there is none."""
    if not text:
        return ""
    try:
        told = datetime.fromisoformat(text) - timedelta(seconds=seconds)
    except OverflowError:
        return ""
    return told.isoformat(timespec="milliseconds")[:-6] + "Z"
