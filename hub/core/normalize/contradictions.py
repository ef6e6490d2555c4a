"""What a FHIR bundle says twice and differently. Owns finding it; flags only, for a worker to look at.

Published examples contradict themselves too (precise.md 12); a good intake records them and says so.
"""

from __future__ import annotations

from typing import Final

from hub.core.normalize.dates import read_day, read_instant
from hub.core.normalize.draft import Draft
from hub.core.normalize.parts import Parts, Placed, refers
from hub.schemas.native.fhir import ServiceRequest, Task

_OVER: Final = frozenset(("completed", "failed", "cancelled", "rejected"))


def flag_contradictions(draft: Draft, parts: Parts, root: Placed[ServiceRequest]) -> None:
    """Flags: request_completed, task_contradicts, procedure_contradicts, dates_contradict, consent_after_referral."""
    status = root.resource.status
    if status == "completed":
        draft.flag("request_completed")
    if len(parts.requests) > 1 or parts.consents:
        _flag_order(draft, parts, root)
    if not parts.tasks and not parts.procedures:
        return
    _flag_tasks(draft, parts, root)
    _flag_procedures(draft, parts, root)


def _flag_order(draft: Draft, parts: Parts, root: Placed[ServiceRequest]) -> None:
    """A part that was asked for before the whole, and a consent given after what it should have allowed."""
    authored = _moment(root.resource.authored_on)
    if any(_is_before(_moment(held.resource.authored_on), authored) for held in parts.requests):
        draft.flag("dates_contradict")
    if any(authored and _is_before(authored, _moment(held.resource.date_time)) for held in parts.consents):
        draft.flag("consent_after_referral")


def _flag_tasks(draft: Draft, parts: Parts, root: Placed[ServiceRequest]) -> None:
    """Tasks that disagree with the request, or with one another, about whether it is over."""
    authored = _moment(root.resource.authored_on)
    focused = [held.resource for held in parts.tasks if refers((held.resource.focus,), root.names)]
    is_over = {task.status in _OVER for task in focused}
    if len(is_over) > 1 or is_over == {root.resource.status != "completed"}:
        draft.flag("task_contradicts")
    if any(_is_older_than_whole(task, parts) for task in (held.resource for held in parts.tasks)):
        draft.flag("dates_contradict")
    if any(_goes_back(task) or _is_before(_moment(task.authored_on), authored) for task in focused):
        draft.flag("dates_contradict")


def _flag_procedures(draft: Draft, parts: Parts, root: Placed[ServiceRequest]) -> None:
    authored = _moment(root.resource.authored_on)
    done = [held.resource for held in parts.procedures if refers(held.resource.based_on, root.names)]
    if root.resource.status not in {"completed", ""} and any(held.status == "completed" for held in done):
        draft.flag("procedure_contradicts")
    if any(_is_before(_moment(held.performed_date_time), authored) for held in done):
        draft.flag("dates_contradict")


def _is_older_than_whole(task: Task, parts: Parts) -> bool:
    """A step that was written before the task it is a part of."""
    wholes = [held.resource for held in parts.tasks if refers(task.part_of, held.names)]
    return any(_is_before(_moment(task.authored_on), _moment(whole.authored_on)) for whole in wholes)


def _goes_back(task: Task) -> bool:
    """Finished or touched before it was written."""
    written = _moment(task.authored_on)
    ended = _moment(task.execution_period.end) if task.execution_period else ""
    return _is_before(_moment(task.last_modified), written) or _is_before(ended, written)


def _moment(text: str) -> str:
    """A FHIR dateTime comparable as text, '' when there is none. A bare day stays one: it has no hour to compare."""
    if not text:
        return ""
    return (read_day(text) if len(text) <= 10 else read_instant(text)) or ""  # noqa: PLR2004 - YYYY-MM-DD


def _is_before(one: str, other: str) -> bool:
    width = min(len(one), len(other))
    return width > 0 and one[:width] < other[:width]
